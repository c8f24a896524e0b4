import assert from "node:assert/strict";
import { ConnectionError, ConnectionLostError, ServerError, TimeoutError } from "edgear";
import { type Case, Client, pause, rejection, Worker } from "./case.ts";
import { AWAY, fresh, NOBODY } from "./names.ts";

/** A function, a workload or options as a program without types may give them. */
type Anything = never;

/** Arguments that can't be right, and what is said of them. */
const WRONG: readonly [name: string, call: (client: Client) => Promise<unknown>, message: RegExp][] = [
  ["no function", (client) => client.background(""), /^a function name must not be empty$/],
  [
    "a function that is a number",
    (client) => client.background(7 as Anything),
    /^a function name must be a string, not 7$/,
  ],
  ["a NUL in a function", (client) => client.background("a\0b"), /^a function name must not have a NUL/],
  ["a lone surrogate in a function", (client) => client.background("a\ud800"), /^a function name .* lone surrogate/],
  ["a function of 8,001 bytes", (client) => client.background("f".repeat(8_001)), /8000 bytes at most.* has 8001$/],
  ["a unique of 64 bytes", (client) => client.background("f", "", { unique: "é".repeat(32) }), /63 bytes .* has 64$/],
  ["a NUL in a unique", (client) => client.background("f", "", { unique: "\0" }), /^a unique id must not have a NUL/],
  [
    "another priority",
    (client) => client.background("f", "", { priority: "urgent" as Anything }),
    /"high", .* "urgent"$/,
  ],
  [
    "a misspelt option",
    (client) => client.background("f", "", { prio: "high" } as Anything),
    /no option "prio"; it knows/,
  ],
  ["a negative delay", (client) => client.background("f", "", { delay: -1 }), /^delay must be .* not -1$/],
  [
    "a delay that is no number",
    (client) => client.background("f", "", { delay: Number.NaN }),
    /^delay must be .* NaN$/,
  ],
  ["an invalid Date", (client) => client.background("f", "", { at: new Date("x") }), /^at must be .* an invalid Date$/],
  ["both at and delay", (client) => client.background("f", "", { at: 1, delay: 1 }), /^at and delay .* one of them$/],
  [
    "a delay with a priority",
    (client) => client.background("f", "", { delay: 1, priority: "high" }),
    /normal priority/,
  ],
  ["a workload that is a function", (client) => client.background("f", () => {}), /^the workload is a function/],
  ["a workload that is a bigint", (client) => client.background("f", 1n as Anything), /^the workload .* as JSON/],
  [
    "a lone surrogate in a workload",
    (client) => client.background("f", "\udfff"),
    /^the workload has a lone surrogate/,
  ],
  ["an unknown option of run", (client) => client.run("f", "", { at: 1 } as Anything), /no option "at"; it knows/],
  ["a timeout of 0", (client) => client.run("f", "", { timeout: 0 }), /^timeout must be .* from 1 to \d+, not 0$/],
  ["no handle", (client) => client.status(""), /^a job handle must not be empty$/],
  ["a handle of 64 bytes", (client) => client.status("H".repeat(64)), /63 bytes at most.* has 64$/],
  ["no unique", (client) => client.statusOf(""), /without a unique can't be asked for by it/],
  ["an interval of 0", (client) => client.completed("H:x:1", { interval: 0 }), /^interval must be .* not 0$/],
];

/** What is wrong with how a client is made, and what is said of it. */
const WRONG_CLIENTS: readonly [make: () => Client, message: RegExp][] = [
  [() => new Client(""), /^"" is no server: give "host"/],
  [() => new Client("http://jobs"), /^"http:\/\/jobs" is no server/],
  [() => new Client("jobs:0"), /^jobs:0 has the port 0: a port is a whole number from 1 to 65535$/],
  [() => new Client([]), /^no server was given/],
  [() => new Client("jobs, jobs:4730"), /^the server jobs:4730 is listed twice$/],
  [() => new Client("jobs", { connectTimeout: -1 }), /^connectTimeout must be .* not -1$/],
  [() => new Client("jobs", { timeout: 1 } as Anything), /^Client has no option "timeout"; it knows/],
];

/** What goes wrong, and what is said of it. */
export const faults: readonly Case[] = [
  ...WRONG.map(
    ([name, call, message]): Case => ({
      name: `${name} is refused in words before anything is sent`,
      async run() {
        // There is no server: whoever asks for one gets another error.
        await using client = new Client(AWAY);
        assert.match((await rejection(attempt(call, client), TypeError)).message, message);
      },
    }),
  ),
  {
    name: "servers and options that can't be are refused in words",
    async run() {
      for (const [make, message] of WRONG_CLIENTS) assert.throws(make, { name: "TypeError", message });
    },
  },
  {
    name: "a job whose result is larger than maxPacketSize is run once, whether it has a unique or not",
    async run({ server }) {
      await using client = new Client(server, { maxPacketSize: 1_024 });
      await using worker = new Worker(server);
      const name = fresh("large");
      let runs = 0;
      const working = worker.add(name, () => "x".repeat(2_000 + runs++)).run();
      for (const options of [{}, { unique: fresh("large").slice(0, 60) }]) {
        const error = await rejection(client.run(name, "", options), ConnectionLostError);
        assert.match(error.message, /packet of 20\d\d bytes, more than is accepted \(maxPacketSize\)/);
      }
      assert.equal(typeof (await client.ping()), "number");
      await worker.close();
      await working;
      assert.equal(runs, 2);
    },
  },
  {
    name: "a workload larger than maxPacketSize is refused before anything is sent",
    async run({ server }) {
      await using client = new Client(server, { maxPacketSize: 1_024 });
      const error = await rejection(client.background(NOBODY, new Uint8Array(1_025)), TypeError);
      assert.match(error.message, /^the workload has 1025 bytes, more than maxPacketSize \(1024 bytes\)$/);
      const names = await rejection(client.background(NOBODY, new Uint8Array(1_000)), TypeError);
      assert.match(names.message, /with the job.s names more than maxPacketSize \(1024 bytes\)/);
      await client.background(NOBODY, new Uint8Array(800));
    },
  },
  {
    name: "a server that is away is named, with what to try",
    async run() {
      await using client = new Client(AWAY);
      for (const call of [client.background(NOBODY), client.run(NOBODY), client.ping(), client.status("H:x:1")]) {
        const error = await rejection(call, ConnectionError);
        assert.equal(error.code, "CONNECTION_FAILED");
        assert.equal(error.server, AWAY);
        assert.match(
          error.message,
          /127\.0\.0\.1:1\b.*nothing listens there.*start gearmand on it, or check the address/,
        );
        assert.ok(error.cause);
      }
    },
  },
  {
    name: "the next server takes over from one that is away",
    async run({ server }) {
      await using client = new Client(`${AWAY}, ${server}`);
      const [job, result, round] = await Promise.all([
        client.background(NOBODY),
        client.run("reverse", "abc"),
        client.ping(),
      ]);
      assert.equal(job.server, server);
      assert.equal(result.text(), "cba");
      assert.ok(round >= 0);
    },
  },
  {
    name: "when no server can be had, all are named",
    async run() {
      const others = ["127.0.0.1:2", AWAY];
      await using client = new Client(others);
      const error = await rejection(client.background(NOBODY), ConnectionError);
      for (const other of others) assert.equal(error.message.includes(other), true, error.message);
      assert.equal(error.server, others.join(", "));
    },
  },
  {
    name: "a connection that waits is none the worse for many others",
    async run({ server }) {
      await using client = new Client(server);
      const job = await client.background(NOBODY);
      // Their memory is the codec's, which grows meanwhile.
      const others = Array.from({ length: 40 }, () => new Client(server));
      await Promise.all(others.map((other) => other.ping()));
      assert.equal((await client.status(job)).state, "queued");
      await Promise.all(others.map((other) => other.close()));
      assert.equal((await client.status(job)).state, "queued");
    },
  },
  {
    name: "a server that does not answer in time is named",
    async run({ silent }) {
      const client = new Client(silent, { requestTimeout: 100 });
      const calls = [rejection(client.background(NOBODY), TimeoutError)];
      for (let number = 0; number < 5; number++) {
        calls.push(rejection(client.ping(), TimeoutError));
        // The last ones are asked a while after the first, and still have their own time.
        await pause(5);
      }
      for (const error of await Promise.all(calls)) {
        assert.equal(error.timeout, "requestTimeout");
        assert.equal(error.message.includes(silent), true, error.message);
      }
      await client.close();
    },
  },
  {
    name: "a full queue is the server's word, and the connection is none the worse for it",
    async run({ server }) {
      await using client = new Client(server);
      const submits = await Promise.allSettled([
        client.background("full", "x", { unique: fresh("a") }),
        client.background("full", "x", { unique: fresh("b") }),
        client.background(NOBODY),
      ]);
      // The queue takes one job in all, and another run may have been first.
      const refused = submits[1];
      assert.ok(refused?.status === "rejected" && refused.reason instanceof ServerError, JSON.stringify(refused));
      assert.equal(refused.reason.code, "SERVER");
      assert.equal(refused.reason.serverCode, "QUEUE_ERROR");
      assert.match(refused.reason.message, /QUEUE_ERROR \(Job queue is full\)/);
      assert.equal(submits[2]?.status, "fulfilled");
    },
  },
];

/** Whether a call throws or rejects is the same to who awaits it. */
async function attempt(call: (client: Client) => Promise<unknown>, client: Client): Promise<unknown> {
  return call(client);
}
