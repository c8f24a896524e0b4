import assert from "node:assert/strict";
import { ConnectionLostError } from "edgear";
import { type Case, Client, collect, eventually, pause, rejection, Worker } from "./case.ts";
import { fresh, NOBODY } from "./names.ts";

/** The life of connections, and what tasks are told over them. */
export const life: readonly Case[] = [
  {
    name: "many calls share the one connection that the first of them makes",
    async run({ server }) {
      const client = new Client(server);
      const told: string[] = [];
      client.on("connect", (event) => told.push(`connect ${event.server} ${event.duration >= 0}`));
      client.on("disconnect", (event) => told.push(`disconnect ${event.server} ${event.error}`));
      assert.deepEqual(told, []);
      await Promise.all(Array.from({ length: 50 }, () => client.background(NOBODY)));
      await client.close();
      assert.deepEqual(told, [`connect ${server} true`, `disconnect ${server} undefined`]);
    },
  },
  {
    name: "a line that is dead at the other end only is found out by its silence",
    async run({ frozen }) {
      await using client = new Client(frozen, { heartbeat: 100, requestTimeout: 200, reconnect: false });
      const task = client.submit(NOBODY);
      assert.equal((await task.handle).handle, "H:frozen:1");
      const error = await rejection(task.result, ConnectionLostError);
      assert.equal(error.handle, "H:frozen:1");
      assert.match(error.message, /fell silent/);
    },
  },
  {
    name: "heartbeats do no harm to a line that is quiet",
    async run({ server }) {
      await using client = new Client(server, { heartbeat: 20 });
      let lost = 0;
      client.on("disconnect", () => lost++);
      const result = await client.run("slow", "quiet");
      assert.equal(result.text().trim(), "quiet");
      assert.equal(lost, 0);
    },
  },
  {
    name: "every call may be given the same signal, and leaves no listener at it",
    async run({ server }) {
      await using client = new Client(server);
      const { signal, added } = counted();
      await Promise.all([
        ...Array.from({ length: 50 }, () => client.background(NOBODY, "", { signal })),
        ...Array.from({ length: 20 }, () => client.run("reverse", "x", { signal })),
        client.ping({ signal }),
        client.status("H:x:1", { signal }),
        client.statusOf("x", { signal }),
        client.completed("H:x:1", { signal }),
        collect(client.backgroundAll(NOBODY, ["a", "b"], { signal })),
      ]);
      await eventually("no listener is left", async () => added() === 0);
    },
  },
  {
    name: "coalesced submits get every event once each, on one connection and over several",
    async run({ server }) {
      await using client = new Client(server);
      await using other = new Client(server);
      const name = fresh("joined");
      const options = { unique: "joined" };
      const tasks = [client, client, other].map((each) => each.submit(name, "x", options));
      const handles = await Promise.all(tasks.map(async ({ handle }) => String(await handle)));
      assert.equal(new Set(handles).size, 1);
      const worker = new Worker(server);
      worker.add(name, async function* (job) {
        job.status(1, 2);
        job.warn("careful");
        yield "a";
        yield "b";
        return "done";
      });
      const running = worker.run();
      const told = await Promise.all(
        tasks.map(async (task) => {
          const events = (await collect(task)).map((event) =>
            event.type === "status"
              ? `${event.numerator}/${event.denominator}`
              : `${event.type} ${event.payload.text()}`,
          );
          return [...events, (await task.result).text()];
        }),
      );
      for (const each of told) assert.deepEqual(each, ["1/2", "warning careful", "data a", "data b", "done"]);
      await worker.close();
      await running;
    },
  },
  {
    name: "a reader who is behind misses nothing, and may make other calls meanwhile",
    async run({ server }) {
      const name = fresh("stream");
      const worker = new Worker(server);
      worker.add(name, async function* () {
        for (let part = 0; part < 200; part++) yield new Uint8Array(50_000).fill(part);
        return "done";
      });
      const running = worker.run();
      await using client = new Client(server);
      const task = client.submit(name);
      let part = 0;
      for await (const event of task) {
        assert.ok(event.type === "data" && event.payload.bytes.every((byte) => byte === part), `part ${part}`);
        if (part % 40 === 5) await pause(30);
        if (part % 40 === 10) assert.equal((await client.run("reverse", "abc")).text(), "cba");
        part++;
      }
      assert.equal(part, 200);
      assert.equal((await task.result).text(), "done");
      await worker.close();
      await running;
    },
  },
  {
    name: "events that came before somebody read are not missed",
    async run({ server }) {
      const name = fresh("late");
      const worker = new Worker(server);
      worker.add(name, async function* () {
        for (let part = 0; part < 100; part++) yield String(part);
      });
      const running = worker.run();
      await using client = new Client(server);
      const task = client.submit(name);
      await task.result;
      const late = await collect(task);
      assert.deepEqual(
        late.map((event) => event.type === "data" && event.payload.text()),
        Array.from({ length: 100 }, (_, part) => String(part)),
      );
      assert.equal(task.dropped, 0);
      await worker.close();
      await running;
    },
  },
];

/** A signal that never aborts, and how many listeners it has. */
function counted(): { signal: AbortSignal; added: () => number } {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal) as (...args: unknown[]) => void;
  const remove = signal.removeEventListener.bind(signal) as (...args: unknown[]) => void;
  signal.addEventListener = (...args: unknown[]) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: unknown[]) => {
    listeners--;
    remove(...args);
  };
  return { signal, added: () => listeners };
}
