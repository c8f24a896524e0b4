import assert from "node:assert/strict";
import { Client, ConnectionError } from "edgear";
import { RecordJobError } from "edgear/orm";
import { type TypeormRecords, typeormRecords } from "edgear/orm/typeorm";
import { DataSource, EntitySchema } from "typeorm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { AWAY, fresh } from "../conformance/names.ts";
import { type DatabaseServer, startMariadb, startPostgres } from "../support/databases.ts";
import { type Recorder, record } from "./worker.ts";

const [{ address } = { address: "" }] = inject("servers");

class Author {
  id?: number;
  name = "";
}

class Article {
  id?: number;
  title = "";
  secret?: string | null;
  author?: Author | null;
  gone?: Date | null;

  constructor(values: Partial<Article> = {}) {
    Object.assign(this, values);
  }
}

const id = { type: Number, primary: true, generated: true } as const;
const entities = [
  new EntitySchema<Author>({ name: "Author", target: Author, columns: { id, name: { type: "text" } } }),
  new EntitySchema<Article>({
    ...{ name: "Article", target: Article },
    columns: {
      ...{ id, title: { type: "text" }, secret: { type: "text", nullable: true } },
      gone: { type: "timestamp", deleteDate: true, nullable: true },
    },
    relations: { author: { type: "many-to-one", target: "Author", nullable: true, cascade: true } },
  }),
];

describe.each([
  ["PostgreSQL", "postgres", startPostgres],
  ["MariaDB", "mariadb", startMariadb],
] as const)("TypeORM's entities, on %s", (_, type, start) => {
  let server: DatabaseServer;
  let source: DataSource;
  let recorder: Recorder;
  let records: TypeormRecords;

  beforeAll(async () => {
    server = await start();
  }, 60_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  beforeEach(async () => {
    source = await new DataSource({
      type,
      url: server.url,
      entities,
      synchronize: true,
      dropSchema: true,
    }).initialize();
    const prefix = `${fresh("orm")}.`;
    recorder = record(address, prefix, ["Article", "Author"], {
      jobs: { publish: (row, args) => void recorder.calls.push(["publish", row, args]) },
      tableJobs: { reindex: (args) => void recorder.calls.push(["reindex", args]) },
    });
    records = typeormRecords(source, {
      client: recorder.client,
      prefix,
      models: { Article: { omit: ["secret"] }, Author: true },
    });
  });
  afterEach(async () => {
    await source.destroy();
    await recorder[Symbol.asyncDispose]();
  });

  test("insert, update, remove, soft-remove and recover are told, with what changed", async () => {
    const article = await source.manager.save(new Article({ title: "a", secret: "s" }));
    article.title = "b";
    await source.manager.save(article);
    await source.manager.save(article);
    await source.manager.softRemove(article);
    await source.manager.recover(article);
    await source.manager.remove(article);
    const calls = await recorder.settled(5);
    const row = { id: 1, title: "a", gone: null };
    expect(calls.map(([what]) => what)).toEqual(["insert", "update", "update", "update", "delete"]);
    expect(calls[0]).toEqual(["insert", "Article", row]);
    expect(calls[1]).toEqual(["update", "Article", { ...row, title: "b" }, ["title"]]);
    expect(calls[2]).toEqual(["update", "Article", { ...row, title: "b", gone: expect.any(String) }, ["gone"]]);
    expect(calls[3]).toEqual(["update", "Article", { ...row, title: "b" }, ["gone"]]);
    expect(calls[4]).toEqual(["delete", "Article", { ...row, title: "b" }]);
  });

  test("nothing is told before the commit, and nothing of what is rolled back, savepoints too", async () => {
    await source.transaction(async (manager) => {
      await manager.save(new Article({ title: "kept" }));
      await manager.transaction((inner) => inner.save(new Article({ title: "kept, too" })));
      await manager
        .transaction(async (inner) => {
          await inner.save(new Article({ title: "back to the savepoint" }));
          throw new Error("no");
        })
        .catch(() => {});
      expect(await recorder.settled(0)).toEqual([]);
    });
    await source
      .transaction(async (manager) => {
        await manager.save(new Article({ title: "rolled back" }));
        throw new Error("no");
      })
      .catch(() => {});
    const titles = (await recorder.settled(2)).map(([, , row]) => (row as Article).title);
    expect(titles).toEqual(["kept", "kept, too"]);
  });

  test("without a transaction, and with relations", async () => {
    const author = new Author();
    author.name = "n";
    const article = new Article({ title: "a", author });
    await source.manager.save(article, { transaction: false });
    article.author = null;
    await source.manager.save(article);
    const calls = await recorder.settled(3);
    expect(calls.map(([what, model]) => [what, model])).toEqual([
      ["insert", "Author"],
      ["insert", "Article"],
      ["update", "Article"],
    ]);
    expect(calls[2]?.[3]).toContain("author");
  });

  test("a query builder's changes have no entity, and no job", async () => {
    const repository = source.getRepository(Article);
    await repository.insert({ title: "a" });
    await repository.update({ title: "a" }, { title: "b" });
    await repository.delete({ title: "b" });
    expect((await recorder.settled(1)).map(([what]) => what)).toEqual(["insert"]);
  });

  test("jobs of one's own", async () => {
    const article = await source.manager.save(new Article({ title: "a", secret: "s" }));
    await recorder.settled(1);
    await records.background(article, "publish", { at: 5 });
    await records.backgroundTable(Article, "reindex");
    expect(await recorder.settled(2)).toEqual([
      ["publish", { id: 1, title: "a", gone: null }, { at: 5 }],
      ["reindex", undefined],
    ]);
    await assert.rejects(records.background(article, "update"), /a job's name must be a string other than/);
  });

  test("a job that can't be submitted is told, though the record is written", async () => {
    await using nowhere = new Client(AWAY, { reconnect: false });
    const other = await new DataSource({ type, url: server.url, entities }).initialize();
    typeormRecords(other, { client: nowhere });
    const error = await other.manager.save(new Article({ title: "written" })).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof RecordJobError, String(error));
    assert.ok(error.cause instanceof ConnectionError);
    expect(error.jobs).toMatchObject([{ model: "Article", action: "insert", record: { title: "written" } }]);
    expect(await other.manager.countBy(Article, { title: "written" })).toBe(1);
    await other.destroy();
  });

  test("mistakes are refused in words", () => {
    assert.throws(() => typeormRecords({} as never, { client: recorder.client }), /must be TypeORM's DataSource/);
    assert.throws(() => typeormRecords(source, { client: {} as never }), /client must be a Client, not an object/);
    assert.throws(() => typeormRecords(source, { client: recorder.client, model: {} } as never), /no option "model"/);
    const models = { Article: { actions: ["burn" as never] } };
    assert.throws(
      () => typeormRecords(source, { client: recorder.client, models }),
      /Article.actions may have insert, /,
    );
  });
});
