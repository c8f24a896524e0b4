import type { Job } from "../index.js";
import { decodeMessage } from "./message.js";

/** What a record's handlers get beside the record. */
export interface RecordContext<Row> {
  /** The job itself: its signal, its handle, and so on. */
  readonly job: Job;
  readonly model: string;
  /** What happened, or the job's name. */
  readonly action: string;
  /** The primary key's fields; `undefined` in a job for the whole table. */
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
  /** Loads a record by its key; `undefined` or `null`: it is gone. */
  refresh?(key: Readonly<Record<string, unknown>>): Loaded | null | undefined | Promise<Loaded | null | undefined>;
}

/**
 * Makes a worker's handler of them: `worker.add("record.Article", recordHandler({ onUpdate(article, modified) { … } }))`.
 * A job's result is what they return. One of a name that nobody handles fails, with words that say so.
 */
export function recordHandler<Row extends object = Record<string, unknown>, Loaded = Row>(
  handlers: RecordHandlers<Row, Loaded>,
): (job: Job) => Promise<unknown> {
  for (const [name, handler] of Object.entries({ ...handlers.jobs, ...handlers.tableJobs })) {
    if (typeof handler !== "function") throw new TypeError(`the job ${name} must be a function`);
  }
  return async (job) => {
    const { model, action, key, record, modified = [], args } = decodeMessage(job.workload.text());
    const row = record as Row | undefined;
    const context: RecordContext<Loaded> = {
      ...{ job, model, action, key },
      async refresh() {
        if (!handlers.refresh) throw new TypeError(`${model} has no \`refresh\` that would load a record`);
        if (!key) throw new TypeError(`a job for all of ${model} has no record`);
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
