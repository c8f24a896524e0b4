import { Client } from "edgear";
import { Outbox } from "edgear/outbox";
import { postgres } from "edgear/outbox/postgres";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pause } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { address, collecting, PATIENT } from "./cases/database.ts";
import { postgresStore, type TestStore } from "./stores.ts";

let store: TestStore;

beforeAll(async () => {
  store = await postgresStore();
}, 60_000);

afterAll(() => store?.[Symbol.asyncDispose](), 60_000);

test("PostgreSQL wakes the relay: it need not look", async () => {
  await using client = new Client(address);
  const outbox = store.outbox("woken", { client, interval: 600_000 });
  await outbox.install();
  const name = fresh("woken");
  await using worker = collecting(name);
  const stop = new AbortController();
  const running = outbox.run({ signal: stop.signal });
  for (const text of ["one", "two"]) {
    await pause(100);
    await store.write(outbox, [[name, text]]);
    await expect.poll(() => worker.texts, PATIENT).toContain(text);
  }
  stop.abort();
  await running;
});

test("submits nothing twice when it may not set aside what was refused", async () => {
  const name = fresh("submitted");
  await using client = new Client(address);
  const owner = store.outbox("guarded", { client });
  await owner.install();
  await store.write(owner, [[name, "before"]]);
  await store.query("INSERT INTO guarded (function_name, workload) VALUES ('', 'x')");
  await store.write(owner, [[name, "after"]]);
  await store.query("CREATE ROLE relay LOGIN");
  await store.query("GRANT SELECT, DELETE ON guarded TO relay; GRANT SELECT ON guarded_state TO relay");
  const connectionString = store.url?.replace("postgres@", "relay@");
  const pool = new pg.Pool({ connectionString, max: 2 });
  pool.on("error", () => {});
  const outbox = new Outbox({ store: postgres({ pool, table: "guarded" }), client, interval: 50 });
  const relayed: string[] = [];
  const errors: string[] = [];
  outbox.on("relay", ({ id }) => relayed.push(id)).on("error", ({ error }) => errors.push(error.message));
  const stop = new AbortController();
  const running = outbox.run({ signal: stop.signal });
  await expect.poll(() => errors.length, PATIENT).toBeGreaterThan(2);
  stop.abort();
  await running;
  await pool.end();
  expect(errors[0]).toMatch(/permission denied/);
  expect(relayed).toEqual(["1", "3"]);
  expect(await owner.status()).toMatchObject({ waiting: 1, aside: 0 });
  await owner.drain();
  expect(await owner.aside()).toMatchObject([{ id: "2" }]);
  await using worker = collecting(name);
  await expect.poll(() => worker.texts, PATIENT).toEqual(["before", "after"]);
});
