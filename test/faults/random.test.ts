import assert from "node:assert/strict";
import { Admin, Client, GearmanError, Worker } from "edgear";
import { describe, test } from "vitest";
import { eventually } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { nothingMore, open, watchCodecs } from "../support/faults/open.ts";
import { FaultProxy } from "../support/faults/proxy.ts";
import { chooseSeed, Randoms, SEED, seeded } from "../support/faults/randoms.ts";
import { FAULT_KINDS, HARMLESS, randomScript } from "../support/faults/script.ts";
import { CLIENT_OPTIONS, TIMES, WORKER_OPTIONS } from "./actors.ts";
import { type OwnServer, SERVERS, startSturdyGearmand } from "./servers.ts";

/* Random scripts: faults of all kinds on the first connections of a client, a worker and an admin at once. */

watchCodecs();

const SCRIPTS = 48;
const AT_ONCE = 8;
/** Connections of each line that are not sound. */
const FAULTY = 3;

/** Milliseconds that anything may take: some tries, each of which may take its whole time. */
const LIMIT = 8_000;

/** What must settle, and how it did. */
async function inTime(promise: Promise<unknown>): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`has not settled in ${LIMIT} ms`)), LIMIT);
  });
  try {
    return await Promise.race([promise.catch((error: unknown) => error), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Has jobs done, and questions asked, over lines with random faults. */
async function run(server: OwnServer, randoms: Randoms, harmless: boolean): Promise<void> {
  const name = fresh("up");
  const line = () => FaultProxy.to(server.port, randomScript(randoms, harmless ? HARMLESS : FAULT_KINDS, FAULTY));
  await using clients = await line();
  await using workers = await line();
  await using admins = await line();
  // What is only slow is to be waited for.
  const times = harmless ? { requestTimeout: 4_000 } : {};
  const client = new Client(clients.address, { ...CLIENT_OPTIONS, ...times });
  const admin = new Admin(admins.address, { ...TIMES, ...times });
  const worker = new Worker(workers.address, { ...WORKER_OPTIONS, ...times, concurrency: 4 });
  worker.add(name, (job) => job.workload.text().toUpperCase());
  const running = worker.run();
  try {
    const calls: { got: Promise<unknown>; expected: unknown }[] = [];
    const call = (promise: Promise<unknown>, expected: unknown) => void calls.push({ got: inTime(promise), expected });
    for (let job = 0; job < 6; job++) {
      const unique = job % 2 ? { unique: `u${job}` } : {};
      const text = `abc${job}${"x".repeat(randoms.below(200))}`;
      call(client.run(name, text, { ...unique, timeout: 6_000 }).then(String), text.toUpperCase());
      call(
        client.background(name, text, unique).then(({ handle }) => /^H:/.test(handle)),
        true,
      );
      call(
        client.status("H:nobody:9").then(({ state }) => state),
        "unknown",
      );
      call(
        admin.version().then((version) => /^\d/.test(version)),
        true,
      );
    }
    for (const [index, got] of (await Promise.all(calls.map((each) => each.got))).entries()) {
      const { expected } = calls[index] as { expected: unknown };
      if (harmless) assert.deepEqual(got, expected);
      // What a corrupt byte makes of a result is not known here; an error is one of the library's.
      else if (got instanceof Error) assert.ok(got instanceof GearmanError, String(got));
    }
    // Behind the faulty connections there are sound ones.
    for (const proxy of harmless ? [] : [clients, workers, admins]) {
      proxy.script = () => ({});
      proxy.reset();
    }
    const well = async () => String(await client.run(name, "well", { timeout: 4_000 }).catch(() => "")) === "WELL";
    await eventually("all to be well again", well);
    await eventually("the admin to be well again", async () => /^\d/.test(await admin.version().catch(() => "")));
  } finally {
    await client.close({ timeout: 1_000 });
    await admin.close();
    await worker.close({ timeout: 1_000 });
    await running;
  }
}

describe.each(Object.entries({ ...SERVERS, gearmand: startSturdyGearmand }))(
  "over random faults on lines to %s",
  (_name, start) => {
    test.each([
      ["of kinds that change nothing, everything has its result", true],
      ["of all kinds, everything settles, and is well again", false],
    ])("%s", { timeout: 120_000 }, async (_what, harmless) => {
      const before = open();
      {
        await using server = await start();
        // One that was given is run alone.
        const given = process.env[SEED] !== undefined;
        const first = chooseSeed();
        const seeds = Array.from({ length: given ? 1 : SCRIPTS }, (_, index) => (first + index) >>> 0);
        const lane = async () => {
          for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift())
            await seeded((randoms) => run(server, randoms, harmless), seed);
        };
        await Promise.all(Array.from({ length: AT_ONCE }, lane));
      }
      await nothingMore(before);
    });
  },
);

test("the same seed makes the same faults", () => {
  const plan = (seed: number) => {
    const script = randomScript(new Randoms(seed), FAULT_KINDS, FAULTY);
    return JSON.stringify(Array.from({ length: FAULTY }, (_, connection) => script(connection)));
  };
  assert.equal(plan(7), plan(7));
  assert.notEqual(plan(7), plan(8));
});
