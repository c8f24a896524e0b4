import type { ServerResponse } from "node:http";
import { Client, JobFailed, Worker } from "edgear";
import { type CallbackOptions, withCallback } from "edgear/callback";
import { magento } from "edgear/php";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { fresh } from "../conformance/names.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { freePort } from "../support/ports.ts";
import { startWorker } from "../support/worker.ts";
import { type Delivery, type Hooks, SECRET, startHooks, verified } from "./hooks.ts";

type Handler = Parameters<Worker["add"]>[1];

let gearmand: Gearmand;
let certificates: Certificates;
let client: Client;
let hooks: Hooks;
let errors: Error[];

beforeAll(async () => {
  [gearmand, certificates] = await Promise.all([startGearmand(), makeCertificates()]);
  client = new Client(gearmand.address);
}, 60_000);

afterAll(async () => {
  await client?.close();
  await gearmand?.stop();
});

beforeEach(async () => {
  hooks = await startHooks(certificates.server);
  errors = [];
});

afterEach(() => hooks?.[Symbol.asyncDispose]());

function options(more: Partial<CallbackOptions> = {}): CallbackOptions {
  return {
    hosts: [hooks.host],
    secret: SECRET,
    addresses: ["127.0.0.1"],
    ca: certificates.ca,
    backoff: 20,
    onError: (error) => errors.push(error),
    ...more,
  };
}

function work(handler: Handler, more: Partial<CallbackOptions> = {}) {
  return startWorker(gearmand.address, { f: withCallback(handler, options(more)) });
}

/** Runs a job that names a callback, and says what became of it. */
function run(path = "/done?id=7", more = {}): Promise<string> {
  const workload = { callback: `https://${hooks.host}${path}`, ...more };
  return client
    .run("f", workload, { timeout: 20_000 })
    .then(String, (error: Error) => `${error.name}: ${error.message}`);
}

const status =
  (code: number, headers = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(code, headers).end();

describe("the outcome is posted, signed", () => {
  test("when the job is done", async () => {
    await using _worker = work((job) => `did ${job.workload.json<{ what: string }>().what}`);
    expect(await run(undefined, { what: "ä" })).toBe("did ä");
    expect(hooks.deliveries).toHaveLength(1);
    const delivery = hooks.deliveries[0] as Delivery;
    expect(delivery).toMatchObject({ method: "POST", url: "/done?id=7" });
    expect(delivery.headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "edgear",
      host: hooks.host,
    });
    const { type, timestamp, data } = verified(delivery);
    expect(type).toBe("job.complete");
    expect(Math.abs(new Date(timestamp).getTime() - Date.now())).toBeLessThan(60_000);
    expect(data).toEqual({
      handle: expect.stringMatching(/^H:/),
      server: gearmand.address,
      unique: expect.any(String),
      function: "f",
      result: { text: "did ä" },
    });
  });

  test("with bytes, with nothing, with more than is told", async () => {
    const results: unknown[] = [Uint8Array.of(255, 0), undefined, new Uint8Array(4 * 1024 * 1024 + 1)];
    await using _worker = work(() => results.shift() as Uint8Array);
    for (const _ of [1, 2, 3]) await run();
    const told = hooks.deliveries.map((each) => verified(each).data.result);
    expect(told).toEqual([{ base64: "/wA=" }, { text: "" }, { size: 4 * 1024 * 1024 + 1 }]);
  });

  test("when it fails, and how it does", async () => {
    const failures = [new Error("no such picture"), new JobFailed("not today")];
    await using _worker = work(() => {
      throw failures.shift();
    });
    expect(await run()).toBe("JobExceptionError: no such picture");
    expect(await run()).toContain("JobFailedError");
    expect(hooks.deliveries.map((each) => verified(each))).toMatchObject([
      { type: "job.exception", data: { error: { code: "JOB_EXCEPTION", message: "no such picture" } } },
      { type: "job.fail", data: { error: { code: "JOB_FAILED", message: "not today" } } },
    ]);
  });

  test("of streams, at their ends", async () => {
    let fails = false;
    await using _worker = work(async function* () {
      yield "part";
      if (fails) throw new Error("broke");
      return "whole";
    });
    expect(await run()).toBe("whole");
    fails = true;
    expect(await run()).toBe("JobExceptionError: broke");
    expect(hooks.deliveries.map((each) => verified(each))).toMatchObject([
      { type: "job.complete", data: { result: { text: "whole" } } },
      { type: "job.exception", data: { error: { message: "broke" } } },
    ]);
  });

  test("for Magento's tasks, and before the job ends", async () => {
    const worker = startWorker(gearmand.address, {
      shop: withCallback(
        magento.handler((task) => task),
        options({ url: (job) => magento.task(job.workload).callback }),
      ),
    });
    await using _worker = worker;
    const job = await client.background("shop", magento.workload({ id: 1, callback: `https://${hooks.host}/m` }));
    await client.completed(job, { interval: 10, timeout: 10_000 });
    expect(hooks.deliveries).toHaveLength(1);
  });

  test("when its time is over: nobody waits for its handler then", async () => {
    const name = fresh("slow");
    await using worker = new Worker(gearmand.address);
    worker.add(
      name,
      withCallback(() => new Promise(() => {}), options()),
      { timeout: 100 },
    );
    void worker.run();
    await expect(client.run(name, { callback: `https://${hooks.host}/` }, { timeout: 20_000 })).rejects.toThrow(
      "failed",
    );
    expect(hooks.deliveries.map((each) => verified(each))).toMatchObject([
      { type: "job.fail", data: { error: { code: "JOB_FAILED", message: expect.stringContaining("took too long") } } },
    ]);
    expect(errors).toEqual([]);
  });

  test("when the worker's validator refuses what the handler gave", async () => {
    const name = fresh("validated");
    const result = z.object({ left: z.number() });
    await using worker = new Worker(gearmand.address, { jobs: { [name]: { result } } });
    const results: unknown[] = [{ left: 7 }, { left: "all" }];
    worker.add(
      name,
      withCallback(() => results.shift() as { left: number }, options()),
    );
    void worker.run();
    const run = () =>
      client
        .run(name, { callback: `https://${hooks.host}/` }, { timeout: 20_000 })
        .then(String, (error) => error.message);
    expect([await run(), await run()]).toEqual(['{"left":7}', expect.stringContaining("is not valid: left")]);
    expect(hooks.deliveries.map((each) => verified(each))).toMatchObject([
      { type: "job.complete", data: { result: { text: '{"left":7}' } } },
      { type: "job.exception", data: { error: { message: expect.stringContaining("is not valid: left") } } },
    ]);
  });

  test("to every place, if there are several", async () => {
    const second = { url: () => `https://${hooks.host}/second` };
    await using _worker = work(withCallback(() => "done", options(second)));
    expect(await run("/first")).toBe("done");
    expect(hooks.deliveries.map(({ url }) => url).sort()).toEqual(["/first", "/second"]);
  });

  test("and nothing is posted for a job that names none", async () => {
    await using _worker = work((job) => job.workload.text());
    for (const workload of ["", "text", '{"a":1}', "{broken", '{"callback":null}'])
      expect((await client.run("f", workload, { timeout: 10_000 })).text()).toBe(workload);
    expect(hooks.connections()).toBe(0);
  });

  test("though the worker's validator leaves the callback out, or a handler's JSON begins otherwise", async () => {
    const name = fresh("validated");
    const seen: unknown[] = [];
    await using worker = new Worker(gearmand.address, { jobs: { [name]: { workload: z.object({ id: z.number() }) } } });
    const handler = withCallback((job) => {
      seen.push(job.workload.json());
      return "done";
    }, options());
    worker.add(name, handler);
    void worker.run();
    const run = (callback: string, begin = "") =>
      client
        .run(name, `${begin}${JSON.stringify({ id: 1, callback })}`, { timeout: 20_000 })
        .then(String, (error: Error) => error.message);
    for (const begin of ["", " \r\n\t", "\ufeff"]) expect(await run(`https://${hooks.host}/v`, begin)).toBe("done");
    expect(hooks.deliveries.map(({ url }) => url)).toEqual(["/v", "/v", "/v"]);
    expect(seen).toEqual([{ id: 1 }, { id: 1 }, { id: 1 }]);
    expect(await run("https://evil.example/")).toContain("at a host that is listed");
    expect(seen).toHaveLength(3);
  });
});

describe("what isn't taken", () => {
  test("is posted again, by the same id", async () => {
    await using _worker = work(() => "done");
    hooks.answers.push(status(503), status(429), status(408));
    expect(await run()).toBe("done");
    expect(hooks.deliveries).toHaveLength(4);
    for (const each of hooks.deliveries) verified(each);
    expect(new Set(hooks.deliveries.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(errors).toEqual([]);
  });

  test("but not for ever, and the job is done all the same", async () => {
    await using _worker = work(() => "done", { attempts: 3 });
    hooks.answers.push(...Array.from({ length: 10 }, () => status(500)));
    expect(await run()).toBe("done");
    expect(hooks.deliveries).toHaveLength(3);
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(new RegExp(`the callback for the job H:.* was not delivered: ${hooks.host} answered 500`)),
    ]);
  });

  test("is given up after its time", async () => {
    await using _worker = work(() => "done", { attempts: 2, timeout: 300 });
    hooks.answers.push(
      () => {},
      () => {},
    );
    const begin = performance.now();
    expect(await run()).toBe("done");
    expect(performance.now() - begin).toBeGreaterThan(590);
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining("it took longer than 300 ms")]);
    // A busy machine may not come to read what was posted on them.
    await expect.poll(() => hooks.connections()).toBe(2);
  });

  test.for([301, 302, 307, 400, 401, 410])("and %s ends it: no redirection is followed", async (code) => {
    await using other = await startHooks(certificates.server);
    await using _worker = work(() => "done", { hosts: [hooks.host, other.host] });
    hooks.answers.push(status(code, { Location: `https://${other.host}/` }));
    expect(await run()).toBe("done");
    expect(hooks.deliveries).toHaveLength(1);
    expect(other.connections()).toBe(0);
    expect(errors[0]?.message).toContain(`answered ${code}`);
  });

  test("nor is anything posted on for a job that is somebody else's by now", async () => {
    const name = fresh("lost");
    await using worker = new Worker(gearmand.address);
    worker.add(
      name,
      withCallback(() => "done", options({ backoff: 60_000 })),
    );
    void worker.run();
    hooks.answers.push(status(503));
    const job = await client.background(name, { callback: `https://${hooks.host}/` });
    await expect.poll(() => hooks.deliveries.length, { timeout: 10_000 }).toBe(1);
    expect(await worker.close({ timeout: 0 })).toEqual({ aborted: 1 });
    await expect.poll(() => errors[0]?.message, { timeout: 10_000 }).toContain("this worker was closed");
    expect(hooks.deliveries).toHaveLength(1);
    await using _again = startWorker(gearmand.address, { [name]: withCallback(() => "again", options()) });
    await client.completed(job, { interval: 10, timeout: 10_000 });
    expect(hooks.deliveries).toHaveLength(2);
  });

  test("nobody being there is told", async () => {
    const host = `localhost:${await freePort()}`;
    await using _worker = work(() => "done", { hosts: [host], attempts: 2 });
    expect((await client.run("f", { callback: `https://${host}/` }, { timeout: 10_000 })).text()).toBe("done");
    expect(errors[0]?.message).toContain(`${host} did not answer`);
  });
});

describe("where callbacks don't go", () => {
  test.for([
    ["http://HOST/", "callback must be an https:// URL"],
    ["ftp://HOST/", "callback must be an https:// URL"],
    ["https://evil.example/", 'callback must be at a host that is listed, which "evil.example" is not'],
    ["https://HOST.evil.example/", "callback must be a URL"],
    ["https://hooks.localhost/", "at a host that is listed"],
    ["https://localhost/", "at a host that is listed"],
    ["https://user:pass@HOST/", "must not have a user name"],
    ["https://evil.example#@HOST/", "at a host that is listed"],
    ["https://evil.example\\@HOST/", "at a host that is listed"],
    [" https://HOST/", "callback must be a URL"],
    ["https://HOST/\n", "callback must be a URL"],
    ["//HOST/", "callback must be a URL"],
    ["", "callback must be a URL"],
    [7, "callback must be a URL"],
  ] as const)("%s: the job fails before it runs", async ([callback, words]) => {
    let ran = false;
    await using _worker = work(() => {
      ran = true;
    });
    const url = typeof callback === "string" ? callback.replace("HOST", hooks.host) : callback;
    await expect(client.run("f", { callback: url }, { timeout: 10_000 })).rejects.toThrow(words);
    expect(ran).toBe(false);
    expect(hooks.connections()).toBe(0);
  });

  test("private addresses, unless they are listed, whatever a name says", async () => {
    await using _worker = work(() => "done", { addresses: ["10.0.0.0/8"] });
    expect(await run()).toBe("done");
    expect(errors[0]?.message).toMatch(/localhost:\d+ is at (127\.0\.0\.1|::1), where callbacks may not go/);
    expect(hooks.connections()).toBe(0);
    await using _network = startWorker(gearmand.address, {
      net: withCallback(() => "done", options({ addresses: ["127.0.0.0/8", "::1"] })),
    });
    await client.run("net", { callback: `https://${hooks.host}/` }, { timeout: 10_000 });
    expect(hooks.deliveries).toHaveLength(1);
  });

  test.for([
    ["127.0.0.1", "127.0.0.1"],
    ["0", "0.0.0.0"],
    ["2130706433", "127.0.0.1"],
    ["0x7f.1", "127.0.0.1"],
    ["10.1.2.3", "10.1.2.3"],
    ["169.254.169.254", "169.254.169.254"],
    ["100.64.0.1", "100.64.0.1"],
    ["192.168.1.1", "192.168.1.1"],
    ["172.31.255.255", "172.31.255.255"],
    ["224.0.0.1", "224.0.0.1"],
    ["[::1]", "::1"],
    ["[::]", "::"],
    ["[::ffff:10.0.0.1]", "::ffff:a00:1"],
    ["[64:ff9b::7f00:1]", "64:ff9b::7f00:1"],
    ["[2002:7f00:1::]", "2002:7f00:1::"],
    ["[fc00::1]", "fc00::1"],
    ["[fe80::1]", "fe80::1"],
    ["[2001:db8::1]", "2001:db8::1"],
  ])("%s is no place, though it is listed as a host", async ([host, address]) => {
    const told: Error[] = [];
    const handler = withCallback(
      () => "done",
      options({ hosts: [host as string], addresses: [], onError: (error) => told.push(error) }),
    );
    await using _worker = startWorker(gearmand.address, { f: handler });
    await client.run("f", { callback: `https://${host}/` }, { timeout: 10_000 });
    expect(told[0]?.message).toContain(`is at ${address}, where callbacks may not go`);
  });

  test("a server whose certificate isn't trusted, or is somebody else's", async () => {
    for (const identity of [certificates.foreign, certificates.otherName, certificates.expired]) {
      await using other = await startHooks(identity);
      await using _worker = work(() => "done", { hosts: [other.host], attempts: 1 });
      expect((await client.run("f", { callback: `https://${other.host}/` }, { timeout: 10_000 })).text()).toBe("done");
      expect(other.deliveries).toEqual([]);
    }
    expect(errors).toHaveLength(3);
    for (const { message } of errors) expect(message).toContain("did not answer");
  });
});

test("wrong options are told in words", () => {
  const wrong = (more: object) => () => withCallback(() => "", options(more as never));
  expect(wrong({ hosts: [] })).toThrow("hosts must be a list");
  expect(wrong({ hosts: undefined })).toThrow("hosts must be a list");
  expect(wrong({ hosts: ["*.example.com"] })).toThrow("without https://, a path or a wildcard");
  expect(wrong({ hosts: ["https://a"] })).toThrow("without https://, a path or a wildcard");
  expect(wrong({ secret: "short" })).toThrow("a callback's secret must be whsec_ and 24 bytes or more in base64");
  expect(wrong({ secret: undefined })).toThrow("a callback's secret");
  expect(wrong({ addresses: "10.0.0.0/8" })).toThrow("addresses must be a list");
  for (const address of ["localhost", "10.0.0.0/33", "10.0.0", "::1/129", "fe80::1%eth0", "1.2.3.4/", 7, "abc"])
    expect(wrong({ addresses: [address] })).toThrow("write an IP address, or a network");
  expect(wrong({ attempts: 0 })).toThrow("attempts must be a whole number from 1, not 0");
  expect(wrong({ timeout: 0 })).toThrow("timeout must be a number of milliseconds");
  expect(wrong({ url: "x" })).toThrow('url must be a function, not "x"');
  expect(wrong({ ca: 7 })).toThrow("ca must be PEM");
  expect(wrong({ host: "x" })).toThrow('withCallback has no option "host"');
  expect(() => withCallback(7 as never, options())).toThrow("the handler must be a function");
});
