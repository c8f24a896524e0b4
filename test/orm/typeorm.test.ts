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

/** Its fields are there before they have a value. */
class Address {
  street?: string | null;
  zip?: string | null;
}

class Customer {
  id?: number;
  name?: string;
  note?: string | null;
  billing = new Address();
  shipping = new Address();
}

const id = { type: Number, primary: true, generated: true } as const;
const addressSchema = new EntitySchema<Address>({
  ...{ name: "Address", target: Address },
  columns: { street: { type: "text", nullable: true }, zip: { type: "text", nullable: true } },
});
const entities = [
  new EntitySchema<Author>({ name: "Author", target: Author, columns: { id, name: { type: "text" } } }),
  new EntitySchema<Customer>({
    ...{ name: "Customer", target: Customer },
    columns: { id, name: { type: "varchar", unique: true }, note: { type: "text", nullable: true } },
    embeddeds: {
      billing: { schema: addressSchema, prefix: "billing_" },
      shipping: { schema: addressSchema, prefix: "shipping_" },
    },
  }),
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
    recorder = record(address, prefix, ["Article", "Author", "Customer"], {
      jobs: { publish: (row, args) => void recorder.calls.push(["publish", row, args]) },
      tableJobs: { reindex: (args) => void recorder.calls.push(["reindex", args]) },
    });
    records = typeormRecords(source, {
      client: recorder.client,
      prefix,
      models: { Article: { omit: ["secret"] }, Author: true, Customer: { omit: ["shipping.zip"] } },
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

  test("a query builder's inserts are told, as `insert`; its updates and deletions have no entity, and no job", async () => {
    const repository = source.getRepository(Article);
    await repository.insert({ title: "a" });
    await repository.createQueryBuilder().insert().values({ title: "b" }).execute();
    await repository.update({ title: "a" }, { title: "c" });
    await repository.increment({ title: "c" }, "id", 100);
    await repository.delete({ title: "c" });
    const calls = await recorder.settled(2);
    expect(calls.map(([what, , row]) => [what, (row as Article).title])).toEqual([
      ["insert", "a"],
      ["insert", "b"],
    ]);
  });

  test("an upsert is told as `insert`, with what it was given, of a record that was there as well", async () => {
    await source.manager.save(Object.assign(new Customer(), { name: "n", note: "kept" }));
    await source.getRepository(Customer).upsert({ name: "n", billing: { street: "b" } }, ["name"]);
    const calls = await recorder.settled(2);
    expect(calls).toMatchObject([
      ["insert", "Customer", { id: 1, name: "n", note: "kept" }],
      ["insert", "Customer", { id: 1, name: "n", "billing.street": "b" }],
    ]);
    expect(Object(calls[1]?.[2]).note).not.toBe("kept");
    expect(await source.manager.find(Customer)).toMatchObject([{ id: 1, note: "kept", billing: { street: "b" } }]);
  });

  test("what `save` is given some fields of is told with all of them, though others are declared", async () => {
    const customer = new Customer();
    customer.name = "n";
    customer.note = "kept";
    await source.manager.save(customer);
    const some = Object.assign(new Customer(), { id: customer.id, name: undefined, note: undefined });
    some.billing.zip = "z";
    await source.manager.save(some);
    await source.manager.save(Object.assign(new Customer(), { id: customer.id, name: "m", note: null }));
    const calls = await recorder.settled(3);
    expect(calls.slice(1)).toMatchObject([
      ["update", "Customer", { id: 1, name: "n", note: "kept", "billing.zip": "z" }, ["billing.zip"]],
      ["update", "Customer", { id: 1, name: "m", note: null, "billing.zip": "z" }, ["name", "note"]],
    ]);
  });

  test("columns that are embedded are told apart, by their paths", async () => {
    const customer = new Customer();
    customer.name = "n";
    customer.billing.street = "b";
    Object.assign(customer.shipping, { street: "s", zip: "z" });
    await source.manager.save(customer);
    customer.billing.street = "c";
    await source.manager.save(customer);
    await records.background(customer, "publish");
    const row = { id: 1, name: "n", note: null, "billing.zip": null, "shipping.street": "s" };
    expect(await recorder.settled(3)).toEqual([
      ["insert", "Customer", { ...row, "billing.street": "b" }],
      ["update", "Customer", { ...row, "billing.street": "c" }, ["billing.street"]],
      ["publish", { ...row, "billing.street": "c" }, undefined],
    ]);
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
    const named = (of: object) => () => typeormRecords(source, { client: recorder.client, models: of as never });
    assert.throws(named({ Artcle: true }), /models has "Artcle", and there is no such model; there are Author, /);
    assert.throws(
      named({ Customer: { omit: ["billing"] } }),
      /models.Customer.omit has "billing", and Customer has no such/,
    );
    assert.throws(named({ Customer: { key: "no" } }), /a record of Customer has no field no/);
    assert.throws(named({ Customer: { omit: "name" } }), /models.Customer.omit must be a list of strings, not "name"/);
    assert.throws(named([] as never), /models must be an object, not an array/);
    const onError = "log" as never;
    assert.throws(() => typeormRecords(source, { client: recorder.client, onError }), /onError must be a function/);
    const later = new DataSource({ type, url: server.url, entities });
    assert.throws(() => typeormRecords(later, { client: recorder.client }), /must be initialized before/);
  });
});
