import assert from "node:assert/strict";
import type { RecordChange } from "edgear/outbox";
import { expect, test } from "vitest";
import { fresh } from "../../conformance/names.ts";
import { collecting, PATIENT, type TestDatabase } from "./database.ts";

/** Jobs that triggers write. */
export function records(database: TestDatabase): void {
  test("tells the changes of a table's records, with what changed", async () => {
    const { table, outbox, quoted } = await database.installed();
    const articles = `${table} "articles" it's \``;
    const name = fresh("changes");
    const quote = database.store.quote;
    const [of, title, body] = [quote(articles), quote('the "title" it\'s'), quote("body")];
    const types = { PostgreSQL: ["text", "bytea"], MariaDB: ["varchar(50)", "blob"] }[database.store.name] ?? [
      "TEXT COLLATE NOCASE",
      "BLOB",
    ];
    await database.store.query(
      `CREATE TABLE ${of} (id integer PRIMARY KEY, ${title} ${types[0]}, ${body} ${types[1]}, score real)`,
    );
    const dry = await outbox.watch({ name: articles }, { function: name, dryRun: true });
    expect(dry.join("\n")).toMatch(/CREATE TRIGGER/);
    const insert = (id: number) => `INSERT INTO ${of} VALUES (${id}, 'Ünïcode 🎈 "x" \\ ''y''', NULL, 1.5)`;
    await database.store.query(insert(1));
    expect((await outbox.status()).waiting).toBe(0);
    await outbox.watch({ name: articles }, { function: name, priority: "high" });
    await outbox.watch({ name: articles }, { function: name, priority: "high" });
    const bytes = { PostgreSQL: "'\\x00ff'", MariaDB: "X'00ff'" }[database.store.name] ?? "x'00ff'";
    await database.store.query(insert(2).replaceAll("\\", database.store.name === "MariaDB" ? "\\\\" : "\\"));
    await database.store.query(`UPDATE ${of} SET ${title} = 'title', ${body} = ${bytes} WHERE id = 2`);
    await database.store.query(`UPDATE ${of} SET ${title} = 'title', score = 1.5 WHERE id = 2`);
    await database.store.query(`UPDATE ${of} SET ${title} = 'TITLE' WHERE id = 2`);
    await database.store.query(`UPDATE ${of} SET score = NULL`);
    await database.store.query(`DELETE FROM ${of} WHERE id = 2`);
    expect(await database.store.query(`SELECT DISTINCT priority FROM ${quoted}`)).toEqual([{ priority: "high" }]);
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
    await database.store.query(insert(3));
    await database.store.query(`DELETE FROM ${of} WHERE id = 3`);
    expect(await database.store.query(`SELECT function_name FROM ${quoted}`)).toEqual([{ function_name: articles }]);
    await outbox.unwatch({ name: articles });
    await database.store.query(`DELETE FROM ${of}`);
    expect((await outbox.status()).waiting).toBe(1);
  });

  test("has no triggers made for an outbox that isn't there: whoever writes a record would be refused", async () => {
    const { table, outbox } = await database.installed();
    await outbox.uninstall();
    const watched = database.store.quote(`${table}_n`);
    await database.store.query(`CREATE TABLE ${watched} (id integer PRIMARY KEY)`);
    await expect(outbox.watch(`${table}_n`)).rejects.toThrow(table);
    await database.store.query(`INSERT INTO ${watched} VALUES (1)`);
  });

  test("is removed with its triggers, and not as long as it has rows", async () => {
    const { table, outbox, quoted } = await database.installed();
    const watched = database.store.quote(`${table}_w`);
    await database.store.query(`CREATE TABLE ${watched} (id integer PRIMARY KEY)`);
    await outbox.watch(`${table}_w`, { function: fresh("removed") });
    await database.store.query(`INSERT INTO ${watched} VALUES (1)`);
    await expect(outbox.uninstall()).rejects.toThrow(/1 rows that wait/);
    expect((await outbox.status()).waiting).toBe(1);
    await outbox.uninstall({ force: true });
    await database.store.query(`INSERT INTO ${watched} VALUES (2)`);
    await assert.rejects(database.store.query(`SELECT * FROM ${quoted}`));
    await outbox.install();
    await database.store.query(`INSERT INTO ${watched} VALUES (3)`);
    expect((await outbox.status()).waiting).toBe(0);
  });
}
