import type { Client, Job } from "edgear";
import { inject } from "vitest";
import { startWorker } from "../../support/worker.ts";
import type { AnyOutbox, TestStore } from "../stores.ts";

/** A database, as the cases find it: it is there once they run. */
export interface TestDatabase {
  readonly kind: string;
  readonly store: TestStore;
  /** A client of the job server that all tests share. */
  readonly client: Client;
  /** An installed outbox of its own. */
  installed(
    options?: Parameters<TestStore["outbox"]>[1],
  ): Promise<{ table: string; outbox: AnyOutbox; quoted: string }>;
}

/** On a busy machine, too. */
export const PATIENT = { timeout: 15_000 };

/** The job server that all tests share. */
export const address = (inject("servers")[0] ?? { address: "" }).address;

/** What a function's jobs were, in the order in which they were worked off. */
export function collecting(...names: string[]) {
  const jobs: Job[] = [];
  const functions = Object.fromEntries(names.map((name) => [name, (job: Job) => void jobs.push(job)]));
  const worker = startWorker(address, functions);
  return {
    jobs,
    get texts() {
      return jobs.map(({ workload }) => workload.text());
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}
