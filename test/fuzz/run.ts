import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { nothingMore, open, watchCodecs } from "../support/faults/open.ts";

/** What a run is to do. */
export interface Run {
  readonly inputs: number;
  readonly seed: number;
  /** After so many failures it ends. */
  readonly maxFailures: number;
  /** Whether its time is over. */
  over(): boolean;
}

/** Something that must not be. */
export interface Failure {
  /** The inputs that have it again, as words; none, when it is the whole run's. */
  readonly inputs: readonly string[];
  readonly what: string;
}

/** What came of it. */
export interface Summary {
  readonly inputs: number;
  readonly seconds: number;
  /** How many inputs are kept. */
  readonly corpus: number;
  readonly failures: readonly Failure[];
  readonly kept: readonly Uint8Array[];
  readonly details: Readonly<Record<string, unknown>>;
}

/** Runs a campaign. What it leaves open is a failure of it, and so is a rejection that nobody handles. */
export async function watched(campaign: () => Promise<Summary>): Promise<Summary> {
  watchCodecs();
  const before = open();
  const found: Failure[] = [];
  const onUnhandled = (error: unknown) =>
    void found.push({ inputs: [], what: `not handled: ${error instanceof Error ? error.stack : error}` });
  process.on("unhandledRejection", onUnhandled);
  try {
    const summary = await campaign();
    await nothingMore(before).catch((error: Error) => found.push({ inputs: [], what: error.message }));
    return { ...summary, failures: [...summary.failures, ...found] };
  } finally {
    process.off("unhandledRejection", onUnhandled);
  }
}

/** Keeps a failure's inputs in a file, and says how to have it again. */
export function again(target: string, { inputs, what }: Failure): string {
  if (inputs.length === 0) return what;
  const file = path.join(mkdtempSync(path.join(tmpdir(), "edgear-fuzz-")), `${target}.txt`);
  writeFileSync(file, `${inputs.join("\n")}\n`);
  return `${what}\n  again: npm run fuzz -- --target ${target} --replay-file ${file}`;
}

/** The inputs of a file, as words. */
export function inputsOf(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").filter(Boolean);
}
