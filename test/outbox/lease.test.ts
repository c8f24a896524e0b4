import { DatabaseSync } from "node:sqlite";
import { Client } from "edgear";
import { Outbox } from "edgear/outbox";
import { type SqliteDatabase, sqlite } from "edgear/outbox/sqlite";
import { expect, inject, test } from "vitest";
import { pause } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";

const [{ address } = { address: "" }] = inject("servers");

/** A database that does a kind of statement at once, and says so so many milliseconds later; by a time of 0 it is like any other. */
function answeringLate(database: DatabaseSync, kind: RegExp, late: { time: number }): SqliteDatabase {
  return {
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
    get isTransaction() {
      return database.isTransaction;
    },
    prepare(sql) {
      const statement = database.prepare(sql);
      const all = (...values: never[]) => {
        const rows = statement.all(...values);
        if (kind.test(sql)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, late.time);
        return rows;
      };
      return { all, run: (...values: never[]) => statement.run(...values) };
    },
  };
}

/** A store whose rows are read, and then something is waited for. */
function reading(database: SqliteDatabase, lease: number, meanwhile: () => Promise<unknown>) {
  const store = sqlite({ database, lease });
  const lead = store.lead.bind(store);
  store.lead = async () => {
    const leader = await lead();
    const rows = leader?.rows.bind(leader);
    if (!leader || !rows) return leader;
    const slow: typeof rows = async (...args) => {
      const found = await rows(...args);
      await meanwhile();
      return found;
    };
    return Object.assign(leader, { rows: slow });
  };
  return store;
}

test("a lead lasts from when it was asked for, however late the database says that it was taken", async () => {
  using database = new DatabaseSync(":memory:");
  await using client = new Client(address);
  const other = new Outbox({ store: sqlite({ database }), client });
  await other.install();
  other.add(database, fresh("late"), "x");
  const events: string[] = [];
  other.on("relay", () => events.push("the other one"));
  let read = false;
  const store = reading(answeringLate(database, /SET value = .*until <=/s, { time: 2_500 }), 3_000, async () => {
    if (read) return;
    read = true;
    // By now the lease as it was taken is over.
    await pause(800);
    await other.drain();
  });
  const outbox = new Outbox({ store, client }).on("relay", () => events.push("the one that leads"));
  await outbox.drain();
  expect(events).toEqual(["the one that leads"]);
});

test("nothing is submitted when most of the lease was over before the database said that it was renewed", async () => {
  using database = new DatabaseSync(":memory:");
  await using client = new Client(address);
  const late = { time: 1_500 };
  const store = reading(answeringLate(database, /SET until = .* AND value/s, late), 2_000, () => pause(800));
  const outbox = new Outbox({ store, client });
  await outbox.install();
  outbox.add(database, fresh("late"), "x");
  await expect(outbox.drain()).rejects.toThrow(/to renew the lead took \d+ ms, too much of the lease of 2000 ms/);
  expect(await outbox.status()).toMatchObject({ waiting: 1 });
  late.time = 0;
  expect(await outbox.drain()).toMatchObject({ relayed: 1, empty: true });
});

test("relays where reading takes a good part of the lease, and nothing that another one has relayed meanwhile", {
  timeout: 30_000,
}, async () => {
  using database = new DatabaseSync(":memory:");
  let meanwhile: (() => Promise<void>) | undefined;
  const store = reading(database, 2_000, async () => {
    await pause(600);
    await meanwhile?.();
  });
  await using client = new Client(address);
  const outbox = new Outbox({ store, client });
  await outbox.install();
  outbox.add(database, fresh("slow"), "x");
  expect(await outbox.drain({ signal: AbortSignal.timeout(15_000) })).toEqual({ relayed: 1, aside: 0, empty: true });
  // As long as another one needs to relay what was read.
  outbox.add(database, fresh("slow"), "x");
  const other = new Outbox({ store: sqlite({ database }), client });
  meanwhile = async () => {
    meanwhile = undefined;
    await expect.poll(async () => (await other.drain()).relayed, { timeout: 10_000 }).toBe(1);
  };
  await expect(outbox.drain()).rejects.toThrow(/another one has relayed the outbox/);
  expect(await outbox.status()).toMatchObject({ waiting: 0 });
});
