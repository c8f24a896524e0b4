import assert from "node:assert/strict";
import { describe, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { Wire } from "../support/wire.ts";

/** What is exchanged: opens connections, and returns what came over them. */
type Exchange = (open: () => Promise<Wire>, name: string) => Promise<unknown>;

/** Exchanges that must be the same with gearmand and with JobServer, packet by packet. */
const exchanges: Record<string, Exchange> = {
  "a background job, from its submit to its end": async (open, name) => {
    const client = await open();
    const worker = await open();
    const seen: unknown[] = [await client.send("SUBMIT_JOB_BG", [name, "u1"], "load").received()];
    seen.push(await client.send("GET_STATUS", ["job1"]).received());
    worker.send("CAN_DO", [name]).send("GRAB_JOB");
    seen.push(await worker.received());
    seen.push(await worker.send("WORK_STATUS", ["job1", "1", "4"]).received());
    seen.push(await client.send("GET_STATUS", ["job1"]).send("GET_STATUS_UNIQUE", ["u1"]).received());
    seen.push(await worker.send("WORK_COMPLETE", ["job1"], "result").send("GRAB_JOB").received());
    seen.push(await client.send("GET_STATUS", ["job1"]).send("GET_STATUS_UNIQUE", ["u1"]).received());
    return seen;
  },
  "a foreground job with status, data, warning and result": async (open, name) => {
    const client = await open();
    const worker = await open();
    const created = await client.send("SUBMIT_JOB", [name, "u2"], "load").received();
    worker.send("CAN_DO", [name]).send("GRAB_JOB_UNIQ");
    const assigned = await worker.received();
    worker.send("WORK_STATUS", ["job1", "half", "-3"]).send("WORK_DATA", ["job1"], "a\0b");
    worker.send("WORK_WARNING", ["job1"], "w").send("WORK_COMPLETE", ["job1"], "");
    return [created, assigned, await worker.received(), await client.received()];
  },
  "three kinds of grab, and what each is told": async (open, name) => {
    const client = await open();
    const worker = await open();
    for (const unique of ["a", "b", "c"]) client.send("SUBMIT_JOB_BG", [name, unique], unique);
    client.send("SUBMIT_REDUCE_JOB_BACKGROUND", [name, "d", "sum", ""], "d");
    const created = await client.received();
    worker.send("CAN_DO", [name]).send("GRAB_JOB").send("GRAB_JOB_UNIQ").send("GRAB_JOB_ALL").send("GRAB_JOB_ALL");
    return [created, await worker.send("GRAB_JOB").received()];
  },
  "priorities within a function": async (open, name) => {
    const client = await open();
    const worker = await open();
    const kinds = ["SUBMIT_JOB_LOW_BG", "SUBMIT_JOB_BG", "SUBMIT_JOB_HIGH_BG", "SUBMIT_JOB_BG", "SUBMIT_JOB_HIGH_BG"];
    for (const [index, kind] of kinds.entries()) client.send(kind, [name, `p${index}`], kind);
    const created = await client.received();
    worker.send("CAN_DO", [name]);
    for (const _kind of kinds) worker.send("GRAB_JOB");
    return [created, await worker.received()];
  },
  "sleeping and waking: one NOOP until the next grab": async (open, name) => {
    const client = await open();
    const worker = await open();
    const seen: unknown[] = [await worker.send("CAN_DO", [name]).send("GRAB_JOB").send("PRE_SLEEP").received()];
    await client.send("SUBMIT_JOB_BG", [name, "n1"]).send("SUBMIT_JOB_BG", [name, "n2"]).received();
    seen.push(await worker.received());
    seen.push(await worker.send("PRE_SLEEP").received());
    seen.push(await worker.send("GRAB_JOB").send("GRAB_JOB").send("GRAB_JOB").send("PRE_SLEEP").received());
    return seen;
  },
  "equal uniques are one job, queued and running; every submission is told": async (open, name) => {
    const client = await open();
    const other = await open();
    const worker = await open();
    const seen: unknown[] = [
      await client.send("SUBMIT_JOB", [name, "same"], "first").send("SUBMIT_JOB", [name, "same"], "second").received(),
    ];
    seen.push(await worker.send("CAN_DO", [name]).send("GRAB_JOB_UNIQ").received());
    seen.push(await other.send("SUBMIT_JOB", [name, "same"], "third").received());
    seen.push(await other.send("GET_STATUS_UNIQUE", ["same"]).received());
    seen.push(await worker.send("WORK_DATA", ["job1"], "part").send("WORK_COMPLETE", ["job1"], "done").received());
    seen.push(await client.received(), await other.received());
    seen.push(await client.send("SUBMIT_JOB_BG", [name, "same"], "fourth").received());
    return seen;
  },
  "the unique - stands for the workload, and an empty one for none": async (open, name) => {
    const client = await open();
    for (const [unique, workload] of ["-x", "-x", "-y", "-", "-", "x", "x"].map((text) => [
      text.slice(0, 1),
      text.slice(1),
    ])) {
      client.send("SUBMIT_JOB_BG", [name, unique === "-" ? "-" : ""], workload ?? "");
    }
    return await client.received();
  },
  "exceptions reach those who asked for them; the others get a WORK_FAIL": async (open, name) => {
    const asking = await open();
    const plain = await open();
    const worker = await open();
    const options = await asking.send("OPTION_REQ", ["exceptions"]).send("OPTION_REQ", ["EXCEPTIONS"]).received();
    const wrong = await plain.send("OPTION_REQ", ["nonsense"]).received();
    const first = await asking.send("SUBMIT_JOB", [name, "e"]).received();
    await plain.send("SUBMIT_JOB", [name, "e"]).received();
    await worker.send("CAN_DO", [name]).send("GRAB_JOB").received();
    const end = await worker.send("WORK_EXCEPTION", ["job1"], "why").send("WORK_FAIL", ["job1"]).received();
    return [options, wrong, first, end, await asking.received(), await plain.received()];
  },
  "a lost worker's job is given to the next, with its progress forgotten": async (open, name) => {
    const client = await open();
    const lost = await open();
    await client.send("SUBMIT_JOB_BG", [name, "r1"], "one").send("SUBMIT_JOB_BG", [name, "r2"], "two").received();
    const grabbed = await lost
      .send("CAN_DO", [name])
      .send("GRAB_JOB")
      .send("WORK_STATUS", ["job1", "5", "9"])
      .received();
    await lost[Symbol.asyncDispose]();
    const worker = await open();
    worker.send("CAN_DO", [name]);
    // To the end of the queue.
    const others = [await worker.send("GRAB_JOB_UNIQ").received(), await worker.send("GRAB_JOB_UNIQ").received()];
    return [grabbed, others, await client.send("GET_STATUS", ["job1"]).received()];
  },
  "CANT_DO and RESET_ABILITIES take running jobs away": async (open, name) => {
    const client = await open();
    const worker = await open();
    await client.send("SUBMIT_JOB_BG", [name, "t"]).received();
    const seen: unknown[] = [await worker.send("CAN_DO", [name]).send("GRAB_JOB").received()];
    seen.push(await worker.send("CANT_DO", [name]).send("WORK_COMPLETE", ["job1"], "late").received());
    seen.push(await client.send("GET_STATUS", ["job1"]).received());
    seen.push(await worker.send("CAN_DO", [name]).send("GRAB_JOB").send("RESET_ABILITIES").received());
    seen.push(await worker.send("WORK_STATUS", ["job1", "1", "2"]).send("WORK_DATA", ["job1"], "d").received());
    seen.push(await worker.send("WORK_EXCEPTION", ["job1"], "x").send("GRAB_JOB").received());
    return seen;
  },
  "a job is its worker's alone": async (open, name) => {
    const client = await open();
    const worker = await open();
    const thief = await open();
    await client.send("SUBMIT_JOB", [name, "mine"]).received();
    await worker.send("CAN_DO", [name]).send("GRAB_JOB").received();
    thief.send("WORK_STATUS", ["job1", "1", "2"]).send("WORK_WARNING", ["job1"], "w").send("WORK_FAIL", ["job1"]);
    return [await thief.received(), await client.received()];
  },
  "requests that make no sense are answered with an error": async (open) => {
    const client = await open();
    for (const type of ["NOOP", "JOB_CREATED", "NO_JOB", "ALL_YOURS", "ERROR", "ECHO_RES"]) {
      const args = { JOB_CREATED: ["h"], ERROR: ["a", "b"] }[type] ?? [];
      client.send(type, args);
    }
    client.send("SUBMIT_JOB_SCHED", ["f", "u", "*", "*", "*", "*", "*"], "x");
    client.send("SUBMIT_JOB", ["f", "u".repeat(65)]);
    client.send("SUBMIT_REDUCE_JOB", ["f", "u", "r".repeat(65), ""]);
    client.send("WORK_COMPLETE", ["H:nowhere:7"]).send("GET_STATUS", ["H:nowhere:7"]);
    return await client.received();
  },
  "bytes of any kind, and none, are echoed": async (open) => {
    const client = await open();
    return await client.send("ECHO_REQ", [], "").send("ECHO_REQ", [], "a\0\0b\n").received();
  },
  "a job whose time is to come is known, and not given out": async (open, name) => {
    const client = await open();
    const worker = await open();
    const later = String(Math.floor(Date.now() / 1000) + 600);
    client.send("SUBMIT_JOB_EPOCH", [name, "later", later], "x").send("SUBMIT_JOB_EPOCH", [name, "now", "0"], "y");
    const created = await client.send("GET_STATUS_UNIQUE", ["later"]).received();
    return [created, await worker.send("CAN_DO", [name]).send("GRAB_JOB_UNIQ").send("GRAB_JOB_UNIQ").received()];
  },
  "a full queue refuses": async (open, name) => {
    const client = await open();
    const answers = [await client.text(`create function ${name}\r\n`), await client.text(`maxqueue ${name} 3 2 1\r\n`)];
    for (const type of [
      "SUBMIT_JOB_BG",
      "SUBMIT_JOB_BG",
      "SUBMIT_JOB_BG",
      "SUBMIT_JOB_LOW_BG",
      "SUBMIT_JOB_HIGH_BG",
      "SUBMIT_JOB_HIGH_BG",
    ]) {
      client.send(type, [name, fresh("q")]);
    }
    return [answers, await client.received()];
  },
  "text and packets take turns on one connection": async (open, name) => {
    const client = await open();
    const created = await client.send("SUBMIT_JOB_BG", [name, "t"]).received();
    const status = await client.text("STATUS\n", /^\.\n$/m);
    const line = status.split("\n").find((each) => each.startsWith(`${name}\t`));
    const wrong = [
      await client.text("nonsense here\r\n"),
      await client.text("\n"),
      await client.text("maxqueue\n"),
      await client.text("create function\n"),
    ];
    return [created, line?.replace(name, "f"), wrong, await client.send("GET_STATUS", ["job1"]).received()];
  },
  "a wrong magic ends the connection, and nothing else": async (open) => {
    const bad = await open();
    const good = await open();
    const closed = await bad.bytes(new TextEncoder().encode("\0BAD00000000")).closed();
    const type = await open();
    type.bytes(new Uint8Array([0, 0x52, 0x45, 0x51, 0, 0, 0, 43, 0, 0, 0, 0]));
    return [closed, await type.closed(), await good.send("GET_STATUS", ["H:nowhere:1"]).received()];
  },
};

/** Runs an exchange with connections of its own. */
async function run(address: string, exchange: Exchange): Promise<unknown> {
  const handles = new Map<string, string>();
  const open: Wire[] = [];
  const name = fresh("wire");
  try {
    const result = await exchange(async () => {
      const wire = await Wire.connect(address, handles);
      open.push(wire);
      return wire;
    }, name);
    // The function's name is different each time.
    return JSON.parse(JSON.stringify(result).replaceAll(name, "FUNCTION"));
  } finally {
    for (const wire of open) await wire[Symbol.asyncDispose]();
  }
}

describe("gearmand and JobServer answer alike:", () => {
  const [gearmand, jobServer] = inject("servers");
  test.each(Object.entries(exchanges))("%s", async (_name, exchange) => {
    const expected = await run(gearmand?.address ?? "", exchange);
    assert.deepEqual(await run(jobServer?.address ?? "", exchange), expected);
    // An exchange in which nothing comes would prove nothing.
    assert.match(JSON.stringify(expected), /[A-Z]{4}/);
  });
});
