import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Gauge } from "./gauge.ts";
import type { Message, Order } from "./soaking.ts";

/** Milliseconds in which one that has closed all must have ended. */
const LEAVING = 10_000;

/** One of a soak's processes, seen from outside. */
export class Soaker implements Disposable {
  readonly #child: ChildProcess;
  readonly #role: string;
  #ended = false;
  #left = "";
  #gauged: (gauge: Gauge) => void = () => {};
  #failed: (error: Error) => void = () => {};
  /** Jobs that were handed in, or worked off. */
  count = 0;
  again = 0;
  /** Whether all are handed in. */
  over = false;
  failure: Error | undefined;
  onWorked: (worked: number) => void = () => {};

  constructor(role: "submitter" | "worker", address: string, jobs: number) {
    this.#role = role;
    this.#child = fork(fileURLToPath(new URL("soaking.ts", import.meta.url)), [role, address, String(jobs)], {
      execArgv: [],
    });
    this.#child.on("message", (message: Message) => {
      this.count = message.count;
      this.again = message.again;
      this.over = message.over;
      this.onWorked(message.count);
      this.#left = message.left ?? this.#left;
      if (message.gauge) this.#gauged(message.gauge);
    });
    this.#child.on("exit", (code, signal) => {
      if (this.#ended) return;
      this.failure = new Error(`the ${this.#role} ended by itself: ${code ?? signal}`);
      this.#failed(this.failure);
    });
  }

  tell(order: Order): void {
    // It may be just ending; of an end that was not asked for, `failure` tells.
    if (this.#child.connected) this.#child.send(order, () => {});
  }

  gauge(): Promise<Gauge> {
    return new Promise((resolve, reject) => {
      this.#gauged = resolve;
      this.#failed = reject;
      if (this.failure) reject(this.failure);
      this.tell({ gauge: true });
    });
  }

  /** Has it close all. Says what it has open all the same. */
  async end(): Promise<string> {
    const exit = once(this.#child, "exit");
    this.tell({ end: true });
    await Promise.race([exit, once(this.#child, "disconnect")]);
    this.#ended = true;
    // With nothing open it has nothing to wait for.
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), LEAVING);
    const [code, signal] = await exit;
    clearTimeout(timer);
    if (signal) return this.#left || "something that it could not end with";
    return code === 0 ? this.#left : `what ended it with ${code}`;
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#child.kill("SIGKILL");
  }
}
