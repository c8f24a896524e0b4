import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deployed, deploy } from "../../support/deployed.ts";
import { type Gearmand, startGearmand } from "../../support/gearmand.ts";
import { textLines } from "../../support/text-command.ts";
import { type RunningWorker, startWorker } from "../../support/worker.ts";

const OBJECTS = { GEARMAN_HUB: "GearmanHub", PRIVATE_HUB: "PrivateHub", RESTARTED_HUB: "RestartedHub" };

let gearmand: Gearmand;
let deployed: Deployed;
let worker: RunningWorker;

beforeAll(async () => {
  gearmand = await startGearmand();
  const vars = { GEARMAN_SERVERS: gearmand.address, GEARMAN_HUB_INTERVAL: 60_000 };
  deployed = await deploy(vars, "test/e2e/hub/worker.ts", OBJECTS);
  worker = startWorker(gearmand.address, {
    echo: (job) => job.workload.bytes,
    throws: () => {
      throw new Error("no such picture");
    },
    slow: async (job) => {
      await delay(Number(job.workload.text()));
      return "slept";
    },
  });
}, 90_000);

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await deployed?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

type Answer = Record<string, unknown>;

async function ask(at: Deployed, method: string, args: unknown[] = [], more: object = {}): Promise<unknown> {
  const body = JSON.stringify({ method, args, ...more });
  const response = await at.fetch("/", { method: "POST", body, signal: AbortSignal.timeout(30_000) });
  return response.json();
}

/** Connections of clients: those that gearmand lists with no function, but the one that asks. */
async function clients(port: number): Promise<number[]> {
  const lines = await textLines(port, "workers");
  const idle = lines.filter((line) => line.trimEnd().endsWith(":")).map((line) => Number(line.split(" ")[0]));
  // The one that asks is the latest.
  return idle.sort((a, b) => a - b).slice(0, -1);
}

test("prints what the list looks like", async () => {
  await ask(deployed, "ping");
  console.log(await textLines(gearmand.port, "workers"), await clients(gearmand.port));
  console.log(await ask(deployed, "background", ["nobody", "x"]));
  console.log(await ask(deployed, "run", ["throws", "x"]));
});
