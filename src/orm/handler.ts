import { checkOptions, show } from "../check.js";
import type { Job } from "../index.js";
import { ACTIONS, decodeMessage } from "./message.js";

/** What a record's handlers get beside the record. */
export interface RecordContext<Row> {
  /** The job itself: its signal, its handle, and so on. */
  readonly job: Job;
  readonly model: string;
  /** What happened, or the job's name. */
  readonly action: string;
  /** The primary key's fields; `undefined` in a job for the whole table, or when a trigger's record hasn't got them. */
  readonly key: Readonly<Record<string, unknown>> | undefined;
  /**
   * Loads the record as it is now: the job's is as it was when it was submitted, and in JSON's types.
   * `undefined`: it is gone. @throws TypeError without a `refresh` in the handler's options
   */
  refresh(): Promise<Row | undefined>;
}

/** What is to be done on the worker's side. What is left out is done nothing for. `Row`: a record, as JSON has it. */
export interface RecordHandlers<Row extends object = Record<string, unknown>, Loaded = Row> {
  /** A record was inserted; without `onUpsert`, `onUpdate` gets those of which nobody knows. */
  onInsert?(record: Row, context: RecordContext<Loaded>): unknown;
  /** A record was updated: these of its fields. */
  onUpdate?(record: Row, modified: readonly string[], context: RecordContext<Loaded>): unknown;
  /** A record was inserted or updated, the ORM doesn't say which; default: `onUpdate`. */
  onUpsert?(record: Row, modified: readonly string[], context: RecordContext<Loaded>): unknown;
  /** A record was deleted: as it was. */
  onDelete?(record: Row, context: RecordContext<Loaded>): unknown;
  /** Jobs of yours for one record, by name. */
  jobs?: Readonly<Record<string, (record: Row, args: unknown, context: RecordContext<Loaded>) => unknown>>;
  /** Jobs of yours for a whole table, by name. */
  tableJobs?: Readonly<Record<string, (args: unknown, context: RecordContext<Loaded>) => unknown>>;
  /** The primary key's fields, for jobs of the outbox's triggers, which don't name them; default `id`. */
  key?: string | readonly string[];
  /** Loads a record by its key; `undefined` or `null`: it is gone. */
  refresh?(key: Readonly<Record<string, unknown>>): Loaded | null | undefined | Promise<Loaded | null | undefined>;
}

const FUNCTIONS = ["onInsert", "onUpdate", "onUpsert", "onDelete", "refresh"] as const;

/**
 * Makes a worker's handler of them: `worker.add("record.Article", recordHandler({ onUpdate(article, modified) { … } }))`.
 * It works off the jobs of Prisma, TypeORM and Drizzle, and those that the outbox's triggers write (`outbox.watch`).
 * A job's result is what they return. One of a name that nobody handles fails, with words that say so.
 * @throws TypeError when a handler is wrong
 */
export function recordHandler<Row extends object = Record<string, unknown>, Loaded = Row>(
  handlers: RecordHandlers<Row, Loaded>,
): (job: Job) => Promise<unknown> {
  const keyNames = checkHandlers(handlers);
  return async (job) => {
    const message = decodeMessage(job.workload.text());
    const { model, action, record, modified = [], args } = message;
    const key = message.key ?? pick(record, keyNames);
    const row = record as Row | undefined;
    const context: RecordContext<Loaded> = {
      ...{ job, model, action, key },
      async refresh() {
        if (!handlers.refresh) throw new TypeError(`${model} has no \`refresh\` that would load a record`);
        if (!record) throw new TypeError(`a job for all of ${model} has no record`);
        if (!key)
          throw new TypeError(`a record of ${model} has no field ${keyNames.join(" and ")}: name its key by \`key\``);
        return (await handlers.refresh(key)) ?? undefined;
      },
    };
    if (row === undefined) {
      const own = Object.hasOwn(handlers.tableJobs ?? {}, action) ? handlers.tableJobs?.[action] : undefined;
      if (!own) throw new TypeError(`nobody handles the job ${action} for the table ${model}`);
      return own(args, context);
    }
    switch (action) {
      case "insert":
        return handlers.onInsert?.(row, context);
      case "update":
        return handlers.onUpdate?.(row, modified, context);
      case "upsert":
        return handlers.onUpsert
          ? handlers.onUpsert(row, modified, context)
          : handlers.onUpdate?.(row, modified, context);
      case "delete":
        return handlers.onDelete?.(row, context);
    }
    const own = Object.hasOwn(handlers.jobs ?? {}, action) ? handlers.jobs?.[action] : undefined;
    if (!own) throw new TypeError(`nobody handles the job ${action} of ${model}`);
    return own(row, args, context);
  };
}

/** The key's fields, if a record has them. */
function pick(record: Readonly<Record<string, unknown>> | undefined, names: readonly string[]) {
  if (!record || names.some((name) => record[name] === undefined)) return undefined;
  return Object.fromEntries(names.map((name) => [name, record[name]]));
}

/** @returns the key's names */
function checkHandlers(handlers: Partial<Record<keyof RecordHandlers, unknown>>): readonly string[] {
  checkOptions(handlers ?? null, "recordHandler", [...FUNCTIONS, "jobs", "tableJobs", "key"]);
  for (const name of FUNCTIONS) {
    if (handlers[name] !== undefined && typeof handlers[name] !== "function")
      throw new TypeError(`${name} must be a function, not ${show(handlers[name])}`);
  }
  for (const kind of ["jobs", "tableJobs"] as const) {
    const jobs = handlers[kind] ?? {};
    if (typeof jobs !== "object" || Array.isArray(jobs))
      throw new TypeError(`${kind} must be an object, not ${show(jobs)}`);
    for (const [name, handler] of Object.entries(jobs)) {
      if (typeof handler !== "function")
        throw new TypeError(`the job ${name} must be a function, not ${show(handler)}`);
      if (ACTIONS.includes(name)) throw new TypeError(`${kind} can't have ${name}: no job of yours may be named so`);
    }
  }
  const names = [handlers.key ?? "id"].flat() as string[];
  if (names.length === 0 || names.some((name) => typeof name !== "string"))
    throw new TypeError(`key must be a string, or a list of strings, not ${show(handlers.key)}`);
  return names;
}
