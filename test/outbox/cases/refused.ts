import { Admin, Client, RefusedError } from "edgear";
import { expect, test } from "vitest";
import { fresh } from "../../conformance/names.ts";
import { lineTo } from "../line.ts";
import { address, collecting, PATIENT, type TestDatabase } from "./database.ts";

/** What the job server doesn't take keeps nothing else waiting. */
export function refused(database: TestDatabase): void {
  test("sets aside what can't be a job, says why, and goes on", async () => {
    const { outbox, quoted } = await database.installed();
    const name = fresh("fine");
    const told: string[] = [];
    outbox.on("aside", ({ id, reason }) => told.push(`${id}: ${reason}`));
    await database.store.write(outbox, [[name, "before"]]);
    await database.store.query(`INSERT INTO ${quoted} (function_name, workload) VALUES ('', 'x')`);
    await database.store.query(
      `INSERT INTO ${quoted} (function_name, workload, unique_id) VALUES ('f', 'x', '${"u".repeat(64)}')`,
    );
    await database.store.query(`INSERT INTO ${quoted} (function_name, workload) VALUES ('${name}', 'from SQL')`);
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
    await database.store.query(`UPDATE ${quoted} SET function_name = '${name}' WHERE id = 2`);
    expect(await outbox.retry(["2"])).toBe(1);
    expect(await outbox.drain()).toMatchObject({ relayed: 1 });
    await expect.poll(() => worker.texts, PATIENT).toEqual(["before", "from SQL", "x"]);
    expect(await outbox.retry()).toBe(1);
    expect(await outbox.drain()).toMatchObject({ relayed: 0, aside: 1 });
  });

  test("holds the rows of a function whose queue is full, in their order, and none of the others'", async () => {
    const { outbox } = await database.installed({ maxInFlight: 4 });
    const [full, free] = [fresh("full"), fresh("free")];
    await using admin = new Admin(address);
    await admin.maxQueue(full, 2);
    const held: string[] = [];
    outbox.on("hold", ({ function: name, reason }) => held.push(`${name}: ${reason}`));
    for (let index = 0; index < 6; index++)
      await database.store.write(outbox, [
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

  test("counts what a row has cost the connection in the table, and sets it aside, and it alone", async () => {
    const [costly, fine] = [fresh("costly"), fresh("fine")];
    await using line = await lineTo(address, (chunk) => chunk.includes(costly));
    await using client = new Client(line.address, { reconnect: false });
    const { table, outbox } = await database.installed({ client, maxInFlight: 3 });
    // Without order between them: all are at the server when the line is cut.
    await database.store.write(outbox, [
      [fine, "before"],
      [costly, "x"],
      [fine, "after"],
    ]);
    // An invocation that ends after the first loss; the next one knows of it.
    const stop = new AbortController();
    const errors: string[] = [];
    outbox.on("error", ({ error }) => {
      errors.push(error.name);
      stop.abort();
    });
    expect(await outbox.drain({ signal: stop.signal })).toMatchObject({ aside: 0, empty: false });
    expect(errors).toEqual(["ConnectionLostError"]);
    const next = database.store.outbox(table, { client, maxInFlight: 3 });
    next.on("error", ({ error }) => errors.push(error.name));
    expect(await next.drain()).toMatchObject({ aside: 1, empty: true });
    expect(errors).toEqual(["ConnectionLostError", "ConnectionLostError"]);
    expect(line.cuts).toBe(3);
    await using worker = collecting(fine);
    await expect.poll(() => new Set(worker.texts), PATIENT).toEqual(new Set(["before", "after"]));
    expect(await next.aside()).toMatchObject([
      { id: "2", function: costly, reason: expect.stringMatching(/^it has cost the connection .* 3 times: /) },
    ]);
    expect(await next.status()).toMatchObject({ waiting: 0, aside: 1 });
    // It may have been something else: it has as many tries again.
    expect(await next.retry()).toBe(1);
    expect(await next.drain()).toMatchObject({ aside: 1 });
    expect(line.cuts).toBe(6);
  });
}
