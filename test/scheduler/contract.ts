import type { Store, StoredJob } from "edgear/scheduler";
import { describe, expect, test } from "vitest";

/** Gives an empty store, and another one of the same jobs, as another process has it. */
type Make = () => Promise<{ store: Store; other: Store }>;

const job = (name: string, due: number, more: Partial<StoredJob> = {}): StoredJob => ({
  ...{ name, id: crypto.randomUUID(), rule: "", due, function: "f", workload: Uint8Array.of(1), form: "bytes" },
  ...{ priority: "normal", missed: "once" },
  ...more,
});
const names = (jobs: readonly StoredJob[]) => jobs.map(({ name }) => name);

/** What a store must do whose jobs may be large. */
export function largeJobs(make: Make): void {
  test("a page of the list has 16 MiB of workloads at most, or one job, and the next one goes on", async () => {
    const { store } = await make();
    const sizes = { a: 1, b: 0, c: 17, d: 1 };
    for (const [name, size] of Object.entries(sizes))
      await store.put(job(name, 1, { workload: new Uint8Array(size << 20) }));
    const pages: string[] = [];
    for (let after = ""; ; ) {
      const page = names(await store.list(after, 10));
      if (page.length === 0) break;
      pages.push(page.join(""));
      after = page.at(-1) as string;
    }
    expect(pages).toEqual(["ab", "c", "d"]);
  });
}

/** What each store must do. */
export function storeContract(make: Make, many = 1_200): void {
  const most = { jobs: 100, bytes: 1 << 20, latest: 5_000_000 };

  describe("a job that is put in", () => {
    test("is had again as it was, every byte of it", async () => {
      const { store, other } = await make();
      const all = job("ä 'name' \"of\" \\ mine;%_\n", 1_700_000_000_123, {
        ...{ rule: "cron Europe/Berlin */5 * * * *", function: "f\n'ö", form: "json", priority: "low", missed: "all" },
        workload: Uint8Array.from({ length: 70_000 }, (_, index) => index % 256),
      });
      expect(await store.put(all)).toBe(true);
      expect(await other.get(all.name)).toEqual(all);
      expect(await other.list("", 10)).toEqual([all]);
      const empty = job("empty", 0, { workload: new Uint8Array() });
      await store.put(empty);
      expect(await other.get("empty")).toEqual(empty);
      const late = job("late", 8.64e15);
      await store.put(late);
      expect(await other.get("late")).toEqual(late);
      expect(await store.get("nobody")).toBeUndefined();
    });

    test("replaces one of its name, lease and all", async () => {
      const { store } = await make();
      await store.put(job("a", 10));
      expect(await store.claim(10, 1_000, most)).toHaveLength(1);
      const again = job("a", 20, { function: "g" });
      expect(await store.put(again)).toBe(true);
      expect(await store.list("", 10)).toEqual([again]);
      expect(await store.claim(19, 1_000, most)).toEqual([]);
      expect(await store.claim(20, 1_000, most)).toEqual([again]);
    });

    test("keeps its slot, id and lease when it is repeated as before, and only then", async () => {
      const { store } = await make();
      const first = job("a", 10, { rule: "every 60000" });
      await store.put(first);
      expect(await store.claim(10, 1_000, most)).toHaveLength(1);
      const again = job("a", 99, { rule: "every 60000", function: "g", workload: Uint8Array.of(9), priority: "high" });
      expect(await store.put({ ...again, form: "text", missed: "skip" })).toBe(true);
      const kept = { ...again, id: first.id, due: 10, form: "text", missed: "skip" };
      expect(await store.get("a")).toEqual(kept);
      expect(await store.claim(10, 1_000, most)).toEqual([]);
      await store.settle([{ ...first, to: { due: 60_010, ready: 60_010 } }]);
      expect((await store.get("a"))?.due).toBe(60_010);
      const other = job("a", 30, { rule: "every 70000" });
      await store.put(other);
      expect(await store.get("a")).toEqual(other);
    });

    test("replaces nothing but the one it is meant for", async () => {
      const { store } = await make();
      const first = job("a", 10, { rule: "every 5" });
      expect(await store.put(job("a", 5), first.id)).toBe(false);
      expect(await store.get("a")).toBeUndefined();
      await store.put(first);
      expect(await store.put(job("a", 5), "another")).toBe(false);
      const changed = job("a", 20, { rule: "every 5" });
      expect(await store.put(changed, first.id)).toBe(true);
      expect(await store.get("a")).toEqual(changed);
    });

    test("is gone when it is taken out, once", async () => {
      const { store, other } = await make();
      await store.put(job("a", 10));
      expect(await other.remove("a")).toBe(true);
      expect(await store.remove("a")).toBe(false);
      expect(await store.get("a")).toBeUndefined();
      expect(await store.next()).toBeUndefined();
      expect(await store.claim(99, 1_000, most)).toEqual([]);
      expect(await store.list("", 10)).toEqual([]);
    });
  });

  test("jobs are listed by their names' bytes, a page at a time", async () => {
    const { store } = await make();
    const all = ["a", "b", "ab", "A", "é", "z", "🦊", "\uffee"].map((name, index) => job(name, 100 - index));
    for (const each of all) await store.put(each);
    const found: string[] = [];
    for (let after = ""; ; ) {
      const page = await store.list(after, 3);
      expect(page.length).toBeLessThanOrEqual(3);
      if (page.length === 0) break;
      found.push(...names(page));
      after = found.at(-1) as string;
    }
    expect(found).toEqual(["A", "a", "ab", "b", "z", "é", "\uffee", "🦊"]);
  });

  describe("claim", () => {
    test("gives what is ready, the oldest first, so many at most, each to one", async () => {
      const { store, other } = await make();
      for (const [name, due] of [
        ["c", 30],
        ["a", 10],
        ["d", 40],
        ["b", 20],
      ] as const)
        await store.put(job(name, due));
      expect(await store.next()).toBe(10);
      expect(names(await store.claim(30, 1_000, { ...most, jobs: 2 }))).toEqual(["a", "b"]);
      expect(names(await other.claim(30, 1_000, most))).toEqual(["c"]);
      expect(await store.claim(39, 1_000, most)).toEqual([]);
      expect(await store.next()).toBe(40);
    });

    test("gives no job to two who ask at once", async () => {
      const { store, other } = await make();
      for (let index = 0; index < 60; index++) await store.put(job(`j${index}`, index));
      const claims = await Promise.all(
        Array.from({ length: 12 }, (_, turn) => (turn % 2 ? store : other).claim(100, 1_000, { ...most, jobs: 5 })),
      );
      const all = claims.flatMap(names);
      expect(all).toHaveLength(60);
      expect(new Set(all).size).toBe(60);
    });

    test("gives so many bytes at most, and one that is larger alone", async () => {
      const { store } = await make();
      const sized = (bytes: number) => ({ workload: new Uint8Array(bytes) });
      await store.put(job("a", 1, sized(60_000)));
      await store.put(job("b", 2, sized(30_000)));
      await store.put(job("c", 3, sized(30_000)));
      await store.put(job("d", 4, sized(1)));
      const claim = () => store.claim(9, 1_000, { ...most, bytes: 50_000 });
      expect(names(await claim())).toEqual(["a"]);
      expect(names(await claim())).toEqual(["b"]);
      expect(names(await claim())).toEqual(["c", "d"]);
    });

    test("gives a job again when its lease is over, and not before", async () => {
      const { store, other } = await make();
      await store.put(job("a", 10));
      expect(await store.claim(10, 50, most)).toHaveLength(1);
      expect(await other.claim(49, 90, most)).toEqual([]);
      expect(await other.next()).toBe(50);
      const [again] = await other.claim(50, 90, most);
      expect(again?.due).toBe(10);
    });

    test("minds a lease of one whose clock is ahead, or whose leases are longer", async () => {
      const { store, other } = await make();
      await store.put(job("a", 10));
      expect(await store.claim(1_010, 31_010, most)).toHaveLength(1);
      expect(await other.claim(10, 30_010, most)).toEqual([]);
      expect(await other.claim(1_011, 2_011, most)).toEqual([]);
      expect(await other.next()).toBe(31_010);
      expect(await other.claim(31_010, 61_010, most)).toHaveLength(1);
    });

    test("takes a lease for void that was given before the clock was set back", async () => {
      const { store } = await make();
      await store.put(job("a", 10));
      expect(await store.claim(9_000_000, 9_000_050, { ...most, latest: 9_999_999 })).toHaveLength(1);
      expect(await store.claim(100, 150, { ...most, latest: 9_000_050 })).toEqual([]);
      expect(await store.claim(100, 150, { ...most, latest: 9_000_049 })).toHaveLength(1);
    });
  });

  describe("settle", () => {
    test("has a job leave, or go on to its next slot, or be given back", async () => {
      const { store } = await make();
      for (const name of ["once", "again", "back", "later"]) await store.put(job(name, 10));
      const claimed = await store.claim(10, 1_000, most);
      const move = (name: string, to: { due: number; ready: number } | undefined) => {
        const { id, due } = claimed.find((each) => each.name === name) as StoredJob;
        return { name, id, due, to };
      };
      await store.settle([
        move("once", undefined),
        move("again", { due: 500, ready: 500 }),
        move("back", { due: 10, ready: 10 }),
        move("later", { due: 10, ready: 300 }),
      ]);
      expect(await store.get("once")).toBeUndefined();
      expect(names(await store.claim(299, 1_000, most))).toEqual(["back"]);
      const [later] = await store.claim(300, 1_000, most);
      expect(later).toMatchObject({ name: "later", due: 10 });
      expect(names(await store.claim(500, 1_200, most))).toEqual(["again"]);
      expect((await store.get("again"))?.due).toBe(500);
    });

    test("leaves a job alone that was changed, moved or taken out meanwhile", async () => {
      const { store, other } = await make();
      for (const name of ["changed", "moved", "gone"]) await store.put(job(name, 10, { rule: "every 5" }));
      const claimed = await store.claim(10, 20, most);
      const changed = job("changed", 70);
      await other.put(changed);
      await other.remove("gone");
      const moves = claimed.map(({ name, id, due }) => ({ name, id, due, to: { due: 15, ready: 15 } }));
      await other.settle(moves.filter(({ name }) => name === "moved"));
      await store.settle(moves.map((move) => ({ ...move, to: undefined })));
      expect(await store.get("changed")).toEqual(changed);
      expect((await store.get("moved"))?.due).toBe(15);
      expect(await store.get("gone")).toBeUndefined();
    });

    test("many at once", async () => {
      const { store } = await make();
      const all = Array.from({ length: many }, (_, index) => job(`j${index}`, index));
      await Promise.all(all.map((each) => store.put(each)));
      const claimed = await store.claim(5_000, 9_000, { ...most, jobs: 2_000, bytes: 1 << 24 });
      expect(claimed).toHaveLength(many);
      await store.settle(claimed.map(({ name, id, due }) => ({ name, id, due, to: undefined })));
      expect(await store.next()).toBeUndefined();
      await store.settle([]);
    });
  });
}
