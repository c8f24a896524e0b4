import {
  Client,
  type ClientOptions,
  GearmanError,
  JobExceptionError,
  JobFailedError,
  type JobHandle,
  type Task,
} from "edgear";
import type { Ledger, Submission } from "./ledger.ts";
import type { Lines } from "./lines.ts";
import type { Behaviour, Operation, SubmitOperation } from "./operations.ts";
import type { Promises } from "./promises.ts";

/** Milliseconds that what has no limit of its own may take: a few tries, at both servers, with the times below. */
const LIMIT = 8_000;
const TIMES = { connectTimeout: 250, requestTimeout: 250, heartbeat: 150 };
const RECONNECT = { minDelay: 5, maxDelay: 40, retries: 4 };

const FLAVOURS: ClientOptions[] = [
  { reconnect: RECONNECT },
  { reconnect: RECONNECT, balance: "round-robin", maxInFlight: 2 },
  { reconnect: RECONNECT, balance: "unique" },
  { reconnect: false, balance: "round-robin" },
];

/** The reason of a signal. */
class Aborted extends Error {}

/** A client of a world, that can be killed, and has an heir then. */
export class ModelClient {
  readonly lines: Lines;
  readonly #ledger: Ledger;
  readonly #promises: Promises;
  #client: Client;
  /** Whether calls may find it closed. */
  #life = { closed: false };
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(lines: Lines, ledger: Ledger, promises: Promises) {
    this.lines = lines;
    this.#ledger = ledger;
    this.#promises = promises;
    this.#client = this.#make(0);
  }

  submit(operation: SubmitOperation): void {
    const { op, function: name, behaviour, priority, abort } = operation;
    const background = op === "background";
    const unique = operation.unique === undefined ? undefined : this.#unique(operation, background);
    const ledger = this.#ledger;
    const submission = ledger.add({ background, function: name, unique, mixed: operation.mixed, behaviour });
    const workload = { id: submission.id, behaviour };
    const options = { priority, ...(unique !== undefined && { unique }), ...this.#signal(abort) };
    const what = `${op} ${submission.id}${unique ? ` (${unique})` : ""}`;
    if (background) {
      this.#watch(what, this.#client.background(name, workload, options), abort, (job) => {
        this.#accepted(submission, job);
        return "taken";
      });
      return;
    }
    const { timeout } = operation;
    // The public handle is the first one; of a call that was made again the result comes under the latest.
    const task: Task & { readonly created?: JobHandle | undefined } = this.#client.submit(name, workload, {
      ...options,
      timeout,
    });
    const ours = (id: string) => {
      if (!task.created) throw new Error("it was told of a job that no server had acknowledged");
      this.#accepted(submission, task.created);
      return this.#ours(Number(id), submission);
    };
    const limit = timeout ?? Number.POSITIVE_INFINITY;
    const result = task.result.then((payload) => payload.text());
    this.#watch(what, result, abort, ours, limit, (error) => {
      // What became of a job must be something that becomes of it.
      if (task.created) this.#accepted(submission, task.created);
      if (error instanceof JobFailedError) this.#behaved("fail", submission);
      if (error instanceof JobExceptionError) {
        ours(error.payload.text());
        this.#behaved("throw", submission);
      }
    });
    this.#watch(
      `the handle of ${what}`,
      task.handle,
      abort,
      (job) => {
        this.#accepted(submission, job);
        return "acknowledged";
      },
      limit,
      () => {},
    );
    if (submission.id % 3 > 0) return;
    const events = async () => {
      for await (const event of task) if (event.type === "data") ours(event.payload.text());
    };
    this.#watch(
      `the events of ${what}`,
      events(),
      abort,
      () => "read",
      limit,
      () => {},
    );
  }

  bulk(name: string, count: number): void {
    const ledger = this.#ledger;
    const submissions = Array.from({ length: count }, () =>
      ledger.add({ background: true, function: name, unique: undefined, mixed: false, behaviour: "quick" }),
    );
    const workloads = submissions.map(({ id, behaviour }) => ({ id, behaviour }));
    const all = async () => {
      let taken = 0;
      for await (const job of this.#client.backgroundAll(name, workloads)) {
        this.#accepted(submissions[taken++] as Submission, job);
      }
    };
    this.#watch(`a bulk of ${count}`, all(), undefined, () => "taken");
  }

  /** Asks for one of the last jobs. */
  ask({ op, job, abort }: Extract<Operation, { op: "status" | "statusOf" }>): void {
    const last = this.#ledger.submissions.at(-1 - job);
    if (!last) return;
    const signal = this.#signal(abort);
    if (op === "statusOf") {
      this.#watch("statusOf", this.#client.statusOf(last.unique ?? "nobody", signal), abort, ({ state }) => state);
      return;
    }
    const acceptance = last.accepted.at(-1);
    if (!acceptance) return;
    const { submitted } = last;
    const { job: known, server } = acceptance;
    this.#watch(`status of ${last.id}`, this.#client.status(known.handle, signal), abort, (status) => {
      // Its handle is good as long as its server, and a server forgets a job only once that is done.
      const sure = last.background && !last.unique && !server.kills.some((time) => time >= submitted);
      if (!status.known && sure && !this.#ledger.isDone(last)) throw new Error("the server has forgotten it");
      return status.state;
    });
  }

  ping(): void {
    this.#watch("ping", this.#client.ping(), undefined, () => "pong");
  }

  /** Ends at once, or within a time, and is another one then. */
  leave(at: "once" | "ease", flavour: number): void {
    this.#life.closed = true;
    if (at === "once") this.#client.destroy();
    else this.#watch("close", this.#client.close({ timeout: 300 }), undefined, () => "closed", 300 + CLOSING);
    this.#client = this.#make(flavour);
  }

  async end(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#life.closed = true;
    await this.#client.close({ timeout: 2_000 });
  }

  #make(flavour: number): Client {
    this.#life = { closed: false };
    return new Client(this.lines.addresses, { ...TIMES, ...FLAVOURS[flavour] });
  }

  #unique({ unique, mixed }: SubmitOperation, background: boolean): string {
    return `${mixed ? "m" : background ? "b" : "f"}${unique}`;
  }

  #signal(abort: number | undefined): { signal?: AbortSignal } {
    if (abort === undefined) return {};
    const controller = new AbortController();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      controller.abort(new Aborted());
    }, abort);
    this.#timers.add(timer);
    return { signal: controller.signal };
  }

  #accepted(submission: Submission, job: JobHandle): void {
    this.#ledger.accepted(submission, job, this.lines.server(job.server));
  }

  #ours(id: number, submission: Submission): string {
    const wrong = this.#ledger.wrong(id, submission);
    if (wrong) throw new Error(wrong);
    return "done";
  }

  #behaved(behaviour: Behaviour, submission: Submission): void {
    const wrong = this.#ledger.misbehaved(behaviour, submission);
    if (wrong) throw new Error(wrong);
  }

  #watch<T>(
    what: string,
    promise: Promise<T>,
    abort: number | undefined,
    read: (value: T) => string,
    limit = LIMIT,
    judge: (error: unknown) => void = () => {},
  ): void {
    const life = this.#life;
    const time = abort === undefined ? limit : Math.min(abort, limit);
    this.#promises.watch(what, promise, time, (value, error) => {
      if (error === undefined) return read(value as T);
      if (error instanceof Aborted && abort !== undefined) return "aborted";
      if (!(error instanceof GearmanError)) throw error;
      judge(error);
      const { code } = error;
      if (code === "CLOSED" && !life.closed) throw new Error("it was told that its client is closed");
      if (["PROTOCOL", "SERVER", "REFUSED", "REQUEST_SCOPE"].includes(code)) throw error;
      return code;
    });
  }
}

/** Milliseconds that a connection may take to be gone after its client was closed. */
const CLOSING = 1_500;
