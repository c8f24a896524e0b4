import { checkFunction, checkOptions, checkWord, show } from "../connection/check.js";
import type { BackgroundOptions, JobHandle, PayloadInput, Priority } from "../index.js";
import { ACTIONS, decodeMessage, encodeMessage, type RecordAction, type RecordMessage } from "./message.js";

/** What submits: a `Client`, or whatever has its `background`. */
export interface Submitter {
  background(name: string, workload: PayloadInput, options?: BackgroundOptions): Promise<JobHandle>;
}

/** What is told of one model. */
export interface ModelOptions {
  /** What of it makes a job; default: all. */
  actions?: readonly RecordAction[] | undefined;
  /** Fields that are left out of the job: passwords, large texts. What the key is made of stays in the job's `key`. */
  omit?: readonly string[] | undefined;
  /** The fields of the primary key, where the ORM doesn't say them; default `id` (Prisma; Drizzle with a composite key). */
  key?: string | readonly string[] | undefined;
  /** The function that its jobs go to; default: the prefix and the model's name. */
  function?: string | undefined;
  /** The priority of its jobs; default normal. */
  priority?: Priority | undefined;
}

/** Options of all three: Prisma's extension, TypeORM's subscriber and Drizzle's records. */
export interface RecordsOptions {
  /** Submits the jobs. */
  client: Submitter;
  /** Which models have jobs, by name (`true`: with the defaults); default: all of them. */
  models?: Readonly<Record<string, ModelOptions | true>> | undefined;
  /** What stands before a model's name in its function's; default `record.`. */
  prefix?: string | undefined;
  /**
   * Called with jobs that could not be submitted, once what they tell of is committed. Default: the call that wrote
   * the record rejects with a `RecordJobError`, although the record is written. Who must not lose one uses the outbox.
   */
  onError?: ((error: RecordJobError) => void) | undefined;
}

/** A record is written, and jobs that tell of it could not be submitted. */
export class RecordJobError extends Error {
  override readonly name = "RecordJobError";
  /** The jobs that are missing, or not known to be there: a server may have taken one, and its answer was lost. */
  readonly jobs: readonly RecordMessage[];

  constructor(jobs: readonly RecordMessage[], cause: unknown) {
    const [first] = jobs;
    const others = jobs.length > 1 ? ` and ${jobs.length - 1} more` : "";
    const reason = cause instanceof Error ? cause.message : String(cause);
    const what = first ? `${first.action} of ${first.model} ${JSON.stringify(first.key ?? {}, printable)}` : "a record";
    super(`the change is written, and its job could not be submitted: ${what}${others}: ${reason}`, { cause });
    this.jobs = jobs;
  }
}

const printable = (_: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);

type Row = Readonly<Record<string, unknown>>;

const NAMES = ["client", "models", "prefix", "onError"];
const MODEL_NAMES = ["actions", "omit", "key", "function", "priority"];

/** Makes jobs of what happens to records, and submits them. */
export class Records {
  readonly #client: Submitter;
  readonly #models: ReadonlyMap<string, ModelOptions> | undefined;
  readonly #prefix: string;
  readonly #onError: ((error: RecordJobError) => void) | undefined;

  /** @throws TypeError when an option is wrong */
  constructor(options: RecordsOptions) {
    checkOptions(options, "records", NAMES);
    const { client, models, prefix = "record.", onError } = options;
    if (typeof client?.background !== "function") throw new TypeError(`client must be a Client, not ${show(client)}`);
    if (typeof prefix !== "string") throw new TypeError(`prefix must be a string, not ${show(prefix)}`);
    if (onError !== undefined && typeof onError !== "function")
      throw new TypeError(`onError must be a function, not ${show(onError)}`);
    if (models !== undefined && (typeof models !== "object" || models === null || Array.isArray(models)))
      throw new TypeError(`models must be an object, not ${show(models)}`);
    this.#client = client;
    this.#prefix = prefix;
    this.#onError = onError;
    this.#models = models && new Map(Object.entries(models).map(([name, of]) => [name, checkModel(name, of)]));
  }

  /**
   * Looks for the names in `models` among those that there are, with their fields.
   * @throws TypeError when there is no such model or field: a misspelt one would have no jobs, or show what is to be left out
   */
  checkModels(known: ReadonlyMap<string, readonly string[]>): void {
    for (const model of this.#models?.keys() ?? []) {
      const fields = known.get(model);
      if (!fields)
        throw new TypeError(
          `models has ${show(model)}, and there is no such model; there are ${[...known.keys()].join(", ")}`,
        );
      this.#checkOmit(model, fields);
      if (this.#models?.get(model)?.key !== undefined) this.checkKey(model, [], fields);
    }
  }

  /**
   * Looks for a model's key among its fields, before anything is written.
   * @returns the names of the key's fields
   * @throws TypeError when one isn't there
   */
  checkKey(model: string, known: readonly string[], fields: readonly string[]): readonly string[] {
    this.#checkOmit(model, fields);
    const names = this.#keysOf(model, known);
    const missing = names.find((name) => !fields.includes(name));
    if (missing !== undefined) throw noKey(model, missing);
    return names;
  }

  /** Which fields of a model are left out. */
  omitted(model: string): readonly string[] {
    return this.#models?.get(model)?.omit ?? [];
  }

  /** Whether a model has jobs of such an action. */
  wants(model: string, action: RecordAction): boolean {
    if (this.#models && !this.#models.has(model)) return false;
    return this.#models?.get(model)?.actions?.includes(action) ?? true;
  }

  /** The job that tells of a change. `key`: the fields of the primary key, where the ORM knows them. */
  change(
    model: string,
    action: RecordAction,
    row: Row,
    key: readonly string[],
    modified?: readonly string[],
  ): RecordMessage {
    const record = this.#shown(model, row);
    const message = { model, action, key: this.#keyOf(model, row, key), record, ...(modified && { modified }) };
    try {
      return snapshot(message);
    } catch {
      // The record is written: what can't be told of it is told when the job is submitted.
      return message;
    }
  }

  /** A job of yours for one record. What can't be written as JSON is refused now, and not after a commit. */
  own(model: string, action: string, row: Row, key: readonly string[], args: unknown): RecordMessage {
    checkAction(action);
    const record = this.#shown(model, row);
    return snapshot({ model, action, key: this.#keyOf(model, row, key), record, ...(args !== undefined && { args }) });
  }

  /** A job of yours for a model as a whole. */
  table(model: string, action: string, args: unknown): RecordMessage {
    checkAction(action);
    return snapshot({ model, action, ...(args !== undefined && { args }) });
  }

  /** Submits one job. Rejects as `client.background` does. */
  submit(message: RecordMessage, options?: BackgroundOptions): Promise<JobHandle> {
    const { function: name = this.#prefix + message.model, priority } = this.#models?.get(message.model) ?? {};
    return this.#client.background(name, encodeMessage(message), { ...(priority && { priority }), ...options });
  }

  /** Submits what is committed, in its order. @throws RecordJobError unless there is an `onError` */
  async committed(messages: readonly RecordMessage[]): Promise<void> {
    const outcomes = await Promise.allSettled(messages.map(async (message) => this.submit(message)));
    const missing = messages.filter((_, index) => outcomes[index]?.status === "rejected");
    if (missing.length === 0) return;
    const error = new RecordJobError(missing, outcomes.find((outcome) => outcome.status === "rejected")?.reason);
    if (!this.#onError) throw error;
    this.#onError(error);
  }

  #keysOf(model: string, known: readonly string[]): readonly string[] {
    const { key = known.length > 0 ? known : "id" } = this.#models?.get(model) ?? {};
    return typeof key === "string" ? [key] : key;
  }

  #keyOf(model: string, row: Row, known: readonly string[]): Row {
    const names = this.#keysOf(model, known);
    const missing = names.find((name) => row[name] === undefined);
    if (missing !== undefined) throw noKey(model, missing);
    return Object.fromEntries(names.map((name) => [name, row[name]]));
  }

  #shown(model: string, row: Row): Row {
    const omit = this.omitted(model);
    return Object.fromEntries(Object.entries(row).filter(([name]) => !omit.includes(name)));
  }

  #checkOmit(model: string, fields: readonly string[]): void {
    const unknown = this.omitted(model).find((name) => !fields.includes(name));
    if (unknown !== undefined)
      throw new TypeError(
        `models.${model}.omit has ${show(unknown)}, and ${model} has no such field; it has ${fields.join(", ")}`,
      );
  }
}

/** As it is now: it may wait for a commit, and what it was made of may change by then. */
function snapshot(message: RecordMessage): RecordMessage {
  return decodeMessage(encodeMessage(message));
}

function noKey(model: string, name: string): TypeError {
  return new TypeError(`a record of ${model} has no field ${name}: name its key by models.${model}.key`);
}

function checkAction(action: string): void {
  if (typeof action !== "string" || action === "" || ACTIONS.includes(action)) {
    throw new TypeError(`a job's name must be a string other than ${ACTIONS.join(", ")}, not ${show(action)}`);
  }
}

function checkModel(name: string, of: ModelOptions | true): ModelOptions {
  if (of === true) return {};
  checkOptions(of, `models.${name}`, MODEL_NAMES);
  for (const option of ["actions", "omit"] as const) checkNames(of[option], `models.${name}.${option}`);
  if (typeof of.key !== "string") checkNames(of.key, `models.${name}.key`);
  if (of.key?.length === 0) throw new TypeError(`models.${name}.key must name a field at least`);
  if (of.function !== undefined) checkFunction(of.function);
  if (of.priority !== undefined) checkWord(of.priority, `models.${name}.priority`, ["high", "normal", "low"]);
  const unknown = of.actions?.find((action) => !ACTIONS.includes(action));
  if (unknown !== undefined) {
    throw new TypeError(`models.${name}.actions may have ${ACTIONS.join(", ")}, not ${show(unknown)}`);
  }
  return of;
}

function checkNames(value: unknown, what: string): void {
  if (value === undefined || (Array.isArray(value) && value.every((item) => typeof item === "string"))) return;
  throw new TypeError(`${what} must be a list of strings, not ${show(value)}`);
}
