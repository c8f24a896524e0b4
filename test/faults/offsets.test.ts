import assert from "node:assert/strict";
import { Admin, Client, ConnectionLostError, GearmanError, Worker } from "edgear";
import { describe, test } from "vitest";
import { read } from "../codec/packets.ts";
import { pause } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { OwnClock } from "../support/faults/clock.ts";
import { nothingMore, open, watchCodecs } from "../support/faults/open.ts";
import { FaultProxy } from "../support/faults/proxy.ts";
import type { Direction, Fault, Script } from "../support/faults/script.ts";
import { startWorker } from "../support/worker.ts";
import { PATIENT, TIMES, WORKER_OPTIONS } from "./actors.ts";
import { type OwnServer, SERVERS } from "./servers.ts";

/*
 * One real conversation each, taken apart at every byte of it: split there, reset there, half-closed there; and its
 * bytes dropped and corrupted one by one.
 */

watchCodecs();

// Packet types, by the protocol's numbers.
const JOB_CREATED = 8;
const WORK_COMPLETE = 13;

/** So many conversations at once. */
const ABREAST = 8;

/** Somebody has a conversation over a line, from the connection's first byte to its last. */
type Conversation = (proxy: FaultProxy, server: OwnServer, name: string) => Promise<string>;

/** Uniques of one length: with one for all, a conversation would join the job of the one before while that is not over. */
let conversations = 0;
const ownUnique = () => `u${String(++conversations).padStart(6, "0")}`;

// Nothing here takes a time limit: a split changes nothing, and a line that ends says so.
const ONCE = { ...PATIENT, reconnect: false } as const;

const CONVERSATIONS: Record<string, Conversation> = {
  async client(proxy, _server, name) {
    await using client = new Client(proxy.address, ONCE);
    const task = client.submit(name, "abc", { unique: ownUnique() });
    const said: string[] = [];
    for await (const event of task) {
      said.push(event.type === "status" ? `${event.numerator}/${event.denominator}` : event.payload.text());
    }
    said.push((await task.result).text());
    return said.join(" ");
  },
  async worker(proxy, server, name) {
    await using client = new Client(server.address);
    const worker = new Worker(proxy.address, { ...WORKER_OPTIONS, ...PATIENT });
    const own = `${name}-own`;
    worker.add(own, (job) => job.workload.text().toUpperCase());
    const running = worker.run();
    const result = await client.run(own, "abc", { timeout: 10_000 });
    await worker.close({ timeout: 1_000 });
    await running;
    return result.text();
  },
  async admin(proxy) {
    await using admin = new Admin(proxy.address, PATIENT);
    const [version, rows] = await Promise.all([admin.version(), admin.status()]);
    return `${/^\d/.test(version)} ${rows.length > 0}`;
  },
};

const SAID: Record<string, string> = { client: "1/2 part ABC", worker: "ABC", admin: "true true" };

/** Starts a server with a worker for the conversations. */
async function site(serverName: string): Promise<{ server: OwnServer; name: string } & AsyncDisposable> {
  const start = SERVERS[serverName] as () => Promise<OwnServer>;
  const server = await start();
  const name = fresh("talk");
  const worker = startWorker(
    server.address,
    {
      [name]: async function* (job) {
        job.status(1, 2);
        yield "part";
        return job.workload.text().toUpperCase();
      },
    },
    { concurrency: ABREAST },
  );
  await using client = new Client(server.address);
  await client.run(name, "first");
  return {
    server,
    name,
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The bytes of a conversation over a sound line, by direction. */
async function recorded(who: string, server: OwnServer, name: string): Promise<Record<Direction, Buffer>> {
  await using proxy = await FaultProxy.to(server.port);
  proxy.recording = true;
  assert.equal(await CONVERSATIONS[who]?.(proxy, server, name), SAID[who]);
  return { up: Buffer.concat(proxy.record.up), down: Buffer.concat(proxy.record.down) };
}

/** Has the conversation again for each place of either direction, the first connection of each with a fault there. */
async function everywhere(
  serverName: string,
  who: string,
  fault: (at: number) => Fault,
  check: (said: Promise<string>, direction: Direction, at: number, sent: () => Uint8Array) => Promise<void>,
): Promise<number> {
  const before = open();
  let count = 0;
  {
    await using all = await site(serverName);
    const { server, name } = all;
    const bytes = await recorded(who, server, name);
    const places = (["up", "down"] as const).flatMap((direction) =>
      Array.from({ length: bytes[direction].length - 1 }, (_, index) => ({ direction, at: index + 1 })),
    );
    count = places.length;
    const one = async () => {
      for (let place = places.shift(); place; place = places.shift()) {
        const { direction, at } = place;
        const script: Script = (connection) => (connection === 0 ? { [direction]: [fault(at)] } : {});
        await using proxy = await FaultProxy.to(server.port, script);
        proxy.recording = true;
        // Conversations at once must not join each other, but be of the same length.
        const own = who === "client" ? name : fresh("talk");
        const said = CONVERSATIONS[who]?.(proxy, server, own) as Promise<string>;
        said.catch(() => {});
        try {
          await check(said, direction, at, () => new Uint8Array(Buffer.concat(proxy.record.down)));
        } catch (error) {
          throw new Error(`${direction}, byte ${at}: ${(error as Error).message}`, { cause: error });
        }
      }
    };
    await Promise.all(Array.from({ length: who === "client" ? 1 : ABREAST }, one));
  }
  await nothingMore(before);
  return count;
}

/** Has jobs done until one is. In between the line is quiet: a connection that makes no sense any more is given up then. */
async function works(client: Client, name: string): Promise<void> {
  using clock = new OwnClock();
  for (;;) {
    const got = await client.run(name, "abc", { timeout: 1_000 }).then(String, (error: unknown) => error);
    if (got === "ABC") return;
    if (clock.milliseconds > 5_000) throw got;
    await pause(1_200);
  }
}

/** Where the packet of a type ends in what a server sent; nowhere, when it has sent none. */
function endOf(type: number, bytes: Uint8Array): number {
  for (let end = 1; end <= bytes.length; end++) {
    if (read("server", bytes.slice(0, end)).packets.some((packet) => packet.type === type)) return end;
  }
  return Number.POSITIVE_INFINITY;
}

describe.each(Object.keys(SERVERS))("a conversation with %s", { timeout: 60_000 }, (serverName) => {
  test.each(Object.keys(CONVERSATIONS))("of a %s, split at each byte, is the same", async (who) => {
    const count = await everywhere(
      serverName,
      who,
      (at) => ({ kind: "split", at }),
      async (said) => assert.equal(await said, SAID[who]),
    );
    assert.ok(count > 50, `${count} places`);
  });

  test.each(["reset", "half-close"] as const)("of a client, %s at each byte: what is known is said", async (kind) => {
    await everywhere(
      serverName,
      "client",
      (at) => ({ kind, at }),
      async (said, direction, at, sent) => {
        const got = await said.catch((error: unknown) => error);
        // What the server was sent in part, it didn't take; what it took whole, it may have answered before the end.
        if (direction === "up") {
          if (got === SAID.client) return;
          assert.ok(got instanceof ConnectionLostError, String(got));
          return;
        }
        if (at >= endOf(WORK_COMPLETE, sent())) {
          assert.equal(got, SAID.client);
          return;
        }
        assert.ok(got instanceof ConnectionLostError, String(got));
        assert.equal(got.sent, true);
        assert.equal(got.handle !== undefined, at >= endOf(JOB_CREATED, sent()));
      },
    );
  });

  test.each(["reset", "half-close"] as const)("of a worker, %s at each byte: the job is done", async (kind) => {
    await everywhere(
      serverName,
      "worker",
      (at) => ({ kind, at }),
      async (said) => assert.equal(await said, SAID.worker),
    );
  });

  test.each(["reset", "half-close"] as const)("of an admin, %s at each byte: answered, or lost", async (kind) => {
    await everywhere(
      serverName,
      "admin",
      (at) => ({ kind, at }),
      async (said, direction) => {
        const got = await said.catch((error: unknown) => error);
        if (got instanceof ConnectionLostError) return;
        assert.equal(got, SAID.admin);
        assert.equal(direction, "up");
      },
    );
  });

  // A byte of the workload, or of the result, that is another one is nobody's to see: TCP's checksums are for that.
  test.each(["drop", "corrupt"] as const)("of a client, %s of each byte: it settles in its time", async (kind) => {
    const timeout = 600;
    const quick = { ...TIMES, reconnect: false, requestTimeout: 100, heartbeat: 100 } as const;
    await using all = await site(serverName);
    const { server, name } = all;
    const { up, down } = await recorded("client", server, name);
    const places = [
      ...Array.from(up, (_, at) => ({ direction: "up", at })),
      ...Array.from(down, (_, at) => ({ direction: "down", at })),
    ];
    const codes = new Map<string, number>();
    const one = async () => {
      for (let place = places.shift(); place; place = places.shift()) {
        const { direction, at } = place;
        const fault: Fault = kind === "drop" ? { kind, at, count: 1 } : { kind, at, bits: 1 << (at % 8) };
        await using proxy = await FaultProxy.to(server.port, (n) => (n === 0 ? { [direction]: [fault] } : {}));
        await using client = new Client(proxy.address, quick);
        using clock = new OwnClock();
        const got = await client.run(name, "abc", { timeout }).then(String, (error: unknown) => error);
        const took = clock.milliseconds;
        assert.ok(took < 1.6 * timeout, `${direction}, byte ${at}: ${String(got)} after ${took} ms of its own`);
        if (typeof got !== "string") assert.ok(got instanceof GearmanError, `${direction}, byte ${at}: ${String(got)}`);
        const code = got instanceof GearmanError ? got.code : "ok";
        codes.set(code, (codes.get(code) ?? 0) + 1);
        // And it works on, once a connection is given up on which server and client no longer understand each other.
        await works(client, name).catch((error) => assert.fail(`${direction}, byte ${at}: ${error}`));
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, one));
    assert.ok((codes.get("CONNECTION_LOST") ?? 0) > 10, JSON.stringify([...codes]));
  });
});
