import { toBase64 } from "../../bytes.js";
import { checkOptions, show } from "../../check.js";
import { type ClaimLimits, MOST_BYTES, type Move, type Store, type StoredJob } from "../store.js";
import { CLAIM, GET, LIST, NEXT, PUT, REMOVE, SETTLE } from "./scripts.js";

/** What is needed of ioredis. */
export interface IoRedis {
  call(command: string, args: string[]): Promise<unknown>;
}

/** What is needed of node-redis (the packages `redis` and `@redis/client`). */
export interface NodeRedis {
  sendCommand(args: string[]): Promise<unknown>;
}

/** What is needed of a cluster's client of node-redis (`createCluster`). */
export interface NodeRedisCluster {
  sendCommand(firstKey: string | undefined, isReadonly: boolean | undefined, args: string[]): Promise<unknown>;
  /** Which tells it from the client of one server. */
  nodeClient(...args: never[]): unknown;
}

/** Options of a `RedisStore`. */
export interface RedisStoreOptions {
  /** What its five keys begin with; default `"{edgear:scheduler}:"`. The braces keep them together in a cluster. */
  readonly prefix?: string | undefined;
}

const KEYS = ["jobs", "due", "ready", "leases", "names"];

/** So many moves are made by one script. */
const MOVES = 1_000;

type Found = readonly [name: string, due: string, job: string];

/**
 * Jobs in Redis, for schedulers on any number of machines. Each method is one Lua script, so that a due job is one
 * scheduler's. The client is yours, and not closed. Redis should keep what it has on disk (`appendonly yes`) and throw
 * nothing away (`maxmemory-policy noeviction`).
 */
export class RedisStore implements Store {
  readonly #send: (args: string[]) => Promise<unknown>;
  readonly #keys: readonly string[];

  /**
   * @param client of ioredis, or of node-redis, connected; of one server or of a cluster
   * @throws TypeError when an argument is wrong
   */
  constructor(client: IoRedis | NodeRedis | NodeRedisCluster, options: RedisStoreOptions = {}) {
    checkOptions(options, "RedisStore", ["prefix"]);
    const { prefix = "{edgear:scheduler}:" } = options;
    if (typeof prefix !== "string") throw new TypeError(`prefix must be a text, not ${show(prefix)}`);
    this.#keys = KEYS.map((key) => prefix + key);
    this.#send = senderOf(client, this.#keys[0]);
  }

  async put(job: StoredJob, only?: string): Promise<boolean> {
    const { name, id, rule, due } = job;
    const args = [name, toRecord(job), String(due), id, rule, only ?? "", only === undefined ? "0" : "1"];
    return (await this.#run(PUT, args)) === 1;
  }

  async get(name: string): Promise<StoredJob | undefined> {
    const found = (await this.#run(GET, [name])) as Found | null;
    return found ? toJob(found) : undefined;
  }

  async remove(name: string): Promise<boolean> {
    return (await this.#run(REMOVE, [name])) === 1;
  }

  async list(after: string, limit: number): Promise<StoredJob[]> {
    const from = after === "" ? "-" : `(${after}`;
    const found = (await this.#run(LIST, [from, ...[limit, sizeInBase64(MOST_BYTES)].map(String)])) as Found[];
    return found.map(toJob);
  }

  async claim(now: number, until: number, most: ClaimLimits): Promise<StoredJob[]> {
    const limits = [most.jobs, sizeInBase64(most.bytes), most.latest];
    const found = (await this.#run(CLAIM, [now, until, ...limits].map(String))) as Found[];
    return found.map(toJob);
  }

  async settle(moves: readonly Move[]): Promise<void> {
    for (let begin = 0; begin < moves.length; begin += MOVES) {
      const args = moves.slice(begin, begin + MOVES).flatMap(({ name, id, due, to }) => {
        return [name, id, String(due), to ? String(to.due) : "", to ? String(to.ready) : ""];
      });
      await this.#run(SETTLE, args);
    }
  }

  async next(): Promise<number | undefined> {
    const next = await this.#run(NEXT, []);
    return next === null || next === undefined ? undefined : Number(next);
  }

  async #run(script: string, args: readonly string[]): Promise<unknown> {
    const rest = [String(this.#keys.length), ...this.#keys, ...args];
    try {
      return await this.#send(["EVALSHA", await digest(script), ...rest]);
    } catch (error) {
      // Redis forgets scripts when it is started again.
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return this.#send(["EVAL", script, ...rest]);
    }
  }
}

function senderOf(
  client: Partial<IoRedis> & (Partial<NodeRedis> | Partial<NodeRedisCluster>),
  key: string | undefined,
): (args: string[]) => Promise<unknown> {
  if (typeof client?.call === "function") {
    const { call } = client;
    return ([command = "", ...args]) => call.call(client, command, args);
  }
  // ioredis has one, too, which takes something else.
  if (typeof client?.sendCommand === "function") {
    if ("nodeClient" in client) {
      const cluster = client as NodeRedisCluster;
      // By its keys it finds the server: the braces of their prefix keep them on one.
      return (args) => cluster.sendCommand(key, false, args);
    }
    const single = client as NodeRedis;
    return (args) => single.sendCommand(args);
  }
  throw new TypeError(`a RedisStore needs a client of ioredis or node-redis, not ${show(client)}`);
}

const digests = new Map<string, Promise<string>>();

/** What Redis calls a script: its SHA-1. */
function digest(script: string): Promise<string> {
  let made = digests.get(script);
  if (!made) {
    made = crypto.subtle.digest("SHA-1", new TextEncoder().encode(script)).then((bytes) => {
      return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    });
    digests.set(script, made);
  }
  return made;
}

/** How large workloads of so many bytes are as they lie in the hash. */
function sizeInBase64(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}

/** A job as it lies in the hash; its due time lies elsewhere. */
function toRecord(job: StoredJob): string {
  const { id, rule, function: called, form, priority, missed, workload } = job;
  return `${id}\n${rule}\n${form}\n${priority}\n${missed}\n${toBase64(workload)}\n${called}`;
}

function toJob([name, due, record]: Found): StoredJob {
  const [id, rule, form, priority, missed, workload = "", ...called] = record.split("\n");
  // Nothing keeps a function's name from having a line feed.
  const job = { name, id, rule, due: Number(due), function: called.join("\n"), form, priority, missed };
  return { ...job, workload: fromBase64(workload) } as StoredJob;
}

function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
