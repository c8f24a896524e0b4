import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import {
  Admin,
  type AdminOptions,
  ConnectionError,
  ConnectionLostError,
  ProtocolError,
  ServerError,
  TimeoutError,
} from "edgear";
import { describe, inject, test } from "vitest";
import { rejection } from "../conformance/case.ts";
import { startFaultyServer } from "../support/faults.ts";

/** An Admin of a server that answers each line with a text, in pieces of a size, or what a function makes of the socket. */
async function answering(
  answers: Record<string, string> | ((line: string, socket: Socket) => void),
  options: AdminOptions & { piece?: number } = {},
) {
  const { piece = Number.POSITIVE_INFINITY, ...rest } = options;
  const asked: string[] = [];
  let connections = 0;
  const server = await startFaultyServer((socket) => {
    connections++;
    let received = "";
    socket.on("data", async (chunk) => {
      received += chunk;
      const lines = received.split("\n");
      received = lines.pop() ?? "";
      for (const line of lines) {
        asked.push(line);
        if (typeof answers === "function") answers(line.trimEnd(), socket);
        else await write(socket, answers[line.trimEnd()] ?? "ERR UNKNOWN_COMMAND Unknown+server+command\r\n", piece);
      }
    });
  });
  const admin = new Admin(server.address, rest);
  return {
    admin,
    asked,
    address: server.address,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      admin.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function write(socket: Socket, text: string, piece: number): Promise<void> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += piece) {
    socket.write(bytes.subarray(at, at + piece));
    if (piece < bytes.length) await delay(1);
  }
}

describe("answers", () => {
  test("are read whatever pieces they come in", async () => {
    const text = "größe\t3\t1\t2\nb\tc\t0\t0\t0\n.\n";
    for (const piece of [1, 2, 3, 5, 7]) {
      await using peer = await answering({ status: text, version: "OK 1.1.20+ds\n" }, { piece });
      const status = peer.admin.status();
      const version = peer.admin.version();
      assert.deepEqual(await status, [
        { function: "größe", queued: 2, running: 1, total: 3, workers: 2 },
        { function: "b\tc", queued: 0, running: 0, total: 0, workers: 0 },
      ]);
      assert.equal(await version, "1.1.20+ds");
    }
  });

  test("are read although names have tabs, line feeds, dots and byte order marks of their own", async () => {
    const status = "a\nb\t1\t0\t0\n\tc\t\n.d\t2\t2\t0\n\ufeffe\t0\t0\t4294967295\nERR x\t0\t4294967295\t0\n.\n";
    await using peer = await answering({ status });
    assert.deepEqual(await peer.admin.status(), [
      { function: "a\nb", queued: 1, running: 0, total: 1, workers: 0 },
      { function: "\tc\t\n.d", queued: 0, running: 2, total: 2, workers: 0 },
      { function: "\ufeffe", queued: 0, running: 0, total: 0, workers: 4294967295 },
      { function: "ERR x", queued: 0, running: 4294967295, total: 0, workers: 0 },
    ]);
  });

  test("of workers are read although ids and addresses have blanks and colons", async () => {
    const workers = [
      "31 127.0.0.1 - :",
      "32 ::1 thumbs:1 : a b a",
      "33 fe80::1%eth0  : x",
      "34 10.0.0.1 two words : : y",
      "35 10.0.0.2 - : line",
      "feed",
      "36 10.0.0.3 - : ",
      ".\n",
    ].join("\n");
    await using peer = await answering({ workers });
    assert.deepEqual(await peer.admin.workers(), [
      { fd: 31, address: "127.0.0.1", id: "", functions: [] },
      { fd: 32, address: "::1", id: "thumbs:1", functions: ["a", "b", "a"] },
      { fd: 33, address: "fe80::1%eth0", id: "", functions: ["x"] },
      { fd: 34, address: "10.0.0.1", id: "two words", functions: [":", "y"] },
      { fd: 35, address: "10.0.0.2", id: "", functions: ["line\nfeed"] },
      { fd: 36, address: "10.0.0.3", id: "", functions: [] },
    ]);
  });

  test("of uniques may be empty, be repeated, and look like errors", async () => {
    await using peer = await answering({ "show unique jobs": "ERR x\n\n-\n-\nOK\n.\n" });
    assert.deepEqual(await peer.admin.uniqueJobs(), ["ERR x", "", "-", "-", "OK"]);
  });

  test("of many megabytes are read, and one line of megabytes, too", { timeout: 60_000 }, async () => {
    const jobs = Array.from({ length: 500_000 }, (_, index) => `H:a.host.with.a.name:${index}\t0\t0\t1`);
    const names = Array.from({ length: 500_000 }, (_, index) => `function${index}`);
    await using peer = await answering({
      "show jobs": `${jobs.join("\n")}\n.\n`,
      workers: `31 127.0.0.1 - : ${names.join(" ")}\n.\n`,
    });
    const found = await peer.admin.jobs();
    assert.equal(found.length, jobs.length);
    assert.deepEqual(found.at(-1), {
      handle: "H:a.host.with.a.name:499999",
      retries: 0,
      ignored: false,
      background: true,
    });
    assert.equal((await peer.admin.workers())[0]?.functions.length, names.length);
  });

  test("are limited", async () => {
    const endless = (_line: string, socket: Socket) => {
      const more = () => socket.writable && socket.write("x".repeat(60_000), more);
      more();
    };
    await using peer = await answering(endless, { maxAnswerSize: 1_000_000 });
    const error = await rejection(peer.admin.status(), ProtocolError);
    assert.match(error.message, /maxAnswerSize \(1000000 bytes\)/);
  });

  test("that make no sense are errors, and the connection isn't used again", async () => {
    await using peer = await answering({
      version: "HTTP/1.1 400 Bad Request\r\n",
      getpid: "OK many\n",
      prioritystatus: "a\t1\n.\n",
      workers: "what?\n.\n",
      "create function f": "well\r\n",
    });
    const { admin } = peer;
    for (const call of [
      () => admin.version(),
      () => admin.pid(),
      () => admin.priorityStatus(),
      () => admin.workers(),
      () => admin.createFunction("f"),
    ])
      await rejection(call(), ProtocolError);
    assert.equal(peer.connections, 5);
  });

  test("to nothing are errors", async () => {
    await using peer = await answering((_line, socket) => void socket.write("OK 1\nOK 2\n"));
    assert.equal(await peer.admin.version(), "1");
    await delay(20);
    assert.equal(await peer.admin.version(), "1");
    assert.equal(peer.connections, 2);
  });
});

test("commands end in CRLF", async () => {
  await using peer = await answering({ "create function f": "OK\r\n", "maxqueue f 3": "OK\r\n" });
  await peer.admin.maxQueue("f", 3);
  assert.deepEqual(peer.asked, ["create function f\r", "maxqueue f 3\r"]);
});

test.each([
  ["ERR UNKNOWN_JOB\r\n", "UNKNOWN_JOB", ""],
  ["ERR INVALID_ARGUMENTS An+incomplete+set%21\r\n", "INVALID_ARGUMENTS", "An incomplete set!"],
  ["ERR function not found\r\n", "ERR", "function not found"],
  ["ERR 100% wrong\n", "ERR", "100% wrong"],
  ["ERR\n", "ERR", ""],
  ["ERR incomplete_args An+incomplete\r\n", "incomplete_args", "An incomplete"],
])("%j is a ServerError", async (answer, code, text) => {
  await using peer = await answering({ "cancel job H:x:1": answer });
  const error = await rejection(peer.admin.cancel("H:x:1"), ServerError);
  assert.deepEqual([error.serverCode, error.text], [code, text]);
});

describe("a server that", () => {
  test("is silent is given up, and the next call tries anew", async () => {
    await using admin = new Admin(inject("faulty").silent, { requestTimeout: 100 });
    const behind = rejection(
      admin.version().then(() => admin.version()),
      TimeoutError,
    );
    const calls = [admin.status(), admin.workers()];
    const first = await behind;
    assert.match(first.message, /did not answer "version" in time \(requestTimeout: 100 ms\)/);
    for (const call of calls) await rejection(call, ConnectionLostError);
    await rejection(admin.version(), TimeoutError);
  });

  test("begins an answer and doesn't end it is given up, and shown what it began with", async () => {
    await using peer = await answering((_line, socket) => void socket.write("220 mail at your service\r\n"), {
      requestTimeout: 100,
    });
    const error = await rejection(peer.admin.status(), TimeoutError);
    assert.match(error.message, /the answer began with "220 mail at your service/);
  });

  test("takes its time, but goes on, is waited for", async () => {
    const slowly = async (_line: string, socket: Socket) => {
      for (let row = 0; row < 8; row++) {
        socket.write("a\t1\t0\t0\n");
        await delay(100);
      }
      socket.write(".\n");
    };
    await using peer = await answering((line, socket) => void slowly(line, socket), { requestTimeout: 400 });
    assert.equal((await peer.admin.status()).length, 8);
  });

  test("goes away in mid-answer is lost, and found again", async () => {
    let times = 0;
    await using peer = await answering((_line, socket) => {
      if (++times === 1) socket.end("a\t1\t0");
      else socket.write("a\t1\t0\t0\n.\n");
    });
    const calls = [peer.admin.status(), peer.admin.workers()];
    const error = await rejection(calls[0] as Promise<unknown>, ConnectionLostError);
    assert.equal(error.sent, true);
    assert.match(error.message, /"status" was sent, but not answered/);
    await rejection(calls[1] as Promise<unknown>, ConnectionLostError);
    assert.equal((await peer.admin.status()).length, 1);
    assert.equal(peer.connections, 2);
  });

  test("doesn't take the connection in time is given up", async () => {
    const connect = () => new Promise<never>(() => {});
    await using admin = new Admin("127.0.0.1", { connect, connectTimeout: 50 });
    const calls = [admin.version(), admin.status()];
    for (const call of calls) assert.equal((await rejection(call, TimeoutError)).timeout, "connectTimeout");
  });

  test("shuts down without a word has shut down", async () => {
    await using peer = await answering((_line, socket) => void socket.end());
    await peer.admin.shutdown();
    await rejection(peer.admin.version(), ConnectionLostError);
  });
});

test("an aborted command that had to wait for the connection is not sent", async () => {
  await using peer = await answering({ version: "OK 1\n" });
  const controller = new AbortController();
  const dropped = peer.admin.createFunction("f", { signal: controller.signal });
  const version = peer.admin.version();
  controller.abort(new Error("changed my mind"));
  await rejection(dropped, Error);
  assert.equal(await version, "1");
  assert.deepEqual(peer.asked, ["version\r"]);
});

test("an Admin is of one server", () => {
  assert.throws(() => new Admin("a, b"), /an Admin is of one server, and "a, b" are several: make one for each/);
  assert.throws(() => new Admin("a b"), /is no server/);
  assert.throws(() => new Admin("a", { timeout: 1 } as object), /Admin has no option "timeout"/);
  assert.throws(() => new Admin("a", { connectTimeout: 0 }), /connectTimeout must be/);
  assert.throws(() => new Admin("a", { maxAnswerSize: 0 }), /maxAnswerSize must be/);
  assert.throws(() => new Admin("a", { connect: "me" } as object), /connect must be a function/);
  assert.equal(new Admin({ host: "::1" }).server, "[::1]:4730");
});

test("a socket that can't be opened is a ConnectionError with its reason", async () => {
  const connect = () => {
    throw new Error("no road to it");
  };
  await using admin = new Admin("jobs1", { connect });
  const error = await rejection(admin.version(), ConnectionError);
  assert.match(error.message, /could not connect to the job server jobs1:4730: no road to it/);
});
