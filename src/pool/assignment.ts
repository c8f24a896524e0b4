/*
 * What a worker of a pool is told to do. It goes through channels that take JSON only, and certificates may be bytes.
 */
import type { GroupSettings } from "../config/index.js";
import type { ServerOptions } from "../index.js";

/** What a worker of a pool is told to do. */
export interface Assignment {
  readonly group: GroupSettings;
  readonly servers: readonly ServerOptions[];
  readonly worker: number;
  /** Whether jobs' workloads are told. */
  readonly workloads: boolean;
}

const BYTES = "$bytes";

/** As text. Bytes are kept. */
export function packAssignment(assignment: Assignment): string {
  return JSON.stringify(assignment, function (this: Record<string, unknown>, key, value: unknown) {
    // A Buffer has been asked for its own idea of JSON by now.
    const own = this[key];
    return own instanceof Uint8Array ? { [BYTES]: Buffer.from(own).toString("base64") } : value;
  });
}

/** What was packed. */
export function unpackAssignment(text: string): Assignment {
  return JSON.parse(text, (_key, value) =>
    typeof value?.[BYTES] === "string" ? new Uint8Array(Buffer.from(value[BYTES], "base64")) : value,
  );
}

/** The function that a group's workers answer pings by. */
export function pingFunction(group: string): string {
  return `edgear.ping.${group}`;
}
