import { PhpObject, serialize, unserialize } from "edgear/php";
import { Queue } from "edgear/queue";
import { JobServer } from "edgear/server";
import { describe, expect, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { through, WENT_THROUGH } from "../queue/through.mjs";

describe.each(inject("servers"))("in a Cloudflare Worker, over $name", ({ address }) => {
  test("messages are put and got, PHP's too, and come again when they are given back", async () => {
    await using queue = new Queue({ servers: address });
    expect(await through(queue)).toMatch(WENT_THROUGH);
    const name = fresh("php");
    const value = { to: "ada", at: [7, new PhpObject("Town", { name: "Göteborg" })] };
    await queue.put(name, serialize(value));
    expect(unserialize((await queue.get(name, { timeout: 10_000 })).payload)).toEqual(value);
  });
});

test("and by sockets of one's own, as a private network's", async () => {
  await using server = new JobServer();
  await using queue = new Queue({ servers: "test", connect: () => server.connect() });
  expect(await through(queue)).toMatch(WENT_THROUGH);
});
