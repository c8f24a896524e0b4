import { CLOSE_LIMIT } from "#platform";
import { PacketType } from "../../assembly/protocol.js";
import { machinery } from "../config/machinery.js";
import { parseServers, type Servers } from "../connection/address.js";
import { checkMilliseconds, checkOptions, checkUnique, show } from "../connection/check.js";
import { onAbort } from "../connection/signals.js";
import { abortable } from "../connection/wait.js";
import { ClosedError } from "../errors.js";
import { Emitter } from "../events.js";
import {
  type AnyJobs,
  checkedJson,
  checkValidators,
  type FunctionName,
  type GivenResult,
  type GivenWorkload,
  type JobMap,
  type JobValidators,
  type Validator,
  validatorsOf,
  type WorkloadArguments,
} from "../jobs.js";
import type { Payload, PayloadInput } from "../payload.js";
import { type BulkOptions, checkBulk, submitAll } from "./bulk.js";
import { BackgroundCall, type Call, Question, TaskCall } from "./call.js";
import { untilGone } from "./completed.js";
import { Dispatcher } from "./dispatcher.js";
import type { ClientEvents } from "./events.js";
import type { JobHandle } from "./handle.js";
import {
  type ClientCloseOptions,
  type ClientOptions,
  type CompletedOptions,
  checkClientOptions,
  type WaitOptions,
} from "./options.js";
import { Deferred, type Outcome } from "./outcome.js";
import { checkReference, type JobReference, serverNamed, serversOf } from "./reference.js";
import type { Server } from "./server.js";
import { askInTurn, type JobStatus, readStatus, readUniqueStatus, type UniqueStatus } from "./status.js";
import {
  type BackgroundOptions,
  checkBackground,
  checkForeground,
  type ForegroundOptions,
  type SubmissionDefaults,
  Uniques,
} from "./submission.js";
import { Task } from "./task.js";

/**
 * Submits jobs to Gearman job servers and asks for them. It connects when it is first used, with one connection a
 * server. On Cloudflare Workers, make one inside each handler, and close it with `ctx.waitUntil(client.close())`.
 *
 * `Jobs` maps function names to what they take and give: an interface of yours, or the types of the validators that
 * the option `jobs` has. Without it every function takes and gives anything.
 *
 * What becomes of each call when a connection is lost is told in docs/client.md, "When a connection is lost".
 */
export class Client<Jobs extends JobMap<Jobs> = AnyJobs> extends Emitter<ClientEvents> implements AsyncDisposable {
  /** For the compiler alone: a client of more functions is one of fewer, but not of others. */
  declare protected readonly "~jobs": Jobs;
  readonly #dispatcher: Dispatcher;
  readonly #defaults: SubmissionDefaults;
  readonly #validators: Readonly<Record<string, JobValidators>>;
  readonly #maxInFlight: number;
  #closed: ClosedError | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @param servers default `127.0.0.1:4730`; which of several is used, `balance` says
   * @throws TypeError when a server or an option is wrong
   */
  constructor(servers: Servers = "127.0.0.1", options: ClientOptions<Jobs> = {}) {
    super();
    const uniques = new Uniques();
    const settings = checkClientOptions(options, uniques.prefix);
    checkValidators(options.jobs);
    this.#validators = options.jobs ?? {};
    this.#defaults = { uniques, maxPacketSize: settings.connection.maxPacketSize };
    this.#maxInFlight = settings.maxInFlight;
    this.#dispatcher = new Dispatcher(parseServers(servers), settings, (name, event) => this.emit(name, event));
  }

  /**
   * A client of a connection that the configuration names (docs/configuration.md): `await Client.for("local")`.
   * @param connection default `default`
   * @throws ConfigError (as a rejection) when there is none, the configuration is wrong, or there are no files (Cloudflare Workers)
   * @throws TypeError (as a rejection) when an option is wrong
   */
  static async for<Jobs extends JobMap<Jobs> = AnyJobs>(
    connection?: string,
    options?: ClientOptions<Jobs>,
  ): Promise<Client<Jobs>> {
    const { servers } = await (await machinery()).loadConnection(connection);
    return new Client(servers, options);
  }

  /**
   * Submits a background job: resolves when a server has taken it.
   *
   * When the connection is lost before the server's answer, a job that was not sent yet goes to the next server, and
   * one with a `unique` of yours is submitted again, as that joins it to itself. Otherwise it rejects with
   * `ConnectionLostError`: the server may have taken it.
   * @throws TypeError (as a rejection) when an argument is wrong; nothing was sent then
   * @throws ConnectionError, TimeoutError, ConnectionLostError, ServerError (e.g. a full queue), ClosedError
   */
  background<Name extends FunctionName<Jobs>>(
    name: Name,
    ...args: WorkloadArguments<GivenWorkload<Jobs, Name>, BackgroundOptions>
  ): Promise<JobHandle> {
    const [workload, options] = args as [PayloadInput?, BackgroundOptions?];
    const handle = new Deferred<JobHandle>();
    this.#background(name, workload, options, handle);
    return handle.promise;
  }

  #background(
    name: string,
    workload: PayloadInput,
    options: BackgroundOptions | undefined,
    outcome: Outcome<JobHandle>,
  ): void {
    try {
      const validator = validatorsOf(this.#validators, name).workload;
      const submission = checkBackground(name, validator ? undefined : workload, options, this.#defaults);
      const signal = options?.signal;
      signal?.throwIfAborted();
      if (this.#closed) throw this.#closed;
      if (!validator) {
        this.#dispatch(new BackgroundCall(this.#dispatcher, outcome, submission), signal);
        return;
      }
      this.#whenChecked(validator, name, workload, signal, (wire) => {
        const checked = checkBackground(name, wire, options, this.#defaults);
        this.#dispatch(new BackgroundCall(this.#dispatcher, outcome, checked), signal);
      }).catch((error: unknown) => outcome.reject(error));
    } catch (error) {
      outcome.reject(error);
    }
  }

  /**
   * Submits background jobs in bulk: what `source` gives, each a job's workload. Gives their handles out in the
   * source's order, and reads it no faster than the server answers: with at most `maxInFlight` jobs unanswered, and
   * no faster than the handles are taken. Leaving the loop stops reading; what is on its way is submitted all the same.
   * @throws TypeError when an argument is wrong
   * @throws BulkError (by the loop) when an item could not be submitted: which, why, and what became of those after it
   */
  backgroundAll<Name extends FunctionName<Jobs>, Workload extends GivenWorkload<Jobs, Name>>(
    name: Name,
    source: Iterable<Workload> | AsyncIterable<Workload>,
    options: BulkOptions<Workload> = {},
  ): AsyncGenerator<JobHandle, void, undefined> {
    checkBulk(name, source, options as BulkOptions);
    const { maxInFlight = this.#maxInFlight, unique, ...rest } = options;
    const plain = Reflect.ownKeys(rest).length === 0 ? undefined : rest;
    const submit = (workload: Workload, index: number, outcome: Outcome<JobHandle>) => {
      const own = unique ? { ...rest, unique: unique(workload, index) } : plain;
      this.#background(name, workload as PayloadInput, own, outcome);
    };
    return submitAll(source, submit, maxInFlight, rest.signal);
  }

  /**
   * Submits a foreground job and resolves with its result.
   * @throws TypeError (as a rejection) when an argument is wrong; nothing was sent then
   * @throws whatever `Task.result` rejects with
   */
  run<Name extends FunctionName<Jobs>>(
    name: Name,
    ...args: WorkloadArguments<GivenWorkload<Jobs, Name>, ForegroundOptions>
  ): Promise<Payload<GivenResult<Jobs, Name>>> {
    const [workload, options] = args as [PayloadInput?, ForegroundOptions?];
    try {
      return this.#start<GivenResult<Jobs, Name>>(name, workload, options, false).result;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Submits a foreground job, to follow it: its data, warnings and status as they come, and its result.
   * @throws TypeError when an argument is wrong; nothing was sent then. What a validator refuses, `result` rejects with.
   */
  submit<Name extends FunctionName<Jobs>>(
    name: Name,
    ...args: WorkloadArguments<GivenWorkload<Jobs, Name>, ForegroundOptions>
  ): Task<GivenResult<Jobs, Name>> {
    const [workload, options] = args as [PayloadInput?, ForegroundOptions?];
    return this.#start(name, workload, options, true);
  }

  /** @param told whether somebody may read what the job tells on the way */
  #start<Result>(
    name: string,
    workload: PayloadInput,
    options: ForegroundOptions | undefined,
    told: boolean,
  ): Task<Result> {
    const { workload: validator, result } = validatorsOf(this.#validators, name);
    const task = new Task<Result>(name, told, result);
    const submission = checkForeground(name, validator ? undefined : workload, options, this.#defaults);
    if (options) task.until(options.signal, options.timeout);
    if (this.#closed) task.fail(this.#closed);
    if (task.done) return task;
    const { closing } = this.#dispatcher;
    // While the result is checked, no connection knows of the task any more. Until then, they know if it was sent.
    if (result) task.onSettled(onAbort(closing, () => task.ended && task.fail(closing.reason)));
    if (validator) {
      const settled = new AbortController();
      task.onSettled(() => settled.abort());
      this.#whenChecked(validator, name, workload, settled.signal, (wire) => {
        const checked = checkForeground(name, wire, options, this.#defaults);
        this.#dispatcher.dispatch(new TaskCall(this.#dispatcher, checked, task));
      }).catch((error: unknown) => task.fail(error));
    } else {
      this.#dispatcher.dispatch(new TaskCall(this.#dispatcher, submission, task));
    }
    return task;
  }

  /**
   * Asks for a job's status. What a submit gave is asked for at the server that took it; a handle's text at the server
   * whose handles look like that, and at all servers when there is none: until one knows it.
   * @throws TypeError (as a rejection) when the handle can't be one, or its server is none of this client's
   * @throws ConnectionError when no server knows the job and one could not be asked; TimeoutError, ConnectionLostError, ClosedError
   */
  status(job: JobReference, options?: WaitOptions): Promise<JobStatus> {
    try {
      checkOptions(options, "status", ["signal"]);
      if (this.#closed) throw this.#closed;
      return this.#status(job, options?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #status(job: JobReference, signal: AbortSignal | undefined): Promise<JobStatus> {
    const { handle, server } = checkReference(job);
    const { servers: all } = this.#dispatcher;
    const servers = server === undefined ? serversOf(handle, all) : [serverNamed(server, all)];
    const { GET_STATUS, STATUS_RES } = PacketType;
    return this.#ask(servers, signal, (outcome: Outcome<JobStatus>) => {
      return new Question(this.#dispatcher, outcome, GET_STATUS, [handle], STATUS_RES, readStatus);
    });
  }

  /**
   * Asks for the job with a unique id, whichever function it is of. Perl's gearmand can't say: a `ServerError`.
   * @throws as `status`
   */
  async statusOf(unique: string, options?: WaitOptions): Promise<UniqueStatus> {
    checkUnique(unique);
    if (unique === "") throw new TypeError("a job without a unique can't be asked for by it: ask by its handle");
    checkOptions(options, "statusOf", ["signal"]);
    if (this.#closed) throw this.#closed;
    const { GET_STATUS_UNIQUE, STATUS_RES_UNIQUE } = PacketType;
    const question = (outcome: Outcome<UniqueStatus>) =>
      new Question(this.#dispatcher, outcome, GET_STATUS_UNIQUE, [unique], STATUS_RES_UNIQUE, readUniqueStatus);
    return this.#ask(this.#dispatcher.servers, options?.signal, question);
  }

  /**
   * Waits until the server no longer knows a job: until it is done, failed, or cancelled. Gearman keeps no results of
   * background jobs and can't say which. A job that is unknown from the start counts as done.
   * @throws TimeoutError when `timeout` is over, and as `status`
   */
  async completed(job: JobReference, options: CompletedOptions = {}): Promise<void> {
    const { handle } = checkReference(job);
    if (this.#closed) throw this.#closed;
    await this.#dispatcher.counted(() => untilGone(handle, (signal) => this.#status(job, signal), options));
  }

  /**
   * The round trip of an echo to the server that serves the next call, in milliseconds.
   * @throws ConnectionError, TimeoutError, ConnectionLostError, ClosedError (as rejections)
   */
  async ping(options?: WaitOptions): Promise<number> {
    checkOptions(options, "ping", ["signal"]);
    const signal = options?.signal;
    signal?.throwIfAborted();
    // What it takes to connect is not the round trip.
    let begin = 0;
    const read = () => performance.now() - begin;
    const begun = () => {
      begin = performance.now();
    };
    if (this.#closed) throw this.#closed;
    const duration = new Deferred<number>();
    const { ECHO_REQ, ECHO_RES } = PacketType;
    this.#dispatch(new Question(this.#dispatcher, duration, ECHO_REQ, [], ECHO_RES, read, begun), signal);
    return duration.promise;
  }

  /**
   * Closes: new calls reject with `ClosedError`, what is in flight (foreground jobs included) is waited for, then
   * the connections are closed. Past `timeout` milliseconds what is in flight is given up as by `destroy`; default: no
   * limit, and 5,000 on Cloudflare Workers. Calling it again gives the same promise.
   */
  close(options: ClientCloseOptions = {}): Promise<void> {
    checkOptions(options, "close", ["timeout"]);
    const { timeout = CLOSE_LIMIT } = options;
    if (timeout !== undefined) checkMilliseconds(timeout, "timeout");
    this.#closing ??= this.#close(timeout);
    return this.#closing;
  }

  /** Closes at once: what is in flight rejects with `ClosedError`. */
  destroy(): void {
    this.#closed ??= new ClosedError("this client was closed");
    this.#dispatcher.destroy(
      new ClosedError("this client was destroyed while this was in flight: whether the server took it is not known"),
    );
  }

  /** Makes the connections anew, without a call that fails. One that can't be had stays as it is. @internal */
  renew(): Promise<void> {
    return this.#dispatcher.renew();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number | undefined): Promise<void> {
    const timer = timeout === undefined ? undefined : setTimeout(() => this.destroy(), timeout);
    this.#closed ??= new ClosedError("this client was closed");
    await this.#dispatcher.idle();
    await this.#dispatcher.end(this.#closed);
    clearTimeout(timer);
  }

  #dispatch(call: Call, signal?: AbortSignal, only?: Server): void {
    this.#dispatcher.dispatch(call, only);
    if (signal) call.until(signal);
  }

  /** Asks servers in turn for a job, until one knows it. */
  #ask<T extends JobStatus>(
    servers: readonly Server[],
    signal: AbortSignal | undefined,
    question: (outcome: Outcome<T>) => Question<T>,
  ): Promise<T> {
    const one = (server: Server) => {
      signal?.throwIfAborted();
      const answer = new Deferred<T>();
      this.#dispatch(question(answer), signal, server);
      return answer.promise;
    };
    const [first] = servers;
    if (first && servers.length === 1) return one(first);
    return this.#dispatcher.counted(() => askInTurn(servers, signal, one));
  }

  /**
   * Has a workload checked, and submits it when it is valid. Until then it is in flight as any call: a client that is
   * closed waits for it, and neither a signal nor `destroy` waits for a validator that takes its time.
   */
  #whenChecked(
    validator: Validator,
    name: string,
    workload: PayloadInput,
    signal: AbortSignal | undefined,
    submit: (wire: string) => void,
  ): Promise<unknown> {
    const checking = () => abortable(checkedJson(validator, workload, `the workload of ${show(name)}`), signal);
    return this.#dispatcher.counted(checking, submit);
  }
}
