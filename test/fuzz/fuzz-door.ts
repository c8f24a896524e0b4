import { once } from "node:events";
import { connect } from "node:net";
import { Client, JobFailed } from "edgear";
import { JobServer } from "edgear/server";
import { type Deployed, deploy } from "../support/deployed.ts";
import { Randoms } from "../support/faults/randoms.ts";
import { startWorker } from "../support/worker.ts";
import { Corpus, loadCorpus } from "./corpus.ts";
import { complaint, requestOf } from "./http.ts";
import { mutate, toWord } from "./inputs.ts";
import { request } from "./requests.ts";
import type { Failure, Run, Summary } from "./run.ts";

/** Milliseconds after which a request that has no answer yet is ended, as what it announced does not come. */
const HALF = 2_000;
/** Milliseconds in which an answer must have ended. */
const PATIENCE = 8_000;
const LANES = 6;
/** So many requests before one that fails are kept with it. */
const LATEST = 50;

/** What came of a request. */
interface Reply {
  /** Whether it was asked with a request, and not with bytes that are none. */
  readonly right: boolean;
  readonly status: number;
  readonly failure: string | undefined;
  readonly feature: string;
}

/** Fuzzes the HTTP door, as it runs in workerd. */
export async function fuzzDoor(run: Run): Promise<Summary> {
  const randoms = new Randoms(run.seed);
  const corpus = new Corpus();
  const failures: Failure[] = [];
  const latest: string[] = [];
  const statuses: Record<string, number> = {};
  await using site = await Site.start();
  const begin = performance.now();
  const waiting = loadCorpus("door");
  let inputs = 0;
  let requests = 0;
  const lane = async () => {
    while (inputs < run.inputs && failures.length < run.maxFailures && !run.over()) {
      inputs++;
      const known = corpus.inputs;
      const mutated = known.length > 20 && randoms.below(5) === 0;
      const input = waiting.shift() ?? (mutated ? toTheDoor(mutate(known, randoms)) : request(randoms));
      latest.push(toWord(input));
      if (latest.length > LATEST) latest.shift();
      const { right, status, failure, feature } = await site.ask(input);
      if (right) requests++;
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (failure) failures.push({ inputs: [...latest, toWord(input)], what: failure });
      corpus.offer(input, [feature]);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const dead = await site.alive();
  if (dead) failures.push({ inputs: latest, what: dead });
  return {
    inputs,
    seconds: Math.round((performance.now() - begin) / 100) / 10,
    corpus: corpus.inputs.length,
    failures,
    kept: corpus.few,
    details: { requests, statuses },
  };
}

/** Puts requests, one after the other, to a door of their own. What came of each; rejects when one fails. */
export async function replayDoor(inputs: readonly Uint8Array[]): Promise<unknown> {
  await using site = await Site.start();
  const replies: string[] = [];
  for (const input of inputs) {
    const { failure, feature } = await site.ask(input);
    replies.push(feature);
    if (failure) throw new Error(`request ${replies.length}: ${failure}`);
  }
  const dead = await site.alive();
  if (dead) throw new Error(dead);
  return replies;
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
    const request = requestOf(input);
    const came = Buffer.concat(parts);
    const text = came.toString("latin1");
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text.replace(/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/, ""))?.[1] ?? 0);
    const code = /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? "";
    const words = JSON.stringify(text.slice(0, 400));
    let failure: string | undefined;
    if (hung) failure = `hung: ${words}`;
    else if (/"code":"INTERNAL"/.test(text)) failure = `INTERNAL: ${words}`;
    else failure = await complaint(request, came);
    const message = /"message":"((?:[a-zA-Z-]+ ){0,4})/.exec(text)?.[1] ?? "";
    return { right: request !== undefined, status, failure, feature: `${status} ${code} ${message}` };
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
