import assert from "node:assert/strict";
import type { RecordChange } from "edgear/outbox";
import { expect, test } from "vitest";
import { pause } from "../../conformance/case.ts";
import { fresh } from "../../conformance/names.ts";
import { collecting, PATIENT, type TestDatabase } from "./database.ts";

/** Several transactions that are open at the same time. */
export function transactions(database: TestDatabase): void {
  test("has nothing of what is rolled back, and neither waits for an open transaction nor passes over it", async () => {
    const { outbox } = await database.installed();
    const { begin } = database.store;
    assert.ok(begin);
    const name = fresh("open");
    await using worker = collecting(name);
    const gone = await begin();
    await gone.add(outbox, name, "rolled back");
    await gone.rollback();
    // SQLite has one writer at a time: there, no row can be behind another that is not committed.
    const early = database.store.server ? await begin() : undefined;
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
    if (database.store.server) expect(errors).toEqual([]);
    expect((await outbox.status()).waiting).toBe(0);
  });

  // SQLite has one writer at a time.
  if (database.kind === "SQLite") return;

  test("has the changes of a record in the order of their commits, whoever began first", async () => {
    const { table, outbox } = await database.installed();
    const records = `${table}_r`;
    const name = fresh("commits");
    const of = database.store.quote(records);
    await database.store.query(`CREATE TABLE ${of} (id integer PRIMARY KEY, title varchar(20))`);
    await database.store.query(`INSERT INTO ${of} VALUES (1, '-'), (2, '-')`);
    await outbox.watch(records, { function: name });
    const { begin } = database.store;
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
}
