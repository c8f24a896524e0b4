import assert from "node:assert/strict";
import { Admin, Client, type Job, RefusedError } from "edgear";
import type { RecordChange } from "edgear/outbox";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { pause } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { startWorker } from "../support/worker.ts";
import { d1Store, mariadbStore, postgresStore, sqliteStore, type TestStore } from "./stores.ts";

const [{ address } = { address: "" }] = inject("servers");

/** On a busy machine, too. */
const PATIENT = { timeout: 15_000 };
vi.setConfig({ testTimeout: 60_000 });

/** What a function's jobs were, in the order in which they were worked off. */
function collecting(...names: string[]) {
  const jobs: Job[] = [];
  const functions = Object.fromEntries(names.map((name) => [name, (job: Job) => void jobs.push(job)]));
  const worker = startWorker(address, functions);
  return {
    jobs,
    get texts() {
      return jobs.map(({ workload }) => workload.text());
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

describe.each([
  ["PostgreSQL", postgresStore],
  ["MariaDB", mariadbStore],
  ["SQLite", sqliteStore],
  ["D1", d1Store],
] as const)("an outbox in %s", (kind, start) => {
  let store: TestStore;
  let client: Client;

  beforeAll(async () => {
    store = await start();
    client = new Client(address);
  }, 120_000);

  afterAll(async () => {
    await client?.close();
    await store?.[Symbol.asyncDispose]();
  }, 60_000);

  /** An installed outbox of its own. */
  async function installed(options: Parameters<TestStore["outbox"]>[1] = {}) {
    const table = fresh("outbox").slice(0, 20);
    const outbox = store.outbox(table, { client, interval: 50, ...options });
    await outbox.install();
    return { table, outbox, quoted: store.quote(table) };
  }

  test("relays in order what was committed, byte for byte, and removes it", async () => {
    const { outbox, quoted } = await installed();
    await outbox.install();
    const name = fresh('a "function" `of` ours, ütf-8 🎈');
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
    const large = "x".repeat(300_000);
    await store.write(outbox, [
      [name, "first"],
      [name, bytes],
      [name, { id: 7, text: 'it\'s \\ "quoted"' }],
    ]);
    await store.write(outbox, [
      [name, ""],
      [name, large],
      [name, "own", { unique: `own-${name.slice(-30)}` }],
    ]);
    expect(await outbox.status()).toMatchObject({ waiting: 6, aside: 0, kept: 0 });
    expect((await outbox.status()).oldest).toBeLessThan(60_000);
    expect(await outbox.drain()).toEqual({ relayed: 6, aside: 0, empty: true });
    await using worker = collecting(name);
    await expect.poll(() => worker.jobs.length, PATIENT).toBe(6);
    const [first, second, third, fourth, fifth, sixth] = worker.jobs as [Job, Job, Job, Job, Job, Job];
    expect(first.workload.text()).toBe("first");
    expect([...second.workload.bytes]).toEqual([...bytes]);
    expect(third.workload.json()).toEqual({ id: 7, text: 'it\'s \\ "quoted"' });
    expect(fourth.workload.bytes).toHaveLength(0);
    expect(fifth.workload.text()).toBe(large);
    expect(sixth.unique).toBe(`own-${name.slice(-30)}`);
    expect(first.unique).toMatch(/^[0-9a-z]{10}-1$/);
    expect(second.unique).toBe(first.unique.replace(/1$/, "2"));
    expect(await store.query(`SELECT * FROM ${quoted}`)).toEqual([]);
    expect(await outbox.status()).toEqual({ waiting: 0, oldest: undefined, aside: 0, kept: 0 });
  });

  test("passes on priorities and times; marks what it has relayed if it is to be kept", async () => {
    const { outbox, quoted } = await installed({ keep: true, prefix: "kept:" });
    const name = fresh("prioritized");
    const later = `later-${name.slice(-36)}`;
    await store.write(outbox, [
      [name, "low", { priority: "low" }],
      [name, "normal"],
      [name, "high", { priority: "high" }],
      // gearmand hides jobs of a lower priority behind one of the same function whose time has not come.
      [`${name}-later`, "later", { at: Date.now() + 3_600_000, unique: later }],
    ]);
    expect(await outbox.drain()).toMatchObject({ relayed: 4, empty: true });
    expect(await outbox.drain()).toMatchObject({ relayed: 0, empty: true });
    await using worker = collecting(name);
    await expect.poll(() => worker.texts, PATIENT).toEqual(["high", "normal", "low"]);
    expect(worker.jobs.map(({ unique }) => unique)).toEqual(["kept:3", "kept:2", "kept:1"]);
    expect(await client.statusOf(later)).toMatchObject({ state: "queued" });
    expect(await store.query(`SELECT state FROM ${quoted}`)).toEqual(Array(4).fill({ state: 1 }));
    expect(await outbox.status()).toMatchObject({ waiting: 0, kept: 4 });
  });

  test("says of wrong arguments what is wrong, and writes nothing", async () => {
    const { outbox } = await installed();
    const wrong = async (...job: Parameters<typeof outbox.sql>) => {
      const error = await store.write(outbox, [job]).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(error).toBeInstanceOf(TypeError);
      return (error as Error).message;
    };
    expect(await wrong("")).toMatch(/function name must not be empty/);
    expect(await wrong("f", "x", { unique: "" })).toMatch(/unique must not be ""/);
    expect(await wrong("f", "x", { unique: "u".repeat(64) })).toMatch(/63 bytes at most/);
    expect(await wrong("f", "x", { prority: "high" } as never)).toMatch(/no option "prority"/);
    expect(await wrong("f", "x", { delay: 5, priority: "low" })).toMatch(/always has the normal/);
    if (store.begin) expect((await outbox.status()).waiting).toBe(0);
  });

  test("relays as rows come, until it is told to stop", async () => {
    const { outbox } = await installed();
    const name = fresh("coming");
    await using worker = collecting(name);
    const stop = new AbortController();
    const running = outbox.run({ signal: stop.signal });
    for (let index = 0; index < 5; index++) {
      await store.write(outbox, [[name, String(index)]]);
      await expect.poll(() => worker.texts, PATIENT).toContain(String(index));
    }
    stop.abort();
    await running;
    await store.write(outbox, [[name, "after"]]);
    await pause(200);
    expect(worker.texts).toEqual(["0", "1", "2", "3", "4"]);
    expect((await outbox.status()).waiting).toBe(1);
    await outbox.drain();
    await expect.poll(() => worker.texts, PATIENT).toContain("after");
  });

  test("sets aside what can't be a job, says why, and goes on", async () => {
    const { outbox, quoted } = await installed();
    const name = fresh("fine");
    const told: string[] = [];
    outbox.on("aside", ({ id, reason }) => told.push(`${id}: ${reason}`));
    await store.write(outbox, [[name, "before"]]);
    await store.query(`INSERT INTO ${quoted} (function_name, workload) VALUES ('', 'x')`);
    await store.query(
      `INSERT INTO ${quoted} (function_name, workload, unique_id) VALUES ('f', 'x', '${"u".repeat(64)}')`,
    );
    await store.query(`INSERT INTO ${quoted} (function_name, workload) VALUES ('${name}', 'from SQL')`);
    expect(await outbox.drain()).toEqual({ relayed: 2, aside: 2, empty: true });
    await using worker = collecting(name);
    await expect.poll(() => worker.texts, PATIENT).toEqual(["before", "from SQL"]);
    expect(told).toEqual([
      "2: a function name must not be empty",
      expect.stringMatching(/^3: a unique id may have 63 bytes at most/),
    ]);
    expect(await outbox.aside()).toMatchObject([
      { id: "2", function: "", reason: "a function name must not be empty" },
      { id: "3", function: "f" },
    ]);
    await expect(outbox.uninstall()).rejects.toThrow(RefusedError);
    await store.query(`UPDATE ${quoted} SET function_name = '${name}' WHERE id = 2`);
    expect(await outbox.retry(["2"])).toBe(1);
    expect(await outbox.drain()).toMatchObject({ relayed: 1 });
    await expect.poll(() => worker.texts, PATIENT).toEqual(["before", "from SQL", "x"]);
    expect(await outbox.retry()).toBe(1);
    expect(await outbox.drain()).toMatchObject({ relayed: 0, aside: 1 });
  });

  test("holds the rows of a function whose queue is full, in their order, and none of the others'", async () => {
    const { outbox } = await installed({ maxInFlight: 4 });
    const [full, free] = [fresh("full"), fresh("free")];
    await using admin = new Admin(address);
    await admin.maxQueue(full, 2);
    const held: string[] = [];
    outbox.on("hold", ({ function: name, reason }) => held.push(`${name}: ${reason}`));
    for (let index = 0; index < 6; index++)
      await store.write(outbox, [
        [full, String(index)],
        [free, String(index)],
      ]);
    const stop = new AbortController();
    const running = outbox.run({ signal: stop.signal });
    await using worker = collecting(free);
    await expect.poll(() => worker.texts, PATIENT).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(held[0]).toMatch(new RegExp(`^${full}: .*QUEUE_ERROR`));
    await expect.poll(async () => (await outbox.status()).waiting, PATIENT).toBe(4);
    await using other = collecting(full);
    await expect.poll(() => other.texts, PATIENT).toEqual(["0", "1", "2", "3", "4", "5"]);
    stop.abort();
    await running;
  });

  test("has one relay of several at once, and the next when that leaves: the order stays", async () => {
    const { table, outbox } = await installed();
    const second = store.outbox(table, { client, interval: 50 });
    const name = fresh("led");
    const events: string[] = [];
    outbox.on("lead", () => events.push("first leads")).on("relay", () => events.push("first relays"));
    second
      .on("standby", () => events.push("second stands by"))
      .on("lead", () => events.push("second leads"))
      .on("relay", () => events.push("second relays"));
    const [stop, stopSecond] = [new AbortController(), new AbortController()];
    const running = outbox.run({ signal: stop.signal });
    await expect.poll(() => events, PATIENT).toEqual(["first leads"]);
    const standing = second.run({ signal: stopSecond.signal });
    await expect.poll(() => events, PATIENT).toEqual(["first leads", "second stands by"]);
    await using worker = collecting(name);
    await store.write(outbox, [
      [name, "a"],
      [name, "b"],
    ]);
    await expect.poll(() => worker.texts, PATIENT).toEqual(["a", "b"]);
    expect(await second.drain()).toEqual({ relayed: 0, aside: 0, empty: false });
    stop.abort();
    await running;
    await store.write(outbox, [
      [name, "c"],
      [name, "d"],
    ]);
    await expect.poll(() => worker.texts, PATIENT).toEqual(["a", "b", "c", "d"]);
    stopSecond.abort();
    await standing;
    expect(events).toEqual([
      "first leads",
      "second stands by",
      "first relays",
      "first relays",
      "second leads",
      "second relays",
      "second relays",
    ]);
  });

  test("tells the changes of a table's records, with what changed", async () => {
    const { table, outbox, quoted } = await installed();
    const articles = `${table} "articles" it's \``;
    const name = fresh("changes");
    const quote = store.quote;
    const [of, title, body] = [quote(articles), quote('the "title" it\'s'), quote("body")];
    const types = { PostgreSQL: ["text", "bytea"], MariaDB: ["varchar(50)", "blob"] }[store.name] ?? [
      "TEXT COLLATE NOCASE",
      "BLOB",
    ];
    await store.query(
      `CREATE TABLE ${of} (id integer PRIMARY KEY, ${title} ${types[0]}, ${body} ${types[1]}, score real)`,
    );
    const dry = await outbox.watch({ name: articles }, { function: name, dryRun: true });
    expect(dry.join("\n")).toMatch(/CREATE TRIGGER/);
    const insert = (id: number) => `INSERT INTO ${of} VALUES (${id}, 'Ünïcode 🎈 "x" \\ ''y''', NULL, 1.5)`;
    await store.query(insert(1));
    expect((await outbox.status()).waiting).toBe(0);
    await outbox.watch({ name: articles }, { function: name, priority: "high" });
    await outbox.watch({ name: articles }, { function: name, priority: "high" });
    const bytes = { PostgreSQL: "'\\x00ff'", MariaDB: "X'00ff'" }[store.name] ?? "x'00ff'";
    await store.query(insert(2).replaceAll("\\", store.name === "MariaDB" ? "\\\\" : "\\"));
    await store.query(`UPDATE ${of} SET ${title} = 'title', ${body} = ${bytes} WHERE id = 2`);
    await store.query(`UPDATE ${of} SET ${title} = 'title', score = 1.5 WHERE id = 2`);
    await store.query(`UPDATE ${of} SET ${title} = 'TITLE' WHERE id = 2`);
    await store.query(`UPDATE ${of} SET score = NULL`);
    await store.query(`DELETE FROM ${of} WHERE id = 2`);
    expect(await store.query(`SELECT DISTINCT priority FROM ${quoted}`)).toEqual([{ priority: "high" }]);
    await outbox.drain();
    await using worker = collecting(name);
    await expect.poll(() => worker.jobs.length, PATIENT).toBe(6);
    const key = 'the "title" it\'s';
    const changes = worker.jobs.map(({ workload }) => workload.json<RecordChange>());
    for (const change of changes) expect(change.table).toBe(articles);
    const two = changes.filter(({ record }) => record.id === 2);
    expect(two.map(({ event, modified }) => [event, [...modified].sort()])).toEqual([
      ["insert", [key, "body", "id", "score"].sort()],
      ["update", [key, "body"].sort()],
      ["update", [key]],
      ["update", ["score"]],
      ["delete", []],
    ]);
    expect(two[0]?.record).toEqual({ id: 2, [key]: "Ünïcode 🎈 \"x\" \\ 'y'", body: null, score: 1.5 });
    expect(two[1]?.record).toEqual({ id: 2, [key]: "title", body: "\\x00ff", score: 1.5 });
    expect(two[4]?.record).toEqual({ id: 2, [key]: "TITLE", body: "\\x00ff", score: null });
    // Other events from now on, then none.
    await outbox.watch({ name: articles }, { on: ["delete"] });
    await store.query(insert(3));
    await store.query(`DELETE FROM ${of} WHERE id = 3`);
    expect(await store.query(`SELECT function_name FROM ${quoted}`)).toEqual([{ function_name: articles }]);
    await outbox.unwatch({ name: articles });
    await store.query(`DELETE FROM ${of}`);
    expect((await outbox.status()).waiting).toBe(1);
  });

  test("is removed with its triggers, and not as long as it has rows", async () => {
    const { table, outbox, quoted } = await installed();
    const watched = store.quote(`${table}_w`);
    await store.query(`CREATE TABLE ${watched} (id integer PRIMARY KEY)`);
    await outbox.watch(`${table}_w`, { function: fresh("removed") });
    await store.query(`INSERT INTO ${watched} VALUES (1)`);
    await expect(outbox.uninstall()).rejects.toThrow(/1 rows that wait/);
    expect((await outbox.status()).waiting).toBe(1);
    await outbox.uninstall({ force: true });
    await store.query(`INSERT INTO ${watched} VALUES (2)`);
    await assert.rejects(store.query(`SELECT * FROM ${quoted}`));
    await outbox.install();
    await store.query(`INSERT INTO ${watched} VALUES (3)`);
    expect((await outbox.status()).waiting).toBe(0);
  });

  // D1 has no transactions that could stay open.
  if (kind === "D1") return;

  test("has nothing of what is rolled back, and neither waits for an open transaction nor passes over it", async () => {
    const { outbox } = await installed();
    const { begin } = store;
    assert.ok(begin);
    const name = fresh("open");
    await using worker = collecting(name);
    const gone = await begin();
    await gone.add(outbox, name, "rolled back");
    await gone.rollback();
    // SQLite has one writer at a time: there, no row can be behind another that is not committed.
    const early = store.server ? await begin() : undefined;
    await early?.add(outbox, name, "written first");
    const stop = new AbortController();
    const errors: unknown[] = [];
    outbox.on("error", ({ error }) => errors.push(error));
    const running = outbox.run({ signal: stop.signal });
    const late = await begin();
    await late.add(outbox, name, "written second");
    await late.add(outbox, name, "and third");
    await pause(150);
    expect(worker.texts).toEqual([]);
    await late.commit();
    await expect.poll(() => worker.texts, PATIENT).toEqual(["written second", "and third"]);
    await early?.commit();
    const all = ["written second", "and third", ...(early ? ["written first"] : [])];
    await expect.poll(() => worker.texts, PATIENT).toEqual(all);
    stop.abort();
    await running;
    // While somebody writes to SQLite, nobody else can: it is tried again.
    if (store.server) expect(errors).toEqual([]);
    expect((await outbox.status()).waiting).toBe(0);
  });

  // The others have one writer at a time.
  if (kind === "SQLite") return;

  test("has the changes of a record in the order of their commits, whoever began first", async () => {
    const { table, outbox } = await installed();
    const records = `${table}_r`;
    const name = fresh("commits");
    const of = store.quote(records);
    await store.query(`CREATE TABLE ${of} (id integer PRIMARY KEY, title varchar(20))`);
    await store.query(`INSERT INTO ${of} VALUES (1, '-'), (2, '-')`);
    await outbox.watch(records, { function: name });
    const { begin } = store;
    assert.ok(begin);
    const [first, second] = [await begin(), await begin()];
    await second.query(`UPDATE ${of} SET title = 'early' WHERE id = 2`);
    await first.query(`UPDATE ${of} SET title = 'first' WHERE id = 1`);
    // This one waits for the first.
    const waiting = second.query(`UPDATE ${of} SET title = 'second' WHERE id = 1`);
    await pause(50);
    await first.commit();
    await waiting;
    await outbox.drain();
    await second.commit();
    await outbox.drain();
    await using worker = collecting(name);
    await expect.poll(() => worker.jobs.length, PATIENT).toBe(3);
    const titles = worker.jobs.map(({ workload }) => workload.json<RecordChange>().record.title);
    expect(titles).toEqual(["first", "early", "second"]);
  });
});

test("PostgreSQL wakes the relay: it need not look", { timeout: 60_000 }, async () => {
  await using store = await postgresStore();
  await using client = new Client(address);
  const outbox = store.outbox("woken", { client, interval: 600_000 });
  await outbox.install();
  const name = fresh("woken");
  await using worker = collecting(name);
  const stop = new AbortController();
  const running = outbox.run({ signal: stop.signal });
  for (const text of ["one", "two"]) {
    await pause(200);
    await store.write(outbox, [[name, text]]);
    await expect.poll(() => worker.texts, PATIENT).toContain(text);
  }
  stop.abort();
  await running;
});
