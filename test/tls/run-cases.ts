// Runs the cases without a test runner, on any runtime. It is bundled first, with the library (runtimes.test.ts).
// Arguments: what they are run against, as JSON, and a part of their names.
import { failures } from "./failures.ts";
import { options } from "./options.ts";
import { working } from "./working.ts";

const environment = JSON.parse(process.argv[2] ?? "{}");
const only = process.argv[3] ?? "";
let passed = 0;
let failed = 0;
for (const { name, run } of [...options, ...failures, ...working]) {
  if (!name.includes(only)) continue;
  try {
    await run(environment);
    passed++;
  } catch (error) {
    failed++;
    process.stdout.write(`FAILED: ${name}\n${(error as Error).stack ?? String(error)}\n`);
  }
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
