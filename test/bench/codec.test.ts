import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { median } from "../../bench/lib/results.mjs";
import { command } from "../support/command.ts";

const bench = fileURLToPath(new URL("../../bench", import.meta.url));

/** A third slower than what was recorded is a regression; less is what machines, and two processes on one, differ by. */
const KEPT = 2 / 3;
/** Processes whose median counts: so many first, and so many in all when those say that something is slow. */
const FIRST = 3;
const ALL = 7;

type Ratios = Record<string, number>;

/** In a process of its own: what vitest loads is instrumented. */
async function measure(): Promise<Ratios> {
  const { code, stdout, stderr } = await command(process.execPath, [path.join(bench, "codec-ratio.mjs")]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

test("the codec is as much faster than a plain JavaScript one as it was", { timeout: 120_000 }, async () => {
  const recorded: Ratios = JSON.parse(await readFile(path.join(bench, "codec-baseline.json"), "utf8"));
  const measured: Ratios[] = [];
  let slow: string[] = [];
  for (const count of [FIRST, ALL]) {
    while (measured.length < count) measured.push(await measure());
    for (const ratios of measured) expect(Object.keys(ratios)).toEqual(Object.keys(recorded));
    slow = Object.entries(recorded)
      .map(([name, ratio]) => ({ name, ratio, now: median(measured.map((ratios) => ratios[name] ?? 0)) }))
      .filter(({ ratio, now }) => now < ratio * KEPT)
      .map(({ name, ratio, now }) => `${name}: ${now} times as fast, was ${ratio}`);
    if (slow.length === 0) break;
  }
  expect(slow).toEqual([]);
});
