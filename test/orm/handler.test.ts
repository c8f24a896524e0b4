import assert from "node:assert/strict";
import { Client, JobExceptionError, Worker } from "edgear";
import { type RecordContext, recordHandler } from "edgear/orm";
import { expect, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";

const [{ address } = { address: "" }] = inject("servers");

const articles = new Map([[1, { id: 1, title: "new" }]]);

/** What the handlers give for a message. */
async function handled(message: unknown): Promise<unknown> {
  const name = fresh("record");
  await using client = new Client(address);
  await using worker = new Worker(address);
  const context = (given: RecordContext<unknown>) => [given.model, given.action, given.key ?? "no key"];
  worker.add(
    name,
    recordHandler({
      onInsert: (row, given) => ["inserted", row, ...context(given)],
      onUpdate: async (row, modified, given) => ["updated", row, modified, (await given.refresh()) ?? "gone"],
      onDelete: (row, given) => ["deleted", row, ...context(given)],
      jobs: { publish: (row, args) => ["published", row, args] },
      tableJobs: { reindex: (args, given) => ["reindexed", args, ...context(given)] },
      refresh: ({ id }) => articles.get(id as number),
    }),
  );
  worker.run();
  return (
    await client.run(name, typeof message === "string" ? message : JSON.stringify(message), { timeout: 10_000 })
  ).json();
}

const about = { model: "Article", key: { id: 1 }, record: { id: 1, title: "old" } };

test("each action has its handler", async () => {
  const where = ["Article"];
  expect(await handled({ ...about, action: "insert" })).toEqual([
    "inserted",
    about.record,
    ...where,
    "insert",
    about.key,
  ]);
  expect(await handled({ ...about, action: "delete" })).toEqual([
    "deleted",
    about.record,
    ...where,
    "delete",
    about.key,
  ]);
  const updated = ["updated", about.record, ["title"], { id: 1, title: "new" }];
  expect(await handled({ ...about, action: "update", modified: ["title"] })).toEqual(updated);
  expect(await handled({ ...about, action: "upsert", modified: ["title"] })).toEqual(updated);
});

test("refresh says that a record is gone", async () => {
  const gone = { ...about, key: { id: 2 }, action: "update", modified: [] };
  expect(await handled(gone)).toEqual(["updated", about.record, [], "gone"]);
});

test("jobs of one's own, for a record and for a table", async () => {
  expect(await handled({ ...about, action: "publish", args: { at: 1 } })).toEqual([
    "published",
    about.record,
    { at: 1 },
  ]);
  const table = { model: "Article", action: "reindex", args: 5 };
  expect(await handled(table)).toEqual(["reindexed", 5, "Article", "reindex", "no key"]);
});

test("what a trigger of the outbox wrote is worked off, too", async () => {
  const record = { id: 1, title: "old" };
  const change = { table: "articles", record, modified: ["id", "title"] };
  expect(await handled({ ...change, event: "insert" })).toEqual(["inserted", record, "articles", "insert", { id: 1 }]);
  expect(await handled({ ...change, event: "update", modified: ["title"] })).toEqual([
    ...["updated", record, ["title"]],
    { id: 1, title: "new" },
  ]);
  expect(await handled({ ...change, event: "delete", modified: [] })).toEqual([
    ...["deleted", record, "articles", "delete"],
    { id: 1 },
  ]);
  const keyless = await handled({ ...change, event: "update", record: { title: "a" } }).catch(
    (error: unknown) => error,
  );
  assert.match(String(keyless), /a record of articles has no field id: name its key by `key`/);
});

test.each([
  [
    "a trigger's of another event",
    { table: "a", event: "upsert", record: {} },
    /`event` must be one of insert, update, /,
  ],
  ["a trigger's without a record", { table: "a", event: "insert" }, /`record` must be an object/],
  ["a trigger's whose table is none", { table: 1, event: "insert", record: {} }, /`table` must be a string/],
  ["a job that nobody handles", { ...about, action: "burn" }, /nobody handles the job burn of Article/],
  [
    "one that only an object's prototype has",
    { ...about, action: "constructor" },
    /nobody handles the job constructor/,
  ],
  [
    "a table's that nobody handles",
    { model: "Article", action: "publish" },
    /nobody handles the job publish for the table/,
  ],
  ["no JSON", "{", /the workload is no record's job: /],
  ["JSON of another kind", [1], /`model` must be a string/],
  ["a message without an action", { model: "a" }, /`action` must be a string/],
  ["a key that is none", { ...about, action: "insert", key: 1 }, /`key` must be an object/],
  ["a record that is none", { ...about, action: "insert", record: [] }, /`record` must be an object/],
  [
    "a list of fields that is none",
    { ...about, action: "update", modified: [1] },
    /`modified` must be a list of strings/,
  ],
])("%s fails, in words", async (_, message, words) => {
  const error = await handled(message).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof JobExceptionError, String(error));
  assert.match(error.message, words);
});

test("mistakes are refused in words", () => {
  const wrong: [unknown, RegExp][] = [
    [undefined, /the options of recordHandler must be an object, not null/],
    [{ onInserted() {} }, /recordHandler has no option "onInserted"/],
    [{ onInsert: "index" }, /onInsert must be a function, not "index"/],
    [{ refresh: {} }, /refresh must be a function, not an object/],
    [{ jobs: { publish: 5 } }, /the job publish must be a function, not 5/],
    [{ jobs: { delete() {} } }, /jobs can't have delete: no job of yours may be named so/],
    [{ tableJobs: [] }, /tableJobs must be an object, not an array/],
    [{ key: [] }, /key must be a string, or a list of strings, not an array/],
  ];
  for (const [handlers, words] of wrong) assert.throws(() => recordHandler(handlers as never), words);
});
