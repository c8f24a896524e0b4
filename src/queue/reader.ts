import { PacketType } from "../../assembly/protocol.js";
import type { Servers } from "../connection/address.js";
import { ConnectionLostError, RefusedError } from "../errors.js";
import { type Job, JobFailed } from "../worker/job.js";
import type { WorkerOptions } from "../worker/options.js";
import { Worker } from "../worker/worker.js";
import type { Holder } from "./message.js";

/** What a reader tells. */
export interface ReaderOwner {
  /** A message's job came; it is held until its holder lets go of it. */
  taken(job: Job, holder: Holder): void;
  /** A server can't be reached, or was lost; it is tried again. */
  failed(server: string, error: Error): void;
  /** It is closed. */
  closed(): void;
}

/**
 * Takes messages of one queue, one at a time: by a connection to each server that nobody else uses, so that closing it
 * gives back this message and no other.
 */
export class Reader {
  readonly #worker: Worker;
  readonly #owner: ReaderOwner;
  /** Results that the server didn't take. */
  #discards = 0;

  /** @param once whether it is to take one message and no more */
  constructor(servers: Servers | undefined, options: WorkerOptions, name: string, once: boolean, owner: ReaderOwner) {
    this.#owner = owner;
    const worker = new Worker(servers, { ...options, concurrency: 1 });
    this.#worker = worker;
    worker.on("discard", ({ job }) => {
      if (!job) this.#discards++;
    });
    worker.on("error", ({ server, error }) => owner.failed(server, error));
    worker.on("disconnect", ({ server, error }) => error && owner.failed(server, error));
    worker.on("close", () => owner.closed());
    let taken = false;
    worker.add(name, (job) => {
      if (once && taken) {
        // A server that was slow to answer gave one more than was wanted: it goes back.
        void this.close(0);
        return new Promise<void>(() => {});
      }
      taken = true;
      if (once) void this.close();
      return this.#hold(job);
    });
    // It only rejects for what can't be here: a worker that was closed before it ran, or has no function.
    worker.run().catch(() => {});
  }

  /** Takes no more messages. The one that is held is waited for, `timeout` milliseconds at most, and then given back. */
  async close(timeout?: number): Promise<void> {
    await this.#worker.close(timeout === undefined ? {} : { timeout });
  }

  /** Holds a job until it is let go of, one way or the other. */
  #hold(job: Job): Promise<void> {
    return new Promise((resolve, reject) => {
      job.signal.addEventListener("abort", () => resolve(), { once: true });
      const holder: Holder = {
        end: async (type) => {
          try {
            await this.#end(job, type);
          } finally {
            // Only now: the next message is grabbed when this one is known to be gone.
            if (type === PacketType.WORK_FAIL) reject(new JobFailed("the message was rejected"));
            else resolve();
          }
        },
        giveBack: () => this.close(0),
      };
      this.#owner.taken(job, holder);
    });
  }

  async #end(job: Job, type: PacketType): Promise<void> {
    const discards = this.#discards;
    job.end(type);
    try {
      await job.confirm();
    } catch (cause) {
      const { handle, server } = job;
      throw new ConnectionLostError(
        server,
        `what became of the message ${handle} is not known, it may come again: ${(cause as Error).message}`,
        { handle, sent: true, cause },
      );
    }
    if (this.#discards > discards)
      throw new RefusedError(`${job.server} had taken the message ${job.handle} back: it goes to somebody else`);
  }
}
