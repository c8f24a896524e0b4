// Jobs that are written with what they are about, in one transaction, and relayed to Gearman: docs/outbox.md.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client, Worker } from "edgear";
import { Outbox, type RecordChange } from "edgear/outbox";
import { sqlite } from "edgear/outbox/sqlite";
import { JobServer } from "edgear/server";

// A database and a job server. Here both are embedded; PostgreSQL, MySQL, D1 and gearmand go the same way.
const file = process.argv[2] ?? path.join(mkdtempSync(path.join(tmpdir(), "edgear-outbox-")), "example.db");
const db = new DatabaseSync(file);
db.exec("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS articles (id INTEGER PRIMARY KEY, title TEXT)");
const server = await JobServer.listen({ port: 0 });
const client = new Client(server.address);

// The relay has a connection of its own. It may as well be another program: `edgear outbox run`.
const outbox = new Outbox({ store: sqlite({ database: new DatabaseSync(file) }), client, interval: 50 });
await outbox.install();
await outbox.watch("articles", { on: ["update"], function: "article.changed" });

const worker = new Worker(server.address);
let jobs = 0;
worker.add("welcome", (job) => {
  console.log(`welcome: ${job.workload.json<{ title: string }>().title}`);
  jobs++;
});
worker.add("article.changed", (job) => {
  const { record, modified } = job.workload.json<RecordChange<{ title: string }>>();
  console.log(`changed: ${modified.join(", ")} of "${record.title}"`);
  jobs++;
});
const working = worker.run();
const stop = new AbortController();
const relaying = outbox.run({ signal: stop.signal });

// What is rolled back was never a job.
for (const [title, end] of [
  ["A draft", "ROLLBACK"],
  ["An article", "COMMIT"],
] as const) {
  db.exec("BEGIN");
  db.prepare("INSERT INTO articles (title) VALUES (?)").run(title);
  outbox.add(db, "welcome", { title });
  db.exec(end);
}
// And what somebody else does to a table is one by its trigger.
db.exec("UPDATE articles SET title = 'A better title'");

while (jobs < 2) await new Promise((resolve) => setTimeout(resolve, 20));
stop.abort();
await relaying;
await worker.close();
await working;
await client.close();
await server.close();
