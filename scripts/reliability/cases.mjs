/**
 * Writes down how many tests there were of what, and how they went, of a report that vitest has made:
 *
 *     npx vitest run test/faults test/hostile test/load test/servers --reporter=json --outputFile=cases.json
 *     npm run reliability -- cases cases.json --out docs/reliability/cases.jsonl
 */

import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writer } from "./lines.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** @param {string[]} args */
export default async function cases(args) {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { out: { type: "string" } } });
  const [report = ""] = positionals;
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  if (values.out) rmSync(values.out, { force: true });
  const write = writer(values.out);
  for (const { name, assertionResults } of testResults) {
    const file = path.relative(ROOT, name).split(path.sep).join("/");
    /** @type {Map<string, { tests: number; failed: number; milliseconds: number }>} */
    const groups = new Map();
    for (const { ancestorTitles, title, status, duration } of assertionResults) {
      const group = ancestorTitles.at(-1) ?? title;
      const { tests, failed, milliseconds } = groups.get(group) ?? { tests: 0, failed: 0, milliseconds: 0 };
      groups.set(group, {
        tests: tests + 1,
        failed: failed + (status === "passed" ? 0 : 1),
        milliseconds: Math.round(milliseconds + (duration ?? 0)),
      });
    }
    for (const [group, counts] of groups) write({ suite: "cases", summary: true, file, group, ...counts });
  }
}
