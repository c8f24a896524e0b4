import { AsyncLocalStorage } from "node:async_hooks";
import type { JobHandle } from "../../index.js";
import type { RecordAction, RecordMessage } from "../message.js";
import { Records, type RecordsOptions } from "../records.js";

/** Submits a job of yours for one record; `recordHandler`'s `jobs` work it off. */
type Background = (job: string, args?: unknown) => Promise<JobHandle>;

/** What it adds to a Prisma client, in the terms of Prisma's own types. */
interface Extended {
  readonly $extends: {
    readonly extArgs: {
      readonly result: {
        readonly $allModels: { readonly background: () => { needs: object; compute: () => Background } };
      };
      readonly model: { readonly $allModels: { readonly $background: () => Background } };
      readonly query: Record<never, never>;
      readonly client: Record<never, never>;
    };
  };
}

type Args = Record<string, unknown>;
type Row = Record<string, unknown>;

interface Delegate {
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Operation {
  readonly model: string;
  readonly operation: string;
  readonly args: Args;
  query(args: Args): Promise<unknown>;
}

/** The operations that give the records that they wrote. */
const OPERATIONS: Readonly<Record<string, RecordAction>> = {
  create: "insert",
  createManyAndReturn: "insert",
  update: "update",
  updateManyAndReturn: "update",
  upsert: "upsert",
  delete: "delete",
};

/**
 * A Prisma client extension: `prisma.$extends(prismaRecords({ client }))`. A job is submitted for each record that
 * `create`, `createManyAndReturn`, `update`, `updateManyAndReturn`, `upsert` and `delete` write, in `$transaction` once
 * that has committed. Prisma gives no records of `createMany`, `updateMany` and `deleteMany`, and tells extensions
 * nothing of nested writes, cascades and raw SQL: those have no jobs. Each record has `background(job, args)`, each
 * model `$background(job, args)`.
 * @throws TypeError when an option is wrong
 */
export function prismaRecords(options: RecordsOptions): (client: unknown) => Extended {
  const records = new Records(options);
  /** What waits for the commit of the transaction in which this runs. */
  const open = new AsyncLocalStorage<RecordMessage[]>();

  return (given: unknown) => {
    const base = given as { $extends(extension: object): never };
    const fieldsOf = (model: string) => {
      const delegate = base[(model.slice(0, 1).toLowerCase() + model.slice(1)) as never] as Delegate;
      return Object.keys(delegate.fields);
    };

    const written = async ({ model, operation, args, query }: Operation): Promise<unknown> => {
      const action = Object.hasOwn(OPERATIONS, operation) ? OPERATIONS[operation] : undefined;
      if (!action || !records.wants(model, action)) return query(args);
      const fields = fieldsOf(model);
      const result = await query(withFields(args, fields));
      const rows = (Array.isArray(result) ? result : [result]) as Row[];
      const modified = modifiedBy(action, args, fields);
      const messages = rows.map((row) => records.change(model, action, only(row, fields), [], modified));
      const waiting = open.getStore();
      if (waiting) waiting.push(...messages);
      else await records.committed(messages);
      for (const row of rows) hide(row, args, fields);
      return result;
    };

    const models = base.$extends({
      name: "edgear records",
      query: { $allModels: { $allOperations: written } },
      model: {
        $allModels: {
          async $background(this: { $name: string }, job: string, args?: unknown) {
            return records.submit(records.table(this.$name, job, args));
          },
        },
      },
      result: Object.fromEntries(
        modelsOf(base).map(([property, model]) => [
          property,
          {
            background: {
              needs: {},
              compute: (row: Row) => async (job: string, args?: unknown) =>
                records.submit(records.own(model, job, only(row, fieldsOf(model)), [], args)),
            },
          },
        ]),
      ),
    }) as { $extends(extension: object): never; $transaction(...args: unknown[]): Promise<unknown> };

    // A second one: its `$transaction` is the first one's, whose transactions know the queries above.
    return models.$extends({
      name: "edgear records' transactions",
      client: {
        async $transaction(...args: unknown[]) {
          const messages: RecordMessage[] = [];
          const result = await open.run(messages, () => models.$transaction(...args));
          await records.committed(messages);
          return result;
        },
      },
    });
  };
}

/** The properties of a client that are models, and the models' names. */
function modelsOf(client: object): [property: string, model: string][] {
  return Object.keys(client)
    .filter((name) => !/^[$_]/.test(name))
    .map((name) => [name, (client as Record<string, { $name?: string; name?: string }>)[name]] as const)
    .filter(([, delegate]) => typeof delegate === "object" && "fields" in delegate)
    .map(([name, delegate]) => [name, delegate?.$name ?? delegate?.name ?? name]);
}

/** The same, with all of the record's own fields asked for. */
function withFields(args: Args, fields: readonly string[]): Args {
  const { select, omit, ...rest } = args as { select?: Args; omit?: Args };
  if (select) return { ...rest, select: { ...select, ...Object.fromEntries(fields.map((name) => [name, true])) } };
  return omit ? { ...rest, omit: Object.fromEntries(fields.map((name) => [name, false])) } : args;
}

/** Takes away again what the caller had not asked for. */
function hide(row: Row, { select, omit }: { select?: Args; omit?: Args }, fields: readonly string[]): void {
  for (const name of fields) if (select ? !select[name] : omit?.[name] === true) delete row[name];
}

function only(row: Row, fields: readonly string[]): Row {
  return Object.fromEntries(fields.filter((name) => name in row).map((name) => [name, row[name]]));
}

/** The fields that an update sets. */
function modifiedBy(action: RecordAction, args: Args, fields: readonly string[]): string[] | undefined {
  if (action !== "update" && action !== "upsert") return undefined;
  const data = Object(action === "update" ? args.data : args.update) as Args;
  return fields.filter((name) => data[name] !== undefined);
}
