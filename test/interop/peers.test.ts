import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { JobFailed, type Worker } from "edgear";
import { describe, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { command } from "../support/command.ts";
import { startPerlGearmand } from "../support/perl-gearmand.ts";
import { startWorker } from "../support/worker.ts";

/** Clients in other languages: they print what they are told of a foreground job, a JSON value a line. */
const clients = [
  { client: "php-gearman", program: "php", script: "follow.php" },
  { client: "Perl's Gearman::Client", program: "perl", script: "follow.pl" },
];

type Handlers = Record<string, Parameters<Worker["add"]>[1]>;

const handlers: Handlers = {
  everything: (job) => {
    job.status(1, 2);
    job.data("part");
    job.warn("careful");
    return job.workload.text().toUpperCase();
  },
  throwing: () => {
    throw new Error("out of paper");
  },
  failing: () => {
    throw new JobFailed();
  },
};

/** Runs one job of each handler, and says what the client was told of each. */
async function follow(address: string, program: string, script: string): Promise<Record<string, unknown[]>> {
  const prefix = fresh("peer");
  const functions = Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [`${prefix}-${name}`, handler]),
  );
  await using _started = startWorker(address, functions, { concurrency: 2 });
  const file = fileURLToPath(new URL(`peers/${script}`, import.meta.url));
  const port = address.split(":")[1] ?? "";
  const told: Record<string, unknown[]> = {};
  for (const name of Object.keys(handlers)) {
    const { code, stdout, stderr } = await command(program, [file, port, `${prefix}-${name}`, "hello"]);
    assert.equal(code, 0, stderr);
    const lines = stdout.trim().split("\n");
    told[name] = lines.map((line) => JSON.parse(line)).filter(([event]) => event !== "created");
  }
  return told;
}

describe.each(clients)("$client gets all that Worker tells", ({ program, script }) => {
  test.each(inject("servers"))("over $name", async ({ address }) => {
    assert.deepEqual(await follow(address, program, script), {
      everything: [
        ["status", 1, 2],
        ["data", "part"],
        ["warning", "careful"],
        ["complete", "HELLO"],
      ],
      throwing: [["exception", "out of paper"]],
      failing: [["fail"]],
    });
  });

  test("over Perl's gearmand, which knows neither data nor warnings", async () => {
    await using server = await startPerlGearmand();
    assert.deepEqual(await follow(server.address, program, script), {
      everything: [
        ["status", 1, 2],
        ["complete", "HELLO"],
      ],
      throwing: [["exception", "out of paper"]],
      failing: [["fail"]],
    });
  });
});
