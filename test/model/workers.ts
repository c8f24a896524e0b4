import { JobFailed, Worker } from "edgear";
import { pause } from "../conformance/case.ts";
import type { Ledger } from "./ledger.ts";
import type { Lines } from "./lines.ts";
import { type Behaviour, FUNCTIONS } from "./operations.ts";

/** What a job's workload says. */
export interface Workload {
  readonly id: number;
  readonly behaviour: Behaviour;
}

/** A worker of a world, that can be killed, and has an heir then. */
export class ModelWorker {
  readonly lines: Lines;
  readonly #ledger: Ledger;
  readonly #faults: string[];
  readonly #functions = new Set<string>(FUNCTIONS);
  /** Closings that are under way. */
  readonly #leaving = new Set<Promise<unknown>>();
  #worker!: Worker;
  #life!: { dead: boolean };

  constructor(lines: Lines, ledger: Ledger, faults: string[]) {
    this.lines = lines;
    this.#ledger = ledger;
    this.#faults = faults;
    this.#start(0);
  }

  add(name: string): void {
    this.#functions.add(name);
    this.#add(name);
  }

  remove(name: string): Promise<void> {
    this.#functions.delete(name);
    // One that has nothing to do would not run.
    if (this.#functions.size === 0) this.add(FUNCTIONS[0]);
    return this.#worker.remove(name);
  }

  /** Dies as a process does: its connections are reset, and of what it was at nothing comes. */
  kill(flavour: number): void {
    this.#life.dead = true;
    this.lines.cut();
    this.#leave(0);
    this.#start(flavour);
  }

  /** Leaves as one should, within a time. */
  close(flavour: number): void {
    this.#leave(300);
    this.#start(flavour);
  }

  /** Does all functions again. */
  restore(): void {
    for (const name of FUNCTIONS) this.add(name);
  }

  async end(): Promise<void> {
    this.#leave(2_000);
    await Promise.all(this.#leaving);
  }

  #leave(timeout: number): void {
    const leaving: Promise<unknown> = this.#worker.close({ timeout }).finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  #start(flavour: number): void {
    const concurrency = [4, 1, 2, 16][flavour] ?? 4;
    const life = { dead: false };
    const worker = new Worker(this.lines.addresses, {
      concurrency,
      connectTimeout: 250,
      requestTimeout: 250,
      pollInterval: 150,
      reconnect: { minDelay: 5, maxDelay: 40 },
    });
    this.#worker = worker;
    this.#life = life;
    for (const name of this.#functions) this.#add(name);
    const run = worker.run().catch((error: unknown) => void this.#faults.push(`worker.run rejected: ${String(error)}`));
    const leaving = run.finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
    let running = 0;
    worker.on("start", () => {
      if (++running > concurrency) this.#faults.push(`${running} jobs ran at a concurrency of ${concurrency}`);
    });
    const over = () => void running--;
    worker.on("complete", over).on("fail", over).on("exception", over);
    worker.on("discard", ({ job }) => void (job && over()));
  }

  #add(name: string): void {
    const life = this.#life;
    this.#worker.add(name, (job) => {
      const workload = job.workload.json<Workload>();
      const server = this.lines.server(job.server);
      const execution = this.#ledger.began(workload.id, job.handle, server);
      const done = () => {
        // A dead one has done nothing, and one whose job was taken from it can't say that it has.
        if (!life.dead && !job.signal.aborted) this.#ledger.ended(execution);
      };
      return perform(workload, done, (part) => job.data(part));
    });
  }
}

/** Does a job. Whatever comes of it tells the job's id. */
function perform(
  { id, behaviour }: Workload,
  done: () => void,
  data: (part: string) => void,
): string | Promise<string> {
  switch (behaviour) {
    case "fail":
      done();
      throw new JobFailed();
    case "throw":
      done();
      throw new Error(String(id));
    case "stream":
      return (async () => {
        for (let part = 0; part < 3; part++) {
          data(String(id));
          await pause(2);
        }
        done();
        return String(id);
      })();
    case "slow":
      return pause(20).then(() => {
        done();
        return String(id);
      });
    default:
      done();
      return String(id);
  }
}
