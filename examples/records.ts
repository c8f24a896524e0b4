// Record triggers: what is written to a database becomes jobs. Here with Drizzle and SQLite; docs/records.md has the others.
import { DatabaseSync } from "node:sqlite";
import { eq } from "drizzle-orm";
import { int, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { drizzle } from "drizzle-orm/sqlite-proxy";
import { Client, Worker } from "edgear";
import { recordHandler } from "edgear/orm";
import { drizzleRecords } from "edgear/orm/drizzle";
import { JobServer } from "edgear/server";

const articles = sqliteTable("articles", { id: int().primaryKey(), title: text().notNull(), body: text() });
const sqlite = new DatabaseSync(":memory:");
sqlite.exec("CREATE TABLE articles (id integer PRIMARY KEY, title text NOT NULL, body text)");
const db = drizzle(async (sql, params) => ({
  rows: sqlite
    .prepare(sql)
    .all(...(params as string[]))
    .map((row) => Object.values(row as object)),
}));

const server = await JobServer.listen({ port: 0 });
const client = new Client(server.address);

// 1. On one side, a worker.
const worker = new Worker(server.address);
worker.add(
  "record.articles",
  recordHandler<{ id: number; title: string }>({
    onInsert: (article) => console.log(`inserted: ${article.title}`),
    onUpdate: (article, modified) => console.log(`updated: ${article.title} (${modified.join(", ")})`),
    async onDelete(article, { refresh }) {
      console.log(`deleted: ${article.title}, and it is ${(await refresh()) ? "still there" : "gone"}`);
    },
    jobs: { publish: (article, args) => console.log(`published: ${article.title}, ${JSON.stringify(args)}`) },
    refresh: async ({ id }) =>
      (
        await db
          .select()
          .from(articles)
          .where(eq(articles.id, Number(id)))
      )[0],
  }),
);
const working = worker.run();

// 2. On the other, whoever writes.
const records = drizzleRecords(db, { client });
const [article] = await records.insert(articles, { id: 1, title: "Jobs from data" });
if (article) await records.background(articles, article, "publish", { at: "noon" });
await records.update(articles, { title: "Jobs, from data" }, eq(articles.id, 1));
await records.delete(articles, eq(articles.id, 1));

await server.waitFor(() => server.jobs().length === 0);
await worker.close();
await working;
await client.close();
await server.close();
