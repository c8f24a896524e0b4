import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { findProgram } from "../../scripts/programs.mjs";
import { lastingPort } from "./ports.ts";
import { BackgroundProcess } from "./process.ts";

/** A real redis-server of its own, on a free loopback port, that keeps its data when it is started again. */
export class Redis implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #args: readonly string[];
  #process: BackgroundProcess | undefined;

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#args = args;
    this.#folder = folder;
  }

  static async start(...args: readonly string[]): Promise<Redis> {
    const redis = new Redis(await lastingPort(), await mkdtemp(path.join(tmpdir(), "edgear-redis-")), args);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, with what it has on disk. */
  async start(): Promise<void> {
    const program = findProgram("redis-server");
    if (!program) throw new Error("redis-server is not installed: run node scripts/peers.mjs");
    const args = [
      ...["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.#folder],
      ...["--save", "", ...this.#args, "--appendonly", "yes", "--appendfsync", "always"],
    ];
    this.#process = await BackgroundProcess.start(program, args);
    await this.#process.answer(() => this.#ping());
  }

  /** Ends it; its data stays on disk. */
  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** @throws when it doesn't answer, or hasn't read yet what it has on disk */
  async #ping(): Promise<void> {
    const socket = createConnection(this.port, "127.0.0.1");
    try {
      await once(socket, "connect");
      socket.write("PING\r\n");
      const [answer] = await once(socket, "data");
      if (!String(answer).startsWith("+PONG")) throw new Error(String(answer));
    } finally {
      socket.destroy();
    }
  }
}
