import type { Job } from "edgear";
import { expect, test } from "vitest";
import { pause } from "../../conformance/case.ts";
import { fresh } from "../../conformance/names.ts";
import { collecting, PATIENT, type TestDatabase } from "./database.ts";

/** What is written is relayed: as it was, in order, by one relay at a time. */
export function relaying(database: TestDatabase): void {
  test("relays in order what was committed, byte for byte, and removes it", async () => {
    const { outbox, quoted } = await database.installed();
    await outbox.install();
    const name = fresh('a "function" `of` ours, ütf-8 🎈');
    const bytes = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
    const large = "x".repeat(300_000);
    await database.store.write(outbox, [
      [name, "first"],
      [name, bytes],
      [name, { id: 7, text: 'it\'s \\ "quoted"' }],
    ]);
    await database.store.write(outbox, [
      [name, ""],
      [name, large],
      [name, "own", { unique: `own-${name.slice(-30)}` }],
    ]);
    expect(await outbox.status()).toMatchObject({ waiting: 6, aside: 0, kept: 0 });
    expect((await outbox.status()).oldest).toBeLessThan(60_000);
    expect(await outbox.drain()).toEqual({ relayed: 6, aside: 0, empty: true });
    await using worker = collecting(name);
    await expect.poll(() => worker.jobs.length, PATIENT).toBe(6);
    const [first, second, third, fourth, fifth, sixth] = worker.jobs as [Job, Job, Job, Job, Job, Job];
    expect(first.workload.text()).toBe("first");
    expect([...second.workload.bytes]).toEqual([...bytes]);
    expect(third.workload.json()).toEqual({ id: 7, text: 'it\'s \\ "quoted"' });
    expect(fourth.workload.bytes).toHaveLength(0);
    expect(fifth.workload.text()).toBe(large);
    expect(sixth.unique).toBe(`own-${name.slice(-30)}`);
    expect(first.unique).toMatch(/^[0-9a-z]{10}-1$/);
    expect(second.unique).toBe(first.unique.replace(/1$/, "2"));
    expect(await database.store.query(`SELECT * FROM ${quoted}`)).toEqual([]);
    expect(await outbox.status()).toEqual({ waiting: 0, oldest: undefined, aside: 0, kept: 0 });
  });

  test("passes on priorities and times; marks what it has relayed if it is to be kept", async () => {
    const { outbox, quoted } = await database.installed({ keep: true, prefix: "kept:" });
    const name = fresh("prioritized");
    const later = `later-${name.slice(-36)}`;
    await database.store.write(outbox, [
      [name, "low", { priority: "low" }],
      [name, "normal"],
      [name, "high", { priority: "high" }],
      // gearmand hides jobs of a lower priority behind one of the same function whose time has not come.
      [`${name}-later`, "later", { at: Date.now() + 3_600_000, unique: later }],
    ]);
    expect(await outbox.drain()).toMatchObject({ relayed: 4, empty: true });
    expect(await outbox.drain()).toMatchObject({ relayed: 0, empty: true });
    await using worker = collecting(name);
    await expect.poll(() => worker.texts, PATIENT).toEqual(["high", "normal", "low"]);
    expect(worker.jobs.map(({ unique }) => unique)).toEqual(["kept:3", "kept:2", "kept:1"]);
    expect(await database.client.statusOf(later)).toMatchObject({ state: "queued" });
    expect(await database.store.query(`SELECT state FROM ${quoted}`)).toEqual(Array(4).fill({ state: 1 }));
    expect(await outbox.status()).toMatchObject({ waiting: 0, kept: 4 });
  });

  test("says of wrong arguments what is wrong, and writes nothing", async () => {
    const { outbox } = await database.installed();
    const wrong = async (...job: Parameters<typeof outbox.sql>) => {
      const error = await database.store.write(outbox, [job]).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(error).toBeInstanceOf(TypeError);
      return (error as Error).message;
    };
    expect(await wrong("")).toMatch(/function name must not be empty/);
    expect(await wrong("f", "x", { unique: "" })).toMatch(/unique must not be ""/);
    expect(await wrong("f", "x", { unique: "u".repeat(64) })).toMatch(/63 bytes at most/);
    expect(await wrong("f", "x", { prority: "high" } as never)).toMatch(/no option "prority"/);
    expect(await wrong("f", "x", { delay: 5, priority: "low" })).toMatch(/always has the normal/);
    if (database.store.begin) expect((await outbox.status()).waiting).toBe(0);
  });

  test("relays as rows come, until it is told to stop", async () => {
    const { outbox } = await database.installed();
    const name = fresh("coming");
    await using worker = collecting(name);
    const stop = new AbortController();
    const running = outbox.run({ signal: stop.signal });
    for (let index = 0; index < 5; index++) {
      await database.store.write(outbox, [[name, String(index)]]);
      await expect.poll(() => worker.texts, PATIENT).toContain(String(index));
    }
    stop.abort();
    await running;
    await database.store.write(outbox, [[name, "after"]]);
    await pause(200);
    expect(worker.texts).toEqual(["0", "1", "2", "3", "4"]);
    expect((await outbox.status()).waiting).toBe(1);
    await outbox.drain();
    await expect.poll(() => worker.texts, PATIENT).toContain("after");
  });

  test("has one relay of several at once, and the next when that leaves: the order stays", async () => {
    const { table, outbox } = await database.installed();
    const second = database.store.outbox(table, { client: database.client, interval: 50 });
    const name = fresh("led");
    const events: string[] = [];
    outbox.on("lead", () => events.push("first leads")).on("relay", () => events.push("first relays"));
    second
      .on("standby", () => events.push("second stands by"))
      .on("lead", () => events.push("second leads"))
      .on("relay", () => events.push("second relays"));
    const [stop, stopSecond] = [new AbortController(), new AbortController()];
    const running = outbox.run({ signal: stop.signal });
    await expect.poll(() => events, PATIENT).toEqual(["first leads"]);
    const standing = second.run({ signal: stopSecond.signal });
    await expect.poll(() => events, PATIENT).toEqual(["first leads", "second stands by"]);
    await using worker = collecting(name);
    await database.store.write(outbox, [
      [name, "a"],
      [name, "b"],
    ]);
    await expect.poll(() => worker.texts, PATIENT).toEqual(["a", "b"]);
    expect(await second.drain()).toEqual({ relayed: 0, aside: 0, empty: false });
    stop.abort();
    await running;
    await database.store.write(outbox, [
      [name, "c"],
      [name, "d"],
    ]);
    await expect.poll(() => worker.texts, PATIENT).toEqual(["a", "b", "c", "d"]);
    stopSecond.abort();
    await standing;
    expect(events).toEqual([
      "first leads",
      "second stands by",
      "first relays",
      "first relays",
      "second leads",
      "second relays",
      "second relays",
    ]);
  });
}
