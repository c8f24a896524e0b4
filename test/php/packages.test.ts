import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Client, Payload, type Worker } from "edgear";
import {
  lithium,
  MethodRouter,
  magento,
  netGearman,
  PhpFloat,
  type PhpObject,
  serialize,
  sfGearman,
  unserialize,
} from "edgear/php";
import { Queue } from "edgear/queue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { command } from "../support/command.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { BackgroundProcess } from "../support/process.ts";
import { startWorker } from "../support/worker.ts";

const SCRIPT = fileURLToPath(new URL("packages.php", import.meta.url));

let gearmand: Gearmand;
let client: Client;

beforeAll(async () => {
  gearmand = await startGearmand();
  client = new Client(gearmand.address);
});

afterAll(async () => {
  await client?.close();
  await gearmand?.stop();
});

/** What PHP's client printed, while our worker did these functions. */
async function phpClient(what: string, prefix: string, functions: Record<string, Parameters<Worker["add"]>[1]>) {
  await using _worker = startWorker(gearmand.address, functions);
  const { code, stdout, stderr } = await command("php", [SCRIPT, String(gearmand.port), what, prefix]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** A worker in PHP, once it is there. */
async function phpWorker(what: string, prefix: string): Promise<BackgroundProcess> {
  const worker = await BackgroundProcess.start("php", [SCRIPT, String(gearmand.port), what, prefix]);
  await expect.poll(() => worker.output, { timeout: 10_000 }).toContain("ready");
  return worker;
}

test("sfGearmanPlugin's clients", async () => {
  const prefix = fresh("sf");
  const seen: unknown[] = [];
  const told = await phpClient("sf-client", prefix, {
    [`${prefix}-describe`]: sfGearman.handler((value) => {
      seen.push(value);
      return typeof value === "string"
        ? `${value}!`
        : value instanceof Uint8Array
          ? value
          : { type: typeof value, value };
    }),
  });
  // A scalar is its text: what it was, PHP's own workers can't tell either.
  expect(seen).toEqual(["text", "7", "1", null, [1, "two", { three: 3.5 }], Uint8Array.of(255)]);
  const list = [1, "two", { three: 3.5 }];
  const objects = [null, list].map((value) => ({ type: "object", value }));
  expect(told).toEqual(["text!", "7!", "1!", ...objects, ["bytes", "ff"]]);
  // It left a message in a queue of the plugin's.
  await using queue = new Queue({ servers: gearmand.address });
  expect(unserialize((await queue.get(prefix, { timeout: 5_000 })).payload)).toEqual({ a: "message" });
});

test("sfGearmanPlugin's workers", async () => {
  const prefix = fresh("sf");
  await using worker = await phpWorker("sf-worker", prefix);
  expect(sfGearman.result(await client.run(`${prefix}-reverse`, sfGearman.workload("Hello!")))).toBe("!olleH");
  const hash = sfGearman.result(await client.run(`${prefix}-hash`, sfGearman.workload(12.5)));
  expect(hash).toEqual({ 0: createHash("md5").update("12.5").digest("hex"), of: "12.5" });
  const keys = await client.run(`${prefix}-keys`, sfGearman.workload({ 5: new PhpFloat(1), "05": 2, x: 3 }));
  expect(sfGearman.result(keys)).toEqual(["integer 5", "string 05", "string x"]);
  // Null is no scalar, and U+FFFD is a character as any.
  for (const value of [null, "", "\ufffd", "\ufeffa", Uint8Array.of(0xef, 0xbf)])
    expect(sfGearman.result(await client.run(`${prefix}-same`, sfGearman.workload(value)))).toEqual(value);
  await using queue = new Queue({ servers: gearmand.address });
  await queue.put(prefix, serialize({ a: ["message"] }));
  await expect.poll(() => worker.output, { timeout: 10_000 }).toContain('{"a":["message"]}');
});

test("the clients of Magento's module, by either of its ways", async () => {
  const prefix = fresh("magento");
  const callbacks: unknown[] = [];
  const told = await phpClient("magento-client", prefix, {
    [`${prefix}-test`]: magento.handler((task) => {
      callbacks.push(task.callback);
      return { ...task, payload: [...String(task.payload)].reverse().join("") };
    }),
  });
  const result = { id: 1234, payload: "!gnirts a si sihT", callback: "https://shop.example/done" };
  expect(told).toEqual([result, result]);
  expect(callbacks).toEqual(["https://shop.example/done", "https://shop.example/done"]);
});

test("workers of Magento's module", async () => {
  const prefix = fresh("magento");
  await using _worker = await phpWorker("magento-worker", prefix);
  const result = await client.run(`${prefix}-test`, magento.workload({ id: 1, payload: "abc" }));
  expect(magento.result(result)).toEqual({ id: 1, payload: "cba" });
});

test("li3_gearman's clients: only methods that are listed are called", async () => {
  class Hello {
    say(name: string, times: number): string {
      return `Hello ${name}! `.repeat(times);
    }
    env(task: { env: object }): object {
      return task.env;
    }
    evil(): string {
      return "done";
    }
  }
  const router = new MethodRouter().add("app\\tasks\\Hello", new Hello(), ["say", "env"]);
  const told = await phpClient("li3-client", "", { [lithium.function]: lithium.handler(router) });
  expect(told).toEqual(["Hello Ada! Hello Ada! ", '{"HTTP_HOST":"shop.example","environment":"test"}', "failed"]);
});

test("li3_gearman's workers", async () => {
  await using _worker = await phpWorker("li3-worker", "");
  const run = async (task: string, args: unknown[], options = {}) =>
    lithium.result(await client.run(lithium.function, lithium.workload(task, args, options)));
  expect(await run("app\\tasks\\Hello::say", ["Ada", 2])).toBe("default production: Hello Ada! Hello Ada! ");
  expect(await run("app\\tasks\\Hello", ["a", "b", "c"], { env: { environment: "test" } })).toBe("default test: 3");
});

test("Net_Gearman's clients", async () => {
  const prefix = fresh("net");
  const told = await phpClient("net-client", prefix, {
    [`${prefix}-sum`]: netGearman.handler((argument) => (typeof argument === "object" ? { was: argument } : argument)),
  });
  expect(told).toEqual([{ was: { a: 1 } }, { was: [] }, { result: "text" }, { result: 7 }, { result: "null" }]);
});

test("Net_Gearman's workers", async () => {
  const prefix = fresh("net");
  await using _worker = await phpWorker("net-worker", prefix);
  const run = async (argument: unknown) =>
    netGearman.result(await client.run(`${prefix}-sum`, netGearman.workload(argument)));
  expect(await run({ a: 1, b: 2.5 })).toEqual({ result: 3.5 });
  expect(await run([1, 2])).toEqual({ result: 3 });
  expect(await run("text")).toEqual({ result: "string text" });
  expect(await run(true)).toEqual({ result: "integer 1" });
  expect(await run("")).toEqual({ result: 0 });
  // As Net_Gearman's own clients have it: null is JSON, which its workers take for text.
  for (const nothing of [null, undefined]) expect(await run(nothing)).toEqual({ result: "string null" });
});

test("what is no scalar is no text", () => {
  const text = (workload: string | Uint8Array) => Buffer.from(workload).toString();
  for (const nothing of [null, undefined]) {
    expect(text(sfGearman.workload(nothing))).toBe("N;");
    expect(text(netGearman.workload(nothing))).toBe("null");
  }
});

describe("Magento's tasks", () => {
  const task = (text: string, options = {}) => magento.task(new Payload(Buffer.from(text)), options);
  const deep = (levels: number) => `[{"a":${"[".repeat(levels)}${"]".repeat(levels)}}]`;

  test("are objects of no class", () => {
    expect(task('a:1:{s:2:"id";i:1;}')).toEqual({ id: 1 });
    expect(task('[{"id":1,"constructor":"Ferrari"},"more"]')).toEqual({ id: 1, constructor: "Ferrari" });
    const classes = { Task: (object: PhpObject) => ({ id: object.get("id") }) };
    expect(task('O:4:"Task":1:{s:2:"id";i:1;}', { classes })).toEqual({ id: 1 });
    for (const wrong of [
      'O:4:"Task":0:{}',
      'E:6:"Task:A";',
      's:1:"a";',
      "a:0:{}",
      "a:1:{i:0;i:1;}",
      "N;",
      "[]",
      "[[]]",
      "[null]",
    ])
      expect(() => task(wrong, { strings: "bytes" }), wrong).toThrow("a task of Magento's must be an array with names");
    expect(() => task('a:1:{s:2:"id";i:1;}', { arrays: "map" })).toThrow('take arrays as "object"');
  });

  test("as JSON have the limits and the keys that serialized ones have", () => {
    expect(task(deep(127))).toHaveProperty("a");
    expect(() => task(deep(128))).toThrow("nested deeper than maxDepth, 128");
    expect(() => task(deep(100_000), { maxDepth: 1_000 })).toThrow(RangeError);
    expect(task('[{"a":[1,2]}]', { maxItems: 4 })).toEqual({ a: [1, 2] });
    expect(() => task('[{"a":[1,2]}]', { maxItems: 3 })).toThrow("more values than maxItems, 3");
    expect(() => task("[{}]", { maxSize: 3 })).toThrow("has 4 bytes, and maxSize is 3");
    expect(() => task('[{"a":{"__proto__":{"x":1}}}]')).toThrow('the key "__proto__"');
    expect(() => task('[{"constructor":{"prototype":null}}]')).toThrow('the key "constructor"');
    expect(() => task("[{")).toThrow(SyntaxError);
    expect(() => task("[{}]", { depth: 1 })).toThrow('has no option "depth"');
  });
});

test("jobs that are wrong get an error in words", async () => {
  const name = fresh("wrong");
  await using _worker = startWorker(gearmand.address, {
    [`${name}-magento`]: magento.handler((task) => task),
    [`${name}-li3`]: lithium.handler(new MethodRouter()),
    [`${name}-sf`]: sfGearman.handler((value) => value, { maxDepth: 1 }),
  });
  const failure = (part: string, workload: string) =>
    client.run(`${name}-${part}`, workload).then(String, (error: Error) => error.message);
  expect(await failure("magento", "i:7;")).toContain("a task of Magento's must be an array");
  expect(await failure("magento", "rubbish")).toContain("not a PHP value");
  expect(await failure("magento", "[7]")).toContain("a task of Magento's must be an array");
  expect(await failure("li3", "[1]")).toContain("must be an object, as JSON");
  expect(await failure("li3", "{")).toContain("must be JSON");
  expect(await failure("li3", '{"args":[]}')).toContain("must have a task");
  expect(await failure("li3", '{"task":"a::b","args":7}')).toContain('the args of "a::b" must be a list');
  expect(await failure("li3", '{"task":"\\\\a::b","args":[]}')).toContain("there is no method");
  expect(await failure("sf", "a:1:{i:0;a:0:{}}")).toContain("deeper than maxDepth");
});
