// Runs the shared suite without a test runner: on Node 20, Deno and Bun. It is bundled first (installed.ts), the
// library left out: that is the installed package. Arguments: the servers and the faulty ones, as JSON.
import { environments } from "../conformance/case.ts";
import { cases } from "../conformance/cases.ts";

type Arguments = Parameters<typeof environments>;

const [servers, faulty] = JSON.parse(process.argv[2] ?? "[]") as Arguments;
for (const { name: server, environment } of environments(servers, faulty)) {
  let passed = 0;
  for (const { name, run } of cases) {
    try {
      await run(environment);
      passed++;
    } catch (error) {
      process.exitCode = 1;
      process.stdout.write(`FAILED against ${server}: ${name}\n${(error as Error).stack ?? String(error)}\n`);
    }
  }
  process.stdout.write(`${runtime()}, ${server}: ${passed} passed\n`);
}

/** What this runs on. Deno and Bun say that they are a Node, too. */
function runtime(): string {
  const { deno, bun, node } = process.versions;
  return deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`;
}
