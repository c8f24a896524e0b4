import { PhpObject, serialize, unserialize } from "edgear/php";
import { Queue } from "edgear/queue";
import { JobServer } from "edgear/server";
import { describe, expect, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";

/** Messages that are put, got, given back and acknowledged. */
async function through(queue: Queue): Promise<void> {
  const name = fresh("edge");
  for (const message of ["a", "b", "c"]) await queue.put(name, message);
  const seen = [(await queue.get(name, { timeout: 10_000 })).payload.text()];
  for await (const message of queue.messages(name, { prefetch: 2 })) {
    seen.push(message.payload.text());
    // The second one goes back once, and comes again.
    if (seen.length === 2) await message.release();
    else await message.ack();
    if (seen.length === 4) break;
  }
  expect(seen[0]).toBe("a");
  expect(new Set(seen.slice(1))).toEqual(new Set(["b", "c"]));
  await expect(queue.get(name, { timeout: 50 })).rejects.toMatchObject({ code: "TIMEOUT" });
}

describe.each(inject("servers"))("in a Cloudflare Worker, over $name", ({ address }) => {
  test("messages are put and got, PHP's too, and come again when they are given back", async () => {
    await using queue = new Queue({ servers: address });
    await through(queue);
    const name = fresh("php");
    const value = { to: "ada", at: [7, new PhpObject("Town", { name: "Göteborg" })] };
    await queue.put(name, serialize(value));
    expect(unserialize((await queue.get(name, { timeout: 10_000 })).payload)).toEqual(value);
  });
});

test("and by sockets of one's own, as a private network's", async () => {
  await using server = new JobServer();
  await using queue = new Queue({ servers: "test", connect: () => server.connect() });
  await through(queue);
});
