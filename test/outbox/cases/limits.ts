import { expect, test } from "vitest";
import { fresh } from "../../conformance/names.ts";
import { collecting, PATIENT, type TestDatabase } from "./database.ts";

const MIB = 1024 * 1024;

/** SQL that makes so many bytes. */
const bytes = (kind: string, size: number) =>
  ({ PostgreSQL: `convert_to(repeat('x', ${size}), 'UTF8')`, MariaDB: `REPEAT('x', ${size})` })[kind] ??
  `zeroblob(${size})`;

/** What a relay reads at once, and what it does with a table of another age. */
export function limits(database: TestDatabase): void {
  test("reads no more bytes at once than it should, and one row in any case", async () => {
    const { client, store, kind } = database;
    // What D1 gives takes more room, and time.
    const [size, most] = kind === "D1" ? [130_000, MIB] : [1_900_000, 16 * MIB];
    const waiting: number[] = [];
    const { outbox, quoted } = await database.installed({
      client: {
        // A batch's rows are removed when all of them are submitted.
        async background(...job) {
          waiting.push((await outbox.status()).waiting);
          return client.background(...job);
        },
      },
    });
    const name = fresh("large");
    await using worker = collecting(name);
    for (let row = 0; row < 10; row++)
      await store.query(`INSERT INTO ${quoted} (function_name, workload) VALUES ('${name}', ${bytes(kind, size)})`);
    expect(await outbox.drain()).toMatchObject({ relayed: 10, empty: true });
    const atOnce = Math.floor(most / size);
    expect(waiting).toEqual(waiting.map((_, row) => 10 - row + (row % atOnce)));
    await expect.poll(() => worker.jobs.length, PATIENT).toBe(10);
    for (const { workload } of worker.jobs) expect(workload.bytes).toHaveLength(size);
    // Others take no value as large as that as they are installed.
    if (kind !== "PostgreSQL") return;
    await store.query(`INSERT INTO ${quoted} (function_name, workload) VALUES ('${name}', ${bytes(kind, most + 1)})`);
    expect(await outbox.drain()).toMatchObject({ relayed: 1, empty: true });
    await expect.poll(() => worker.jobs.length, PATIENT).toBe(11);
  });

  test("is brought up to date where it was made without the column of losses", async () => {
    const { outbox, quoted } = await database.installed();
    const name = fresh("old");
    await database.store.write(outbox, [[name, "x"]]);
    await database.store.query(`ALTER TABLE ${quoted} DROP COLUMN losses`);
    await expect(outbox.drain()).rejects.toThrow(/losses/);
    await outbox.install();
    await outbox.install();
    expect(await outbox.drain()).toMatchObject({ relayed: 1 });
    await using worker = collecting(name);
    await expect.poll(() => worker.texts, PATIENT).toEqual(["x"]);
  });
}
