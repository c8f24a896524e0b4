import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { main } from "../support/cli.ts";
import { startGearmand } from "../support/gearmand.ts";
import { lastingPort } from "../support/ports.ts";
import { BackgroundProcess } from "../support/process.ts";

/** The servers of the model. */
export const KINDS = ["gearmand", "gearmand-sqlite", "JobServer"] as const;
export type Kind = (typeof KINDS)[number];

/** A server in a process of its own, which can be killed and started again on the same port. */
export class Killable implements AsyncDisposable {
  readonly kind: Kind;
  port = 0;
  /** When it was killed, as `performance.now()` has it. */
  readonly kills: number[] = [];
  #process: { readonly pid: number; stop(): Promise<void> } | undefined;
  #folder: string | undefined;

  private constructor(kind: Kind) {
    this.kind = kind;
  }

  static async start(kind: Kind): Promise<Killable> {
    const server = new Killable(kind);
    if (kind === "gearmand-sqlite") server.#folder = await mkdtemp(path.join(tmpdir(), "edgear-model-"));
    server.port = await lastingPort();
    await server.#start();
    return server;
  }

  /** Whether background jobs outlive it. */
  get persistent(): boolean {
    return this.kind === "gearmand-sqlite";
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  async kill(): Promise<void> {
    const victim = this.#process;
    if (!victim) return;
    this.#process = undefined;
    process.kill(victim.pid, "SIGKILL");
    await victim.stop();
    this.kills.push(performance.now());
  }

  async again(): Promise<void> {
    await this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.stop();
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    this.#process = this.kind === "JobServer" ? await this.#startJobServer() : await this.#startGearmand();
  }

  #startGearmand() {
    const file = this.#folder && path.join(this.#folder, "queue.db");
    const args = file ? ["--queue-type=libsqlite3", `--libsqlite3-db=${file}`] : [];
    return startGearmand({ args, port: this.port });
  }

  async #startJobServer() {
    const args = [main, "server", "--port", String(this.port)];
    const child = await BackgroundProcess.start(process.execPath, args);
    await child.answerAt(this.port);
    return child;
  }
}
