import { Admin, Client, ConnectionError, ConnectionLostError, RefusedError, TimeoutError } from "edgear";
import { type Message, Queue } from "edgear/queue";
import { JobServer } from "edgear/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { freePort } from "../support/ports.ts";

let gearmand: Gearmand;

beforeAll(async () => {
  gearmand = await startGearmand();
});

afterAll(() => gearmand?.stop());

function open(options = {}): Queue {
  return new Queue({ servers: gearmand.address, ...options });
}

async function put(queue: Queue, name: string, ...messages: string[]): Promise<void> {
  for (const message of messages) await queue.put(name, message);
}

/** How many of a queue's messages the server has, and how many of these are in hand. */
async function counts(name: string): Promise<{ total: number; running: number }> {
  await using admin = new Admin(gearmand.address);
  const found = (await admin.status()).find((each) => each.function === `queue.${name}`);
  return { total: found?.total ?? 0, running: found?.running ?? 0 };
}

async function take(queue: Queue, name: string, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) taken.push((await queue.get(name, { timeout: 10_000 })).payload.text());
  return taken;
}

async function dispose(disposed: AsyncDisposable): Promise<void> {
  await disposed[Symbol.asyncDispose]();
}

describe("get", () => {
  test("gives messages in the order of priority and time, and has taken them off the queue", async () => {
    const name = fresh("order");
    await using queue = open();
    await queue.put(name, "low", { priority: "low" });
    await queue.put(name, "first");
    await queue.put(name, { second: true });
    await queue.put(name, "urgent", { priority: "high" });
    expect(await take(queue, name, 3)).toEqual(["urgent", "first", '{"second":true}']);
    expect(await counts(name)).toEqual({ total: 1, running: 0 });
    expect(await take(queue, name, 1)).toEqual(["low"]);
    expect(await counts(name)).toEqual({ total: 0, running: 0 });
  });

  test("waits for a message, whatever the bytes", async () => {
    const name = fresh("waits");
    await using queue = open();
    const waiting = queue.get(name);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const handle = await queue.put(name, Uint8Array.of(0, 255, 10), { unique: name });
    const message = await waiting;
    expect(message.payload.bytes).toEqual(Uint8Array.of(0, 255, 10));
    expect(message).toMatchObject({ queue: name, handle: handle.handle, unique: name, server: gearmand.address });
  });

  test("rejects when none comes in time, and loses none that comes later", async () => {
    const name = fresh("late");
    await using queue = open();
    const late = await queue.get(name, { timeout: 50 }).catch((error) => error);
    expect(late).toBeInstanceOf(TimeoutError);
    expect(late).toMatchObject({ timeout: "timeout", milliseconds: 50 });
    expect(late.cause).toBeUndefined();
    await queue.put(name, "there");
    expect(await take(queue, name, 1)).toEqual(["there"]);
  });

  test("says why when no server is there", async () => {
    await using queue = new Queue({ servers: `127.0.0.1:${await freePort()}` });
    const errors: Error[] = [];
    queue.on("error", ({ error }) => errors.push(error));
    const late = await queue.get("q", { timeout: 200 }).catch((error) => error);
    expect(late).toBeInstanceOf(TimeoutError);
    expect(late.cause).toBeInstanceOf(ConnectionError);
    expect(errors[0]).toBeInstanceOf(ConnectionError);
  });

  test("ends with its signal, and with the queue", async () => {
    const queue = open();
    const reason = new Error("enough");
    await expect(queue.get("q", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const aborted = queue.get(fresh("q"), { signal: controller.signal });
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    const closed = expect(queue.get(fresh("q"))).rejects.toMatchObject({ code: "CLOSED" });
    await queue.close();
    await closed;
    await expect(queue.put("q", "x")).rejects.toMatchObject({ code: "CLOSED" });
    await expect(queue.get("q")).rejects.toMatchObject({ code: "CLOSED" });
  });

  test("loses no message to waits that end while it comes", { timeout: 60_000 }, async () => {
    const name = fresh("race");
    await using queue = open();
    const expected = Array.from({ length: 60 }, (_, index) => String(index));
    const got = new Set<string>();
    const getting = async () => {
      while (got.size < expected.length) {
        const message = await queue.get(name, { timeout: Math.random() * 8 }).catch((error) => {
          if (!(error instanceof TimeoutError)) throw error;
        });
        if (message) got.add(message.payload.text());
      }
    };
    const all = [getting(), getting()];
    for (const message of expected) {
      await queue.put(name, message);
      if (Math.random() < 0.3) await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
    }
    await Promise.all(all);
    expect([...got].sort()).toEqual(expected.sort());
    await expect.poll(() => counts(name), { timeout: 10_000 }).toEqual({ total: 0, running: 0 });
  });

  test("holds the message, if it is told to, until it is acknowledged", async () => {
    const name = fresh("manual");
    await using queue = open();
    await put(queue, name, "a");
    const message = await queue.get(name, { ack: "manual" });
    expect(await counts(name)).toEqual({ total: 1, running: 1 });
    await message.ack();
    expect(await counts(name)).toEqual({ total: 0, running: 0 });
    await message.ack();
    await expect(message.release()).rejects.toBeInstanceOf(RefusedError);
  });

  test("gives a held message back with its scope", async () => {
    const name = fresh("scope");
    await using queue = open();
    await put(queue, name, "a");
    {
      await using message = await queue.get(name, { ack: "manual" });
      expect(message.settled).toBe(false);
    }
    expect(await take(queue, name, 1)).toEqual(["a"]);
  });
});

describe("messages", () => {
  test("come until the loop is left, and what was not acknowledged comes again", async () => {
    const name = fresh("loop");
    await using queue = open();
    await put(queue, name, "a", "b", "c");
    const seen: string[] = [];
    let last: Message | undefined;
    for await (const message of queue.messages(name)) {
      seen.push(message.payload.text());
      last = message;
      if (seen.length === 2) break;
      await message.ack();
    }
    expect(seen).toEqual(["a", "b"]);
    expect(last?.signal.aborted).toBe(true);
    await expect(last?.ack()).rejects.toBeInstanceOf(ConnectionLostError);
    await expect(last?.ack()).rejects.toMatchObject({ sent: false, handle: last?.handle });
    expect((await take(queue, name, 2)).sort()).toEqual(["b", "c"]);
  });

  test("come back when the loop's body throws", async () => {
    const name = fresh("throws");
    await using queue = open();
    await put(queue, name, "a");
    const loop = async () => {
      for await (const _ of queue.messages(name)) throw new Error("can't");
    };
    await expect(loop()).rejects.toThrow("can't");
    expect(await take(queue, name, 1)).toEqual(["a"]);
  });

  test("are as many in hand as prefetch says, and each can be given back alone", async () => {
    const name = fresh("prefetch");
    await using queue = open();
    await put(queue, name, "1", "2", "3", "4");
    const loop = queue.messages(name, { prefetch: 3 });
    const next = async () => (await loop.next()).value as Message;
    const held = [await next(), await next(), await next()];
    expect(await counts(name)).toEqual({ total: 4, running: 3 });
    const released = held[1] as Message;
    await released.release();
    // It goes behind the others, and another connection has taken the next by now.
    const more = await next();
    expect(more.payload.text()).toBe("4");
    await Promise.all([held[0]?.ack(), held[2]?.ack()]);
    expect(held[0]?.signal.aborted).toBe(false);
    const again = await next();
    expect(again.payload.text()).toBe(released.payload.text());
    await Promise.all([more.ack(), again.ack()]);
    expect(await counts(name)).toEqual({ total: 0, running: 0 });
    await loop.return();
  });

  test.for(["return", "throw", "dispose"] as const)("are left by %s while one is waited for", async (how) => {
    const name = fresh("waiting");
    await using queue = open();
    await put(queue, name, "a");
    const loop = queue.messages(name, { prefetch: 2 });
    const { value: held } = await loop.next();
    const waiting = [loop.next(), loop.next()];
    const left = {
      return: () => loop.return(),
      throw: () => loop.throw(new Error("enough")),
      dispose: () => dispose(loop),
    };
    const outcome = await left[how]().then(
      () => "left",
      (error: Error) => error.message,
    );
    expect(outcome).toBe(how === "throw" ? "enough" : "left");
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    // What was in hand has gone back, and nobody of the loop's takes it again.
    expect((held as Message).signal.aborted).toBe(true);
    expect(await take(queue, name, 1)).toEqual(["a"]);
    expect(await loop.next()).toEqual({ done: true, value: undefined });
  });

  test("that were never asked for need no server to be left", async () => {
    await using queue = new Queue({ servers: `127.0.0.1:${await freePort()}` });
    const loop = queue.messages("q");
    expect(await loop.return()).toEqual({ done: true, value: undefined });
    expect(await loop.next()).toEqual({ done: true, value: undefined });
  });

  test("can be rejected: they are gone", async () => {
    const name = fresh("reject");
    await using queue = open();
    await put(queue, name, "bad", "good");
    for await (const message of queue.messages(name)) {
      if (message.payload.text() === "bad") await message.reject();
      else {
        await message.ack();
        break;
      }
    }
    expect(await counts(name)).toEqual({ total: 0, running: 0 });
  });

  test("that were given out can still be finished when a signal ends the loop", async () => {
    const name = fresh("signal");
    await using queue = open();
    await put(queue, name, "a", "b", "c");
    const controller = new AbortController();
    const held: Message[] = [];
    for await (const message of queue.messages(name, { prefetch: 2, signal: controller.signal })) {
      held.push(message);
      controller.abort();
    }
    expect(held).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(held[0]?.signal.aborted).toBe(false);
    await held[0]?.ack();
    // Two connections ask, and either may be first.
    const first = held[0]?.payload.text();
    expect((await take(queue, name, 2)).sort()).toEqual(["a", "b", "c"].filter((each) => each !== first));
    expect(await counts(name)).toEqual({ total: 0, running: 0 });
  });

  test("end with the queue, which waits for what is in hand as long as it is told", async () => {
    const name = fresh("close");
    const queue = open();
    await put(queue, name, "a", "b");
    const held: Message[] = [];
    const loop = (async () => {
      for await (const message of queue.messages(name, { prefetch: 2 })) held.push(message);
    })();
    await expect.poll(() => held.length, { timeout: 10_000 }).toBe(2);
    let closed = false;
    const closing = queue.close({ timeout: 60_000 }).then(() => {
      closed = true;
    });
    await loop;
    await held[0]?.ack();
    expect(await counts(name)).toEqual({ total: 1, running: 1 });
    expect(closed).toBe(false);
    await held[1]?.ack();
    await closing;
    expect(await counts(name)).toEqual({ total: 0, running: 0 });
  });

  test.for([0, 100])("go back when the queue is closed, and nobody acknowledges them for %i ms", async (timeout) => {
    const name = fresh("close");
    const queue = open();
    await put(queue, name, "a");
    const message = await queue.get(name, { ack: "manual", timeout: 10_000 });
    await queue.close({ timeout });
    expect(message.signal.aborted).toBe(true);
    await using other = open();
    expect(await take(other, name, 1)).toEqual(["a"]);
  });

  test("come from all servers", async () => {
    await using second = await startGearmand();
    const name = fresh("both");
    for (const server of [gearmand, second]) {
      await using queue = new Queue({ servers: server.address });
      await queue.put(name, server.address);
    }
    await using queue = new Queue({ servers: [gearmand.address, second.address] });
    expect((await take(queue, name, 2)).sort()).toEqual([gearmand.address, second.address].sort());
  });

  test("come again after the server was started anew, as far as it kept them", async () => {
    const port = await freePort();
    const first = await startGearmand({ port });
    await using queue = new Queue({ servers: `127.0.0.1:${port}`, pollInterval: 200 });
    const loop = queue.messages("again");
    await queue.put("again", "before");
    const { value: held } = await loop.next();
    await first.stop();
    await expect.poll(() => (held as Message).signal.aborted, { timeout: 10_000 }).toBe(true);
    await expect((held as Message).ack()).rejects.toMatchObject({ code: "CONNECTION_LOST", sent: false });
    await using _second = await startGearmand({ port });
    await queue.put("again", "after");
    const { value } = await loop.next();
    expect((value as Message).payload.text()).toBe("after");
    await (value as Message).ack();
    await loop.return();
  });
});

test("what is put again, while the first one waits or is in hand, joins it", async () => {
  const name = fresh("joins");
  await using queue = open();
  const first = await queue.put(name, "a", { unique: name });
  expect((await queue.put(name, "b", { unique: name })).handle).toBe(first.handle);
  const message = await queue.get(name, { ack: "manual" });
  expect((await queue.put(name, "c", { unique: name })).handle).toBe(first.handle);
  expect(message.payload.text()).toBe("a");
  await message.ack();
  expect(await counts(name)).toEqual({ total: 0, running: 0 });
});

test("a server that counts attempts drops a message that comes back too often", async () => {
  await using counting = await startGearmand({ args: ["--job-retries=2"] });
  await using queue = new Queue({ servers: counting.address });
  await queue.put("q", "a");
  for (const _ of [1, 2]) await (await queue.get("q", { ack: "manual", timeout: 10_000 })).release();
  // Whoever asks next has the server notice.
  const next = queue.get("q", { timeout: 20_000 });
  await using admin = new Admin(counting.address);
  const left = async () => (await admin.status()).find((each) => each.function === "queue.q")?.total;
  await expect.poll(left, { timeout: 10_000 }).toBe(0);
  await queue.put("q", "b");
  expect((await next).payload.text()).toBe("b");
});

test("a client of one's own puts, and stays open", async () => {
  const name = fresh("client");
  await using client = new Client(gearmand.address);
  await using queue = new Queue({ client });
  await queue.put(name, "a");
  await expect(queue.get(name)).rejects.toThrow("a client alone");
  expect(() => queue.messages(name)).toThrow("a client alone");
  await queue.close();
  expect(await client.ping()).toBeGreaterThan(0);
  await using both = open({ client });
  expect(await take(both, name, 1)).toEqual(["a"]);
});

test("the prefix is a choice", async () => {
  const name = fresh("prefix");
  await using plain = open();
  await using queue = open({ prefix: "" });
  await plain.put(name, "plain");
  expect(await take(queue, `queue.${name}`, 1)).toEqual(["plain"]);
});

test("the embedded server will do", async () => {
  await using server = await JobServer.listen({ host: "127.0.0.1", port: 0 });
  await using queue = new Queue({ servers: server.address });
  await put(queue, "q", "a", "b");
  expect(await take(queue, "q", 2)).toEqual(["a", "b"]);
});

test("wrong arguments are told in words", async () => {
  const wrong = (options: object) => () => new Queue(options as never);
  expect(wrong({ server: "x" })).toThrow('Queue has no option "server"');
  expect(wrong({ servers: "a:b:c" })).toThrow("is no server");
  expect(wrong({ prefix: 7 })).toThrow("prefix must be a string, not 7");
  expect(wrong({ client: {} })).toThrow("client must be a Client");
  expect(wrong({ messages: [] })).toThrow("messages must be an object of validators by queue, not an array");
  expect(wrong({ messages: { q: 7 } })).toThrow("must be a validator");
  await using queue = open();
  await expect(queue.put("", "x")).rejects.toThrow("a queue's name must be a string that isn't empty");
  await expect(queue.put("q\0", "x")).rejects.toThrow("NUL");
  await expect(queue.get("q", { timeout: -1 })).rejects.toThrow("timeout must be");
  await expect(queue.get("q", { ack: "never" as never })).rejects.toThrow('ack must be one of "auto", "manual"');
  expect(() => queue.messages("q", { prefetch: 0 })).toThrow("prefetch must be a whole number from 1, not 0");
  expect(() => queue.messages("q", { concurrency: 2 } as never)).toThrow('messages has no option "concurrency"');
});
