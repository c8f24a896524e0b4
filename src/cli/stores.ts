import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Option } from "commander";
import type { Store } from "../scheduler/index.js";
import { type IoRedis, RedisStore } from "../scheduler/redis/index.js";
import { SqliteStore } from "../scheduler/sqlite/index.js";
import { ExitCode, Failure, UsageError } from "./exit.js";
import { redacted } from "./redact.js";

/** Where scheduled jobs wait, as `--store` says it. */
export type StoreChoice = { readonly sqlite: string } | { readonly redis: string };

/** A store, and what ends it. */
export interface OpenStore {
  readonly store: Store;
  close(): void;
}

/** What is needed of ioredis to make a client. */
interface IoRedisClient extends IoRedis {
  on(event: "error", listener: (error: Error & { code?: string }) => void): unknown;
  disconnect(): void;
}
type IoRedisClass = new (url: string, options: object) => IoRedisClient;

/** `--store`, and the environment variable that stands for it. */
export function storeOption(): Option {
  return new Option("--store <url>", "where the jobs wait: sqlite:FILE, or redis://host:port")
    .env("EDGEAR_STORE")
    .default({ sqlite: "edgear-schedule.db" } satisfies StoreChoice, "sqlite:edgear-schedule.db")
    .argParser(readStore);
}

function readStore(text: string): StoreChoice {
  const [, kind = "", rest = ""] = /^(\w+):(.*)$/.exec(text) ?? [];
  if (kind === "sqlite" && rest !== "") return { sqlite: rest };
  if ((kind === "redis" || kind === "rediss") && rest.startsWith("//")) return { redis: text };
  // Commander would show all of it, the password too.
  const words = "--store (or EDGEAR_STORE) must be sqlite:FILE, redis://host:port or rediss://host:port (TLS), not";
  throw new UsageError(`${words} ${JSON.stringify(redacted(text))}`);
}

/**
 * @param existing opens no store that isn't there yet, as far as it can be seen
 * @throws Failure when what it needs isn't there
 */
export async function openStore(
  choice: StoreChoice,
  prefix: string | undefined,
  { existing = false } = {},
): Promise<OpenStore> {
  if ("sqlite" in choice) {
    if (existing && choice.sqlite !== ":memory:" && !existsSync(choice.sqlite))
      throw new Failure(`the store ${choice.sqlite}: there is no such file, and no job was planned there yet`);
    try {
      const store = new SqliteStore(choice.sqlite);
      return { store, close: () => store.close() };
    } catch (error) {
      throw new Failure(`the store ${choice.sqlite}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const Redis = await findIoRedis();
  // A server that is away is said of, and tried again, by the scheduler.
  const client = new Redis(choice.redis, { maxRetriesPerRequest: 1, retryStrategy: () => 500 });
  let lost = "";
  client.on("error", ({ message, code }) => {
    lost = message || code || "";
  });
  const call = async (command: string, args: string[]) => {
    try {
      return await client.call(command, args);
    } catch (error) {
      // ioredis says how often it has tried, and not why that was in vain.
      if ((error as Error).name !== "MaxRetriesPerRequestError") throw error;
      throw new Failure(`the store can't be had: ${lost}`, ExitCode.FAILED, { cause: error });
    }
  };
  return { store: new RedisStore({ call }, prefix === undefined ? {} : { prefix }), close: () => client.disconnect() };
}

/** ioredis, which is the user's: beside Edgear, or where the command was called. */
async function findIoRedis(): Promise<IoRedisClass> {
  for (const place of [import.meta.url, pathToFileURL(path.resolve("package.json"))]) {
    try {
      return createRequire(place)("ioredis") as IoRedisClass;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new Failure("a store in Redis needs ioredis, which isn't installed: npm install ioredis");
}
