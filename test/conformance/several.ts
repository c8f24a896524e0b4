import assert from "node:assert/strict";
import { ConnectionError } from "edgear";
import { type Case, Client, eventually, rejection } from "./case.ts";
import { AWAY, fresh, NOBODY } from "./names.ts";

/** How many of so many jobs each server took. */
async function shares(client: Client, jobs: number, unique?: (job: number) => string): Promise<Map<string, number>> {
  const taken = new Map<string, number>();
  for (let job = 0; job < jobs; job++) {
    const { server } = await client.background(NOBODY, "", unique ? { unique: unique(job) } : {});
    taken.set(server, (taken.get(server) ?? 0) + 1);
  }
  return taken;
}

/** Several servers. */
export const several: readonly Case[] = [
  {
    name: "failover: the first of the list takes all jobs",
    async run({ servers }) {
      await using client = new Client([...servers]);
      assert.deepEqual([...(await shares(client, 6))], [[servers[0], 6]]);
    },
  },
  {
    name: "round-robin: each takes its share, and one that is away takes none",
    async run({ servers }) {
      await using client = new Client([AWAY, ...servers], { balance: "round-robin" });
      const taken = await shares(client, 30);
      assert.equal(taken.get(AWAY), undefined);
      for (const server of servers) assert.ok((taken.get(server) ?? 0) >= 8, JSON.stringify([...taken]));
    },
  },
  {
    name: "unique: equal uniques meet on one server, whoever submits them, and become one job there",
    async run({ servers }) {
      const list = [...servers];
      const balance = "unique";
      await using one = new Client(list, { balance });
      await using other = new Client(list, { balance });
      const uniques = Array.from({ length: 20 }, () => fresh("u").slice(0, 50));
      const homes = new Set<string>();
      for (const unique of uniques) {
        const first = await one.background(NOBODY, "x", { unique });
        const second = await other.background(NOBODY, "y", { unique });
        assert.equal(first.server, second.server);
        assert.equal(first.handle, second.handle);
        homes.add(first.server);
      }
      assert.equal(homes.size, list.length);
      // Those without a unique of their own are spread.
      assert.equal((await shares(one, 10)).size, list.length);
    },
  },
  {
    name: "unique: the place is Perl's, and the next one's when that server is away",
    async run({ servers }) {
      // Gearman::Client's (crc32(unique) >> 16) & 0x7fff.
      const list = [...servers];
      await using client = new Client(list, { balance: "unique" });
      assert.equal((await client.background(NOBODY, "", { unique: "abc" })).server, list[0x3524 % list.length]);
      assert.equal((await client.background(NOBODY, "", { unique: "123456789" })).server, list[0x4bf4 % list.length]);
      const [first = ""] = servers;
      await using lame = new Client([AWAY, first], { balance: "unique" });
      const taken = await shares(lame, 6, (job) => `${job}`);
      assert.deepEqual([...taken], [[first, 6]]);
    },
  },
  {
    name: "a handle's text is asked for at the server that made it, and a foreign one at all of them",
    async run({ servers }) {
      await using client = new Client([...servers], { balance: "round-robin" });
      const jobs = await Promise.all([client.background(NOBODY), client.background(NOBODY)]);
      for (const { handle } of jobs) assert.equal((await client.status(handle)).state, "queued");
      await using stranger = new Client([...servers]);
      for (const { handle } of jobs) assert.equal((await stranger.status(handle)).state, "queued");
      // One that is away might know a foreign handle; one whose handles look otherwise can't.
      await using lame = new Client([...servers, AWAY]);
      await rejection(lame.status("H:foreign:1"), ConnectionError);
      const { handle } = await lame.background(NOBODY);
      assert.equal((await lame.status(handle)).state, "queued");
    },
  },
  {
    name: "a server that is away is told of by an event, and harms no call",
    async run({ server }) {
      await using client = new Client([AWAY, server]);
      const away: string[] = [];
      client.on("error", (event) => away.push(`${event.server} ${(event.error as ConnectionError).code}`));
      await client.ping();
      await eventually("the event", async () => away.length > 0);
      assert.deepEqual(away, [`${AWAY} CONNECTION_FAILED`]);
    },
  },
];
