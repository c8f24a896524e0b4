import { eventually } from "../../conformance/case.ts";

/*
 * What is still open. The codec's memory is not garbage-collected: connections that were opened there must be closed,
 * and jobs that were given slots must be let go of. Nothing outside the codec can see that, so its exports are wrapped
 * here, before it is instantiated.
 */

const { Instance } = WebAssembly;

/** What the codec exports, as far as it matters here. */
interface Exports {
  open(flags: number, maxPacketSize: number): number;
  close(connection: number): void;
  bind(connection: number, frame: number): number;
  unbind(connection: number, slot: number): void;
}

/** The slots that are taken, by connection, of all instances. */
const connections = new Map<string, Set<number>>();
let instances = 0;

/** Counts what the codec has open from here on. Called before the first connection is made. */
export function watchCodecs(): void {
  if (WebAssembly.Instance !== Instance) return;
  WebAssembly.Instance = class {
    readonly exports: WebAssembly.Exports;

    constructor(module: WebAssembly.Module, imports: WebAssembly.Imports) {
      const real = new Instance(module, imports).exports;
      const { open, close, bind, unbind } = real as unknown as Exports;
      if (!open || !close || !bind || !unbind) {
        this.exports = real;
        return;
      }
      const instance = instances++;
      const key = (connection: number) => `${instance}:${connection}`;
      const counted: Exports = {
        open(flags, maxPacketSize) {
          const connection = open(flags, maxPacketSize);
          if (connection) connections.set(key(connection), new Set());
          return connection;
        },
        close(connection) {
          connections.delete(key(connection));
          close(connection);
        },
        bind(connection, frame) {
          const slot = bind(connection, frame);
          connections.get(key(connection))?.add(slot);
          return slot;
        },
        unbind(connection, slot) {
          connections.get(key(connection))?.delete(slot);
          unbind(connection, slot);
        },
      };
      this.exports = { ...real, ...counted } as unknown as WebAssembly.Exports;
    }
  } as unknown as typeof WebAssembly.Instance;
}

/** What the program has open that keeps it alive or takes memory: sockets, servers, timers, and the codec's part. */
export function open(): Record<string, number> {
  const counts: Record<string, number> = { connections: connections.size, slots: 0 };
  for (const slots of connections.values()) counts.slots = (counts.slots ?? 0) + slots.size;
  for (const name of process.getActiveResourcesInfo()) {
    if (COUNTED.includes(name)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Others are of the test runner. */
const COUNTED = ["Timeout", "TCPSocketWrap", "TCPServerWrap", "TLSWrap", "TCPConnectWrap", "Immediate"];

/** Waits until nothing is open that was not before. */
export async function nothingMore(before: Readonly<Record<string, number>>): Promise<void> {
  const more = () => Object.entries(open()).filter(([name, count]) => count > (before[name] ?? 0));
  try {
    await eventually("what was opened to be closed", async () => more().length === 0);
  } catch (error) {
    throw new Error(
      `${(error as Error).message}: there are ${JSON.stringify(more())}, and were ${JSON.stringify(before)}`,
    );
  }
}
