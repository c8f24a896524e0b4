import { once } from "node:events";
import type { Socket } from "node:net";
import { Admin, Client } from "edgear";
import { JobServer } from "edgear/server";
import { concat } from "../codec/packets.ts";
import { heapAtRest } from "../load/gauge.ts";
import { Randoms } from "../support/faults/randoms.ts";
import { Corpus, loadCorpus } from "./corpus.ts";
import type { Coverage } from "./coverage.ts";
import { type Answer, exchange, HEAD, MAX_PACKET_SIZE } from "./exchange.ts";
import { golden, mutate, toWord } from "./inputs.ts";
import type { Failure, Run, Summary } from "./run.ts";

/** Milliseconds in which JobServer must have answered, or closed: it parts from who breaks the protocol in one second. */
const PATIENCE = 5_000;
/** So many inputs are put to one server. Its jobs and handles are then within reach of each other. */
const ONE_SERVER = 300;
/** So many connections are left open, to be met by what others do. */
const OPEN = 4;
/** Bytes by which the process may grow. */
const MOST_GROWTH = 400 * 1024 * 1024;
/**
 * Bytes by which what is in use may grow from one server to the next, in all and for each input: less than a connection
 * costs, of which one server after the other has had hundreds.
 */
const MOST_HEAP = 8 * 1024 * 1024;
const MOST_HEAP_EACH = 512;
/** Bytes that a server may keep for each byte that it was told, while it runs: its jobs, its functions' names. */
const MOST_KEPT = 16;

/** Fuzzes JobServer's port. */
export async function fuzzServer(run: Run, coverage: Coverage): Promise<Summary> {
  const randoms = new Randoms(run.seed);
  const corpus = new Corpus();
  const failures: Failure[] = [];
  const ends: Record<string, number> = { answered: 0, closed: 0, hung: 0 };
  const begin = performance.now();
  const waiting = [...loadCorpus("server"), ...seeds(randoms)];
  let inputs = 0;
  let latest: string[] = [];
  const failed = (what: string) => failures.push({ inputs: latest, what });
  const onError = (error: unknown) => void failed(`thrown: ${error instanceof Error ? error.stack : error}`);
  process.on("uncaughtException", onError).on("unhandledRejection", onError);
  let rss = 0;
  let growth = 0;
  let first: { readonly inputs: number; readonly heap: number } | undefined;
  let heap = 0;
  let most = 0;
  /** What is in use; but for what this run itself keeps. */
  const weigh = async () => {
    const kept = corpus.inputs.reduce((sum, { length }) => sum + length, 0);
    return (await heapAtRest()) - kept - latest.join().length;
  };
  /** What servers that are closed have left in use. */
  const weighAll = async () => {
    const now = { inputs, heap: await weigh() };
    first ??= now;
    heap = now.heap - first.heap;
    if (heap > MOST_HEAP + MOST_HEAP_EACH * (inputs - first.inputs))
      failed(`${heap} bytes more are in use than ${inputs - first.inputs} inputs before`);
  };
  /** One server, from its start until it is closed. */
  const useSite = async () => {
    await using site = await Site.start();
    const before = await weigh();
    let told = 0;
    for (let count = 0; count < ONE_SERVER && inputs < run.inputs && !run.over(); count++) {
      const input = waiting.shift() ?? mutate(corpus.inputs, randoms, HEAD);
      inputs++;
      told += input.length;
      latest = [...latest, toWord(input)];
      coverage.taken();
      const answer = await site.put(input);
      ends[answer.end] = (ends[answer.end] ?? 0) + 1;
      if (answer.end === "hung") failed("neither answered nor closed");
      if (answer.reading.fault) failed(`answered with what is no packet: ${answer.reading.fault}`);
      corpus.offer(input, [...coverage.taken().map((way) => way >> 3), ...features(answer)]);
      if (failures.length >= run.maxFailures) break;
    }
    const dead = await site.alive();
    if (dead) failed(dead);
    const kept = (await weigh()) - before;
    most = Math.max(most, kept);
    // The first one is the first to run everything.
    if (first && kept > MOST_HEAP / 2 + MOST_KEPT * told)
      failed(`a server keeps ${kept} bytes of ${told} that it was told`);
    // What was compiled and kept by then stays.
    if (rss === 0 && inputs >= 2_000) rss = process.memoryUsage().rss;
    if (rss > 0) growth = Math.max(growth, process.memoryUsage().rss - rss);
    if (growth > MOST_GROWTH) failed(`the process grew by ${growth} bytes`);
  };
  try {
    while (inputs < run.inputs && failures.length < run.maxFailures && !run.over()) {
      latest = [];
      await useSite();
      await weighAll();
    }
  } finally {
    process.off("uncaughtException", onError).off("unhandledRejection", onError);
  }
  return {
    inputs,
    seconds: Math.round((performance.now() - begin) / 100) / 10,
    corpus: corpus.inputs.length,
    failures,
    kept: corpus.few,
    details: { features: corpus.features, ways: coverage.ways, reached: coverage.reached, ends, growth, heap, most },
  };
}

/** Puts inputs, one after the other, to a server of their own. What came of each; rejects when the server fails. */
export async function replayServer(inputs: readonly Uint8Array[]): Promise<unknown> {
  await using site = await Site.start();
  const answers: Answer[] = [];
  for (const input of inputs) {
    const answer = await site.put(input);
    answers.push(answer);
    if (answer.end === "hung" || answer.reading.fault)
      throw new Error(`input ${answers.length}: ${answer.end}, ${answer.reading.fault ?? "right packets"}`);
  }
  const dead = await site.alive();
  if (dead) throw new Error(dead);
  return answers.map(({ end, words, reading }) => ({ end, words, fault: reading.fault }));
}

/** Right packets, as clients and workers send them. */
export function seeds(randoms: Randoms): Uint8Array[] {
  return Array.from({ length: 100 }, () => {
    const packets = Array.from({ length: 1 + randoms.below(6) }, () => golden(randoms, "client"));
    return concat([Uint8Array.of(randoms.below(256)), ...packets]);
  });
}

/** Which answers come, and which come behind which. */
export function features({ end, words }: Answer): string[] {
  const all = [...words.slice(0, 30), end];
  return [...all, ...all.map((word, index) => `${all[index - 1]} ${word}`)];
}

/** A server, and connections that are still open to it. */
class Site implements AsyncDisposable {
  readonly #server: JobServer;
  readonly #open: Socket[] = [];

  private constructor(server: JobServer) {
    this.#server = server;
  }

  static async start(): Promise<Site> {
    const options = { handlePrefix: "H:a", maxPacketSize: MAX_PACKET_SIZE, maxPending: 4_000_000 };
    return new Site(await JobServer.listen({ port: 0, ...options }));
  }

  async put(input: Uint8Array): Promise<Answer> {
    const answer = await exchange(this.#server.port, input, PATIENCE);
    if (answer.socket) this.#open.push(answer.socket);
    if (this.#open.length > OPEN) this.#open.shift()?.destroy();
    return answer;
  }

  /** What keeps a later client and a later administrator from being served, if anything does. */
  async alive(): Promise<string | undefined> {
    await using client = new Client(this.#server.address, { reconnect: false });
    await using admin = new Admin(this.#server.address);
    try {
      const job = await client.background("nobody-else", "x");
      const { state } = await client.status(job);
      if (state !== "queued") return `a later job is ${state}`;
      const jobs = await admin.jobs();
      if (!jobs.some(({ handle }) => handle === job.handle)) return "a later job isn't listed";
      // The other lists say names that others have chosen, lines that end a list among them, as gearmand's do.
      await admin.version();
    } catch (error) {
      return `a later client isn't served: ${error}`;
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) {
      if (socket.destroyed) continue;
      socket.destroy();
      await once(socket, "close");
    }
    await this.#server.close();
  }
}
