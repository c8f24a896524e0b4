// Runs the shared suite without a test runner: on Node 20, Deno and Bun. It is bundled first (installed.ts), the
// library left out: that is the installed package. Arguments: the servers and the faulty ones, as JSON.
import { environments } from "../conformance/case.ts";
import { cases } from "../conformance/cases.ts";

type Arguments = Parameters<typeof environments>;

const [servers, faulty] = JSON.parse(process.argv[2] ?? "[]") as Arguments;
let passed = 0;
let failed = 0;
for (const { name: server, environment } of environments(servers, faulty)) {
  for (const { name, run } of cases) {
    try {
      await run(environment);
      passed++;
    } catch (error) {
      failed++;
      process.stdout.write(`FAILED against ${server}: ${name}\n${(error as Error).stack ?? String(error)}\n`);
    }
  }
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
