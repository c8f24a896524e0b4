import { setImmediate as turn } from "node:timers/promises";
import { pause } from "../conformance/case.ts";
import { textLines } from "../support/text-command.ts";
import { ModelClient } from "./clients.ts";
import { Killable, type Kind } from "./killable.ts";
import { Ledger } from "./ledger.ts";
import { Lines } from "./lines.ts";
import { CLIENTS, FUNCTIONS, type Operation, SERVERS, WORKERS } from "./operations.ts";
import { Promises } from "./promises.ts";
import { ModelWorker } from "./workers.ts";

/** With so many promises that wait, nothing more is begun. */
const MOST_PENDING = 400;

/** Milliseconds that everything has, once all is well again. */
const END_LIMIT = 12_000;

/** What happened in a world. */
export interface Tally {
  /** By kind. */
  readonly operations: Record<string, number>;
  /** What promises came to: a result, or an error's code. */
  readonly outcomes: Record<string, number>;
  /** What became of background jobs that were acknowledged. */
  readonly fates: Record<string, number>;
  readonly promises: number;
  readonly submissions: number;
  readonly executions: number;
  readonly connections: number;
  readonly kills: number;
}

/** Servers, clients and workers, with lines between them, on which operations are done. */
class World {
  readonly #ledger = new Ledger();
  readonly #promises = new Promises();
  readonly #servers: Killable[];
  readonly #clients: ModelClient[];
  readonly #workers: ModelWorker[];
  readonly #operations: Record<string, number> = {};
  /** Servers that come back. */
  readonly #restarts = new Map<number, Promise<void>>();

  constructor(servers: Killable[], lines: Lines[]) {
    this.#servers = servers;
    this.#clients = lines.slice(0, CLIENTS).map((each) => new ModelClient(each, this.#ledger, this.#promises));
    this.#workers = lines.slice(CLIENTS).map((each) => new ModelWorker(each, this.#ledger, this.#promises.faults));
  }

  async run(operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) {
      this.#operations[operation.op] = (this.#operations[operation.op] ?? 0) + 1;
      if (operation.op === "pause") await pause(operation.milliseconds);
      else this.#do(operation);
      while (this.#promises.pending > MOST_PENDING) await pause(5);
      this.#judge();
    }
    await turn();
  }

  #do(operation: Exclude<Operation, { op: "pause" }>): void {
    const client = "client" in operation ? (this.#clients[operation.client] as ModelClient) : undefined;
    const worker = "worker" in operation ? (this.#workers[operation.worker] as ModelWorker) : undefined;
    switch (operation.op) {
      case "foreground":
      case "background":
        client?.submit(operation);
        break;
      case "bulk":
        client?.bulk(operation.function, operation.count);
        break;
      case "status":
      case "statusOf":
        client?.ask(operation);
        break;
      case "ping":
        client?.ping();
        break;
      case "add":
        worker?.add(operation.function);
        break;
      case "remove":
        // It waits for jobs that run.
        this.#promises.watch("remove", worker?.remove(operation.function) ?? pause(0), 8_000, (_, error) => {
          if (error) throw error;
          return "removed";
        });
        break;
      case "destroyClient":
        client?.leave("once", operation.flavour);
        break;
      case "closeClient":
        client?.leave("ease", operation.flavour);
        break;
      case "cutClient":
        client?.lines.cut();
        break;
      case "killWorker":
        worker?.kill(operation.flavour);
        break;
      case "closeWorker":
        worker?.close(operation.flavour);
        break;
      case "cutWorker":
        worker?.lines.cut();
        break;
      case "killServer":
        this.#kill(operation.server, operation.away, operation.refuse);
        break;
      case "part":
        this.#lines[operation.actor]?.part(operation.server, operation.milliseconds);
        break;
      case "fault":
        this.#lines[operation.actor]?.inject(operation.server, operation.up, operation.fault);
        break;
    }
  }

  get #lines(): Lines[] {
    return [...this.#clients, ...this.#workers].map(({ lines }) => lines);
  }

  #kill(index: number, away: number, refuse: boolean): void {
    const server = this.#servers[index] as Killable;
    if (this.#restarts.has(index)) return;
    const restart = async () => {
      await server.kill();
      if (refuse) await Promise.all(this.#lines.map((lines) => lines.refuse(index)));
      await pause(away);
      await server.again();
      await Promise.all(this.#lines.map((lines) => lines.welcome(index)));
      this.#restarts.delete(index);
    };
    const broken = (error: unknown) => void this.#promises.faults.push(`a server did not come back: ${String(error)}`);
    this.#restarts.set(index, restart().catch(broken));
  }

  #judge(): void {
    const { faults, late } = this.#promises;
    if (faults.length + late.length > 0) throw new Error([...faults, ...late].join("\n"));
  }

  /** All is well again: everything that was begun must come to its end, and nothing be left. */
  async end(): Promise<void> {
    await Promise.all(this.#restarts.values());
    for (const lines of this.#lines) lines.heal();
    for (const worker of this.#workers) worker.restore();
    await this.#until("promises have not settled", () =>
      this.#promises.pending === 0 ? "" : String(this.#promises.pending),
    );
    await this.#until("acknowledged background jobs were not done", () =>
      this.#ledger.missing
        .map((submission) =>
          JSON.stringify({
            ...submission,
            accepted: submission.accepted.map(({ job, time }) => ({ handle: job.handle, time })),
          }),
        )
        .join("\n"),
    );
    await this.#until("servers still have jobs", () => this.#queued());
    await Promise.all(this.#clients.map((client) => client.end()));
    await Promise.all(this.#workers.map((worker) => worker.end()));
    await this.#until("connections are still open", () => this.#lines.map(({ open }) => open || "").join(""));
    this.#judge();
  }

  get tally(): Tally {
    return {
      operations: this.#operations,
      outcomes: this.#promises.outcomes,
      fates: this.#ledger.fates,
      promises: this.#promises.count,
      submissions: this.#ledger.submissions.length,
      executions: this.#ledger.executions,
      connections: this.#lines.reduce((sum, { connections }) => sum + connections, 0),
      kills: this.#servers.reduce((sum, { kills }) => sum + kills.length, 0),
    };
  }

  /** Ends in bounded time though something is wrong. */
  async abandon(): Promise<void> {
    this.#promises.end();
    await Promise.allSettled([...this.#restarts.values()]);
    await Promise.allSettled([...this.#clients, ...this.#workers].map((actor) => actor.end()));
  }

  /** The jobs that servers have, in words. */
  async #queued(): Promise<string> {
    const rows = await Promise.all(this.#servers.map(({ port }) => textLines(port, "status")));
    return rows
      .flat()
      .filter((row) => FUNCTIONS.some((name) => row.startsWith(`${name}\t`)) && !/\t0\t0\t/.test(row))
      .join("\n");
  }

  /** Waits until there is nothing to say. */
  async #until(what: string, say: () => string | Promise<string>): Promise<void> {
    const deadline = performance.now() + END_LIMIT;
    for (let words = await say(); words !== ""; words = await say()) {
      this.#judge();
      if (performance.now() > deadline) throw new Error(`${what}, ${END_LIMIT} ms after all was well again: ${words}`);
      await pause(10);
    }
  }
}

/** Does operations in a world of its own, and throws what must not be. */
export async function runWorld(kind: Kind, operations: readonly Operation[]): Promise<Tally> {
  await using stack = new AsyncDisposableStack();
  const servers = await Promise.all(Array.from({ length: SERVERS }, () => Killable.start(kind)));
  for (const server of servers) stack.use(server);
  const lines = await Promise.all(Array.from({ length: CLIENTS + WORKERS }, () => Lines.to(servers)));
  for (const each of lines) stack.use(each);
  const world = new World(servers, lines);
  stack.defer(() => world.abandon());
  await world.run(operations);
  await world.end();
  return world.tally;
}
