import assert from "node:assert/strict";
import { Client, type Connect, ConnectionError, type SocketAddress, type StreamSocket, TimeoutError } from "edgear";
import { JobServer } from "edgear/server";
import { afterAll, beforeAll, describe, inject, test } from "vitest";
import { connectBy, type Environment, environments, pause, rejection } from "../conformance/case.ts";
import { cases } from "../conformance/cases.ts";
import { connectByPair, pair } from "../support/pair.ts";
import { limitQueue, startWorkers } from "../support/workers.ts";

describe("the shared suite, over lines in memory", () => {
  for (const { name, environment } of environments(inject("servers"), inject("faulty"))) {
    describe(`against ${name}`, () => {
      for (const { name: what, run } of cases) {
        test(what, () => {
          connectBy(connectByPair);
          return run(environment);
        });
      }
    });
  }
});

describe("the shared suite, over JobServer's own sockets", () => {
  const stack = new AsyncDisposableStack();
  let server: JobServer;
  beforeAll(async () => {
    server = stack.use(await JobServer.listen({ port: 0 }));
    stack.use(await startWorkers(server.port));
    await limitQueue(server.port);
  });
  afterAll(() => stack.disposeAsync());

  for (const { name, run } of cases) {
    test(name, async () => {
      connectBy((address) => (address.port === server.port ? server.connect() : connectByPair(address)));
      const own = { name: "JobServer", address: server.address };
      const others = inject("servers").filter((each) => each.name !== own.name);
      const [first] = environments([own, ...others], inject("faulty"));
      await run(first?.environment as Environment);
    });
  }
});

describe("an injected connect", () => {
  const [{ address } = { address: "" }] = inject("servers");

  test("is told where to connect to, and whether by TLS", async () => {
    const asked: SocketAddress[] = [];
    const connect: Connect = (where) => {
      asked.push(where);
      throw new Error("not today");
    };
    const client = new Client(["jobs:4731", "gearmans://[::1]"], { connect });
    const error = await rejection(client.ping(), ConnectionError);
    assert.match(error.message, /jobs:4731: not today; .*\[::1\]:4730: not today/);
    assert.deepEqual(asked, [
      { hostname: "jobs", port: 4731, secureTransport: "off" },
      { hostname: "::1", port: 4730, secureTransport: "on" },
    ]);
  });

  test.each([
    ["nothing", () => undefined],
    ["no socket", () => ({ readable: {}, close() {} })],
  ])("that gives %s is told so", async (_what, connect) => {
    const client = new Client("jobs", { connect: connect as never });
    const error = await rejection(client.ping(), ConnectionError);
    assert.match(error.message, /the connect option gave no socket: it must have readable, writable and close\(\)$/);
  });

  test("that never opens its socket is given up, and the socket is closed", async () => {
    const [near] = pair();
    let closed = false;
    const opened = new Promise<never>(() => {});
    const close = () => {
      closed = true;
    };
    const client = new Client("jobs", { connect: () => ({ ...near, opened, close }), connectTimeout: 50 });
    const error = await rejection(client.ping(), TimeoutError);
    assert.equal(error.timeout, "connectTimeout");
    assert.ok(closed);
  });

  test("that comes too late has its socket closed", async () => {
    let closed = false;
    const [near] = pair();
    const late = async (): Promise<StreamSocket> => {
      await pause(100);
      return {
        ...near,
        close: () => {
          closed = true;
        },
      };
    };
    const client = new Client("jobs", { connect: late, connectTimeout: 20 });
    await rejection(client.ping(), TimeoutError);
    await pause(150);
    assert.ok(closed);
  });

  test("background calls of one tick share one write", async () => {
    let writes = 0;
    const connect: Connect = async (where) => {
      const socket = await connectByPair(where);
      const counting = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          writes++;
          controller.enqueue(chunk);
        },
      });
      counting.readable.pipeTo(socket.writable).catch(() => {});
      return { ...socket, writable: counting.writable };
    };
    const client = new Client(address, { connect });
    await client.ping();
    const before = writes;
    await Promise.all(Array.from({ length: 500 }, (_, job) => client.background("nobody", String(job))));
    assert.equal(writes - before, 1);
    await client.close();
  });

  test("what isn't a function is refused in words", () => {
    assert.throws(() => new Client("jobs", { connect: 7 as never }), {
      name: "TypeError",
      message: "connect must be a function that makes a socket, not 7",
    });
  });
});
