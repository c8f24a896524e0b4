// Run by Bun: its database in the place of Node's. The types are those of what it has in common with others.
import { Client } from "edgear";
import { Outbox } from "edgear/outbox";
import { type SqliteDatabase, sqlite } from "edgear/outbox/sqlite";

const { Database } = (await import("bun:sqlite" as string)) as {
  Database: new (file: string) => SqliteDatabase & { transaction(run: () => void): () => void };
};
const [, , address = "", name = "", file = ""] = process.argv;
const database = new Database(file);
const relay = new Database(file);
const client = new Client(address);
const outbox = new Outbox({ store: sqlite({ database: relay }), client });
await outbox.install();
database.transaction(() => outbox.add(database, name, new Uint8Array([0, 255])))();
try {
  database.transaction(() => {
    outbox.add(database, name, "rolled back");
    outbox.add(database, "");
  })();
} catch (error) {
  process.stdout.write(`${error}\n`);
}
// What its own connection has open isn't committed.
relay.exec("BEGIN");
outbox.add(relay, name, "open");
const { relayed } = await outbox.drain();
relay.exec("ROLLBACK");
process.stdout.write(`${relayed} ${(await outbox.drain()).relayed}\n`);
await client.close();
