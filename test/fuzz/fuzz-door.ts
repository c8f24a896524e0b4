import { once } from "node:events";
import { connect } from "node:net";
import { Client, JobFailed } from "edgear";
import { JobServer } from "edgear/server";
import { type Deployed, deploy } from "../support/deployed.ts";
import { Randoms } from "../support/faults/randoms.ts";
import { startWorker } from "../support/worker.ts";
import { Corpus, loadCorpus } from "./corpus.ts";
import { mutate, toWord } from "./inputs.ts";
import { request } from "./requests.ts";
import type { Run, Summary } from "./run.ts";

/** Milliseconds after which a request that has no answer yet is ended, as what it announced does not come. */
const HALF = 2_000;
/** Milliseconds in which an answer must have ended. */
const PATIENCE = 8_000;
const LANES = 6;

/** What a 5xx may be: a job server's or a job's fault, said so; or workerd's own word for a method that it never heard of. */
const DOCUMENTED = /"code":"(?!INTERNAL)[A-Z_]+"|^HTTP\/1\.1 501 [\s\S]*\r\n\r\nERROR: Unrecognized request method\.$/;

/** What came of a request. */
interface Reply {
  readonly status: number;
  readonly failure: string | undefined;
  readonly feature: string;
}

/** Fuzzes the HTTP door, as it runs in workerd. */
export async function fuzzDoor(run: Run): Promise<Summary> {
  const randoms = new Randoms(run.seed);
  const corpus = new Corpus();
  const failures: string[] = [];
  const statuses: Record<string, number> = {};
  await using site = await Site.start();
  const begin = performance.now();
  const waiting = loadCorpus("door");
  let inputs = 0;
  const lane = async () => {
    while (inputs < run.inputs && failures.length < run.maxFailures && !run.over()) {
      inputs++;
      const known = corpus.inputs;
      const mutated = known.length > 20 && randoms.below(5) === 0;
      const input = waiting.shift() ?? (mutated ? toTheDoor(mutate(known, randoms)) : request(randoms));
      const { status, failure, feature } = await site.ask(input);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (failure) failures.push(`${toWord(input)} ${failure}`);
      corpus.offer(input, [feature]);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const dead = await site.alive();
  if (dead) failures.push(`${corpus.inputs.slice(-1).map(toWord)} ${dead}`);
  return {
    inputs,
    seconds: Math.round((performance.now() - begin) / 100) / 10,
    corpus: corpus.inputs.length,
    failures,
    kept: corpus.few,
    details: { statuses },
  };
}

export async function replayDoor(input: Uint8Array): Promise<unknown> {
  await using site = await Site.start();
  const { failure, ...reply } = await site.ask(input);
  const dead = failure ?? (await site.alive());
  if (dead) throw new Error(dead);
  return reply;
}

/** The same, for a host that is one: of another, what stands before the door in the tests makes an error of its own. */
function toTheDoor(input: Uint8Array): Uint8Array {
  const text = Buffer.from(input).toString("latin1");
  return Buffer.from(text.replaceAll(/\nHost:[^\n]*/gi, "").replace("\r\n", "\r\nHost: door\r\n"), "latin1");
}

/** A door, with a job server and workers behind it. */
class Site implements AsyncDisposable {
  readonly #door: Deployed;
  readonly #server: JobServer;
  readonly #worker: AsyncDisposable;

  private constructor(door: Deployed, server: JobServer, worker: AsyncDisposable) {
    this.#door = door;
    this.#server = server;
    this.#worker = worker;
  }

  static async start(): Promise<Site> {
    const server = await JobServer.listen({ port: 0, handlePrefix: "H:a" });
    const worker = startWorker(server.address, {
      reverse: (job) => [...job.workload.text()].reverse().join(""),
      fails: () => {
        throw new JobFailed();
      },
      throws: () => {
        throw new Error("thrown on purpose");
      },
      chatters: (job) => {
        for (let part = 0; part < 20; part++) job.data("x".repeat(part));
        job.warn("w");
        return job.workload.bytes;
      },
    });
    const limits = { MAX_BODY_BYTES: 100_000, MAX_BATCH_LINES: 20, RUN_TIMEOUT: 300, STREAM_TIMEOUT: 600 };
    const times = { CONNECT_TIMEOUT: 2_000, REQUEST_TIMEOUT: 2_000, CORS_ORIGINS: ["https://app.example.com"] };
    return new Site(await deploy({ GEARMAN_SERVERS: server.address, ...limits, ...times }), server, worker);
  }

  /** Sends a request as it is, and reads what comes until the connection ends. */
  async ask(input: Uint8Array): Promise<Reply> {
    const { port, hostname } = new URL(this.#door.origin);
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    socket.on("error", () => {});
    const parts: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => parts.push(chunk));
    const closed = once(socket, "close").catch(() => {});
    socket.once("end", () => socket.end());
    socket.write(input);
    const half = setTimeout(() => socket.end(), HALF);
    let hung = false;
    const whole = setTimeout(() => {
      hung = true;
      socket.destroy();
    }, PATIENCE);
    await closed;
    clearTimeout(half);
    clearTimeout(whole);
    const text = Buffer.concat(parts).toString("latin1");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text.replace(/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/, ""))?.[1] ?? 0);
    const code = /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? "";
    const words = JSON.stringify(text.slice(0, 400));
    let failure: string | undefined;
    if (hung) failure = `hung: ${words}`;
    else if (status >= 500 && !DOCUMENTED.test(text)) failure = `${status}: ${words}`;
    else if (/"code":"INTERNAL"/.test(text)) failure = `INTERNAL: ${words}`;
    const message = /"message":"((?:[a-zA-Z-]+ ){0,4})/.exec(text)?.[1] ?? "";
    return { status, failure, feature: `${status} ${code} ${message}` };
  }

  /** What keeps a later request from being answered, if anything does. */
  async alive(): Promise<string | undefined> {
    const answer = await this.#door.fetch("/run/reverse", { method: "POST", body: "abc" });
    const text = await answer.text();
    if (text !== "cba") return `a later request is answered with ${answer.status} ${text}`;
    await using client = new Client(this.#server.address);
    await client.ping();
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#door[Symbol.asyncDispose]();
    await this.#worker[Symbol.asyncDispose]();
    await this.#server.close();
  }
}
