import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { command } from "../support/command.ts";

const bench = fileURLToPath(new URL("../../bench", import.meta.url));

/** A third slower than what was recorded is a regression; less is what machines differ by. */
const KEPT = 2 / 3;
/** A machine that is busy with other tests may be wrong once. */
const TRIES = 3;

type Ratios = Record<string, number>;

/** In a process of its own: what vitest loads is instrumented. */
async function measure(): Promise<Ratios> {
  const { code, stdout, stderr } = await command(process.execPath, [path.join(bench, "codec-ratio.mjs")]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

test("the codec is as much faster than a plain JavaScript one as it was", { timeout: 60_000 }, async () => {
  const recorded: Ratios = JSON.parse(await readFile(path.join(bench, "codec-baseline.json"), "utf8"));
  const best: Ratios = {};
  let slow: string[] = [];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const measured = await measure();
    expect(Object.keys(measured)).toEqual(Object.keys(recorded));
    for (const [name, ratio] of Object.entries(measured)) best[name] = Math.max(best[name] ?? 0, ratio);
    slow = Object.entries(recorded)
      .filter(([name, ratio]) => (best[name] ?? 0) < ratio * KEPT)
      .map(([name, ratio]) => `${name}: ${best[name]} times as fast, was ${ratio}`);
    if (slow.length === 0) break;
  }
  expect(slow).toEqual([]);
});
