import { setTimeout as delay } from "node:timers/promises";
import { JobFailed } from "edgear";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Deployed } from "../../support/deployed.ts";
import { type Gearmand, startGearmand } from "../../support/gearmand.ts";
import { freePort } from "../../support/ports.ts";
import { textLines } from "../../support/text-command.ts";
import { type RunningWorker, startWorker } from "../../support/worker.ts";
import { type Answer, ask, clients, deployHub } from "./deployed-hub.ts";

let gearmand: Gearmand;
let deployed: Deployed;
let worker: RunningWorker;

beforeAll(async () => {
  gearmand = await startGearmand();
  const vars = { GEARMAN_SERVERS: gearmand.address, GEARMAN_HUB_INTERVAL: 60_000 };
  deployed = await deployHub(vars);
  worker = startWorker(gearmand.address, {
    echo: (job) => job.workload.bytes,
    fails: () => {
      throw new JobFailed();
    },
    throws: () => {
      throw new Error("no such picture");
    },
    zeros: (job) => new Uint8Array(Number(job.workload.text())),
    slow: async (job) => {
      await delay(Number(job.workload.text()));
      return "slept";
    },
  });
}, 90_000);

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await deployed?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

test("200 concurrent requests are served over one connection, and each job is there", async () => {
  const jobs = await Promise.all(Array.from({ length: 200 }, (_, n) => ask(deployed, "background", ["many", `${n}`])));
  const handles = jobs.map((job) => (job as Answer).handle);
  expect(handles.filter((handle) => /^H:.+:\d+$/.test(String(handle)))).toHaveLength(200);
  expect(new Set(handles).size).toBe(200);
  expect(await textLines(gearmand.port, "status")).toContain("many\t200\t0\t0");
  expect(await clients(gearmand.port)).toHaveLength(1);
});

test("its client does what a client does", async () => {
  const job = await ask(deployed, "background", ["nobody", { id: 7 }, { unique: "seven", priority: "high" }]);
  expect(job).toEqual({ handle: expect.stringMatching(/^H:/), server: gearmand.address, unique: "seven" });
  const queued = {
    ...{ known: true, running: false, numerator: 0, denominator: 0, progress: 0, state: "queued" },
    symbols: 0,
  };
  expect(await ask(deployed, "status", [job])).toEqual(queued);
  expect(await ask(deployed, "status", [(job as Answer).handle])).toEqual(queued);
  expect(await ask(deployed, "statusOf", ["seven"])).toEqual({ ...queued, waiting: 0 });
  expect(await ask(deployed, "run", ["echo", { id: 7 }])).toBe('{"id":7}');
  expect(await ask(deployed, "ping")).toBeGreaterThanOrEqual(0);
});

test("carries 1 MB there and back", async () => {
  const body = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 7) & 0xff);
  const response = await deployed.fetch("/echo", { method: "POST", body });
  expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
});

test("of a view, only what is seen goes", async () => {
  const response = await deployed.fetch("/view");
  expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([0, 0, 0, 0, 0]);
});

describe("what is too much for RPC is said in words:", () => {
  const most = 32 * 1024 * 1024 - 16 * 1024;
  const sized = async (method: string, size: number) => (await deployed.fetch(`/sized/${method}/${size}`)).json();

  test.each(["background", "text"])("a workload (%s)", async (method) => {
    expect(await sized(method, most)).toHaveProperty("handle");
    const { name, message } = (await sized(method, most + 2)) as Answer;
    expect(name).toBe("TypeError");
    expect(message).toMatch(`the workload has ${most + 2} bytes, and a hub can be handed ${most} at most`);
  });

  test("a result, with the job's handle, and the connection stays", async () => {
    expect(await sized("run", most)).toBe(most);
    const before = await clients(gearmand.port);
    expect(await sized("run", most + 1)).toEqual({
      ...{ name: "ResultTooLargeError", code: "RESULT_TOO_LARGE", typed: true, size: most + 1 },
      ...{ handle: expect.stringMatching(/^H:/), message: expect.stringMatching(`${most} at most`) },
    });
    expect(await clients(gearmand.port)).toEqual(before);
  });
});

test("each name is a hub of its own, with a connection of its own", async () => {
  const before = (await clients(gearmand.port)).length;
  for (const name of ["one", "two", "one"])
    expect(await ask(deployed, "ping", [], { options: { name } })).toBeGreaterThanOrEqual(0);
  expect(await clients(gearmand.port)).toHaveLength(before + 2);
});

test("wrong arguments are refused in words, before anything is asked of a hub", async () => {
  expect(await (await deployed.fetch("/wrong")).json()).toEqual({
    "no binding": expect.stringMatching(/^TypeError: hub\(\) takes the binding/),
    "null for options": "TypeError: the options of hub must be an object, not null",
    "an unknown option": 'TypeError: hub has no option "nam"; it knows name, locationHint',
    "a name that is none": "TypeError: the name of hub must be a text, not 7",
    "an empty hint": 'TypeError: the locationHint of hub must be a text, not ""',
    "background, null": "TypeError: the options of background must be an object, not null",
    "background, unknown": expect.stringMatching(/^TypeError: background has no option "timeout"/),
    "background, signal": "TypeError: the signal of background must be an AbortSignal, not 5",
    "run, unknown": expect.stringMatching(/^TypeError: run has no option "at"/),
    "run, signal": "TypeError: the signal of run must be an AbortSignal, not an object",
    "status, none": "TypeError: a job handle must be a string, not undefined",
    "status, unknown": expect.stringMatching(/^TypeError: status has no option "bogus"/),
    "statusOf, null": "TypeError: the options of statusOf must be an object, not null",
    "ping, signal": "TypeError: the signal of ping must be an AbortSignal, not null",
    "run, more than the longest": expect.stringMatching(/^TypeError: .*900000 ms at most .*, not 900001/),
    "run of the object, null": "TypeError: the options of run must be an object, not null",
  });
});

describe("an error arrives as what it was", () => {
  const error = async (method: string, args: unknown[], more?: object) =>
    (await ask(deployed, method, args, more)) as Answer;

  test("an exception, with what its worker said", async () => {
    expect(await error("run", ["throws", "x"])).toEqual({
      ...{ name: "JobExceptionError", code: "JOB_EXCEPTION", typed: true, message: "no such picture" },
      ...{ handle: expect.stringMatching(/^H:/), payload: "no such picture" },
    });
  });

  test("a failed job", async () => {
    const { name, code, handle, typed } = await error("run", ["fails", "x"]);
    expect({ name, code, typed }).toEqual({ name: "JobFailedError", code: "JOB_FAILED", typed: true });
    expect(handle).toMatch(/^H:/);
  });

  test("a time limit, with its name and length", async () => {
    const { message, ...fields } = await error("run", ["slow", "300", { timeout: 50 }]);
    expect(fields).toEqual({
      name: "TimeoutError",
      code: "TIMEOUT",
      typed: true,
      timeout: "timeout",
      milliseconds: 50,
    });
    // Some classes say the limit themselves: it must not be said twice.
    expect(message).toMatch(/^[^(]+\(timeout: 50 ms\)$/);
  });

  test("a wrong argument", async () => {
    expect(await error("background", ["with\0NUL"])).toMatchObject({ name: "TypeError", typed: false });
    expect(await error("background", [""])).toMatchObject({ message: "a function name must not be empty" });
  });

  test("a signal ends the wait", async () => {
    expect(await error("run", ["slow", "500"], { abortAfter: 50 })).toMatchObject({
      name: "TimeoutError",
      typed: false,
    });
  });

  test("no server, with which", async () => {
    const port = await freePort();
    await using away = await deployHub({ GEARMAN_SERVERS: `127.0.0.1:${port}` });
    expect(await ask(away, "ping")).toMatchObject({
      ...{ name: "ConnectionError", code: "CONNECTION_FAILED", typed: true, server: `127.0.0.1:${port}` },
      cause: expect.any(String),
    });
  }, 60_000);

  test("a hub that is restarted under a call", async () => {
    expect(await error("ping", [], { by: "restarted" })).toBeGreaterThanOrEqual(0);
    const running = error("run", ["slow", "1000"], { by: "restarted" });
    await delay(200);
    await deployed.fetch("/restart", { method: "POST" });
    expect(await running).toMatchObject({ name: "ConnectionLostError", sent: true, server: "gearman", typed: true });
    // The next call finds it up again.
    expect(await error("ping", [], { by: "restarted" })).toBeGreaterThanOrEqual(0);
  });
});

test("a VPC network binding makes its connections", async () => {
  expect(await ask(deployed, "run", ["echo", "x"], { by: "private" })).toBe("x");
  const dialled = await (await deployed.fetch("/dialled")).json();
  expect(dialled).toEqual([{ hostname: "127.0.0.1", port: gearmand.port }]);
});

test("nothing that was to be encrypted goes over a VPC network binding, which carries no TLS", async () => {
  await using secure = await deployHub({ GEARMAN_SERVERS: `gearmans://${gearmand.address}` });
  const { message, typed } = (await ask(secure, "ping", [], { by: "private" })) as Answer;
  expect(message).toMatch(/a VPC network carries no TLS: write gearman:\/\//);
  expect(typed).toBe(true);
  expect(await (await secure.fetch("/dialled")).json()).toEqual([]);
}, 60_000);
