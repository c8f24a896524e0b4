import { AsyncLocalStorage } from "node:async_hooks";
import type { JobHandle } from "../../index.js";
import type { RecordAction, RecordMessage } from "../message.js";
import { Records, type RecordsOptions } from "../records.js";

/**
 * Submits a job of yours; `recordHandler`'s `jobs` and `tableJobs` work it off. In a `$transaction`: once that has
 * committed, and `undefined` is what it resolves to, as there is no handle yet.
 */
type Background = (job: string, args?: unknown) => Promise<JobHandle | undefined>;

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
  readonly $name?: string;
  readonly name?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface Operation {
  readonly model: string;
  readonly operation: string;
  readonly args: Args;
  query(args: Args): Promise<unknown>;
}

/** What waits for a commit; `undefined` once the transaction has ended: what was begun in it may go on after it. */
interface Waiting {
  messages: RecordMessage[] | undefined;
}

/** A Prisma client, as far as this needs it. */
interface Base {
  $extends(extension: object): never;
  readonly _globalOmit?: unknown;
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
 * @throws TypeError when an option is wrong; `$extends` does when `models` names a model or field that isn't there
 */
export function prismaRecords(options: RecordsOptions): (client: unknown) => Extended {
  const records = new Records(options);
  /** What waits for the commit of the transaction in which this runs. */
  const open = new AsyncLocalStorage<Waiting>();

  return (given: unknown) => {
    const base = given as Base;
    const fields = new Map(modelsOf(base).map(([, model, names]) => [model, names]));
    records.checkModels(fields);

    const viewOf = (model: string): View => {
      const own = fields.get(model) ?? [];
      const key = records.checkKey(model, [], own);
      const hidden = hiddenBy(base, model);
      const shown = own.filter((name) => !hidden?.includes(name));
      const wanted = hidden ? shown.filter((name) => !records.omitted(model).includes(name)) : [];
      const withKey = (names: string[]) => [...new Set([...names, ...key])];
      return { wanted: withKey(wanted), told: withKey(shown), hidden: hidden ?? [] };
    };

    const written = async ({ model, operation, args, query }: Operation): Promise<unknown> => {
      const action = Object.hasOwn(OPERATIONS, operation) ? OPERATIONS[operation] : undefined;
      if (!action || !records.wants(model, action)) return query(args);
      const view = viewOf(model);
      const result = await query(withFields(args, view));
      const rows = (Array.isArray(result) ? result : [result]) as Row[];
      const modified = modifiedBy(action, args);
      await done(rows.map((row) => records.change(model, action, only(row, view.told), [], modified)));
      for (const row of rows) hide(row, args, view);
      return result;
    };

    const done = async (messages: readonly RecordMessage[]) => {
      const waiting = open.getStore()?.messages;
      if (waiting) waiting.push(...messages);
      else await records.committed(messages);
    };

    /** A job of yours. */
    const submit = async (message: RecordMessage): Promise<JobHandle | undefined> => {
      const waiting = open.getStore()?.messages;
      if (!waiting) return records.submit(message);
      waiting.push(message);
      return undefined;
    };

    const models = base.$extends({
      name: "edgear records",
      query: { $allModels: { $allOperations: written } },
      model: {
        $allModels: {
          async $background(this: { $name: string }, job: string, args?: unknown) {
            return submit(records.table(this.$name, job, args));
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
                submit(records.own(model, job, only(row, viewOf(model).told), [], args)),
            },
          },
        ]),
      ),
    }) as { $extends(extension: object): never; $transaction(...args: unknown[]): Promise<unknown> };

    // A second one: its `$transaction` is the first one's, whose transactions know the queries above. Called for the client
    // that the caller has: what extends it further must be in its transactions as well.
    return models.$extends({
      name: "edgear records' transactions",
      client: {
        async $transaction(this: unknown, ...args: unknown[]) {
          const messages: RecordMessage[] = [];
          const waiting: Waiting = { messages };
          try {
            const result = await open.run(waiting, () => models.$transaction.apply(this, args));
            waiting.messages = undefined;
            await records.committed(messages);
            return result;
          } finally {
            waiting.messages = undefined;
          }
        },
      },
    });
  };
}

/** The properties of a client that are models, the models' names, and their fields. */
function modelsOf(client: object): [property: string, model: string, fields: string[]][] {
  return Object.keys(client)
    .filter((name) => !/^[$_]/.test(name))
    .map((name) => [name, (client as Record<string, Delegate>)[name]] as const)
    .flatMap(([property, delegate]) => {
      if (typeof delegate !== "object" || !("fields" in delegate)) return [];
      return [[property, delegate.$name ?? delegate.name ?? property, Object.keys(delegate.fields)]];
    });
}

/** What a query needs to know of a model. */
interface View {
  /** Fields that are asked for, whatever the call says. */
  readonly wanted: readonly string[];
  /** Fields that go into the job. */
  readonly told: readonly string[];
  /** Fields that the client's own `omit` hides from everyone. */
  readonly hidden: readonly string[];
}

/**
 * The fields that the client's own `omit` hides. Prisma keeps it, but has no public way to ask for it. `undefined`: it
 * can't be found; then no more fields than the key are asked for.
 */
function hiddenBy(base: Base, model: string): string[] | undefined {
  if (!("_globalOmit" in base)) return undefined;
  const omit = Object(base._globalOmit)[model.slice(0, 1).toLowerCase() + model.slice(1)];
  return Object.entries(Object(omit)).flatMap(([name, hidden]) => (hidden === true ? [name] : []));
}

/** The same, with what the job needs asked for as well. What isn't, is left as the call has it. */
function withFields(args: Args, { wanted, hidden }: View): Args {
  const { select, omit, ...rest } = args as { select?: Args; omit?: Args };
  if (select) return { ...rest, select: { ...select, ...Object.fromEntries(wanted.map((name) => [name, true])) } };
  const back = wanted.filter((name) => omit?.[name] ?? hidden.includes(name));
  return back.length > 0
    ? { ...rest, omit: { ...omit, ...Object.fromEntries(back.map((name) => [name, false])) } }
    : args;
}

/** Takes away again what the caller had not asked for: not altogether, as computed fields are made of it later. */
function hide(row: Row, args: { select?: Args; omit?: Args }, { wanted, hidden }: View): void {
  const { select, omit } = args;
  for (const name of wanted) {
    const asked = select ? select[name] : !(omit?.[name] ?? hidden.includes(name));
    if (!asked && name in row) Object.defineProperty(row, name, { enumerable: false });
  }
}

function only(row: Row, fields: readonly string[]): Row {
  return Object.fromEntries(fields.filter((name) => name in row).map((name) => [name, row[name]]));
}

/** The fields and relations that an update sets: a relation may set a field, and Prisma doesn't say which. */
function modifiedBy(action: RecordAction, args: Args): string[] | undefined {
  if (action !== "update" && action !== "upsert") return undefined;
  const data = Object(action === "update" ? args.data : args.update) as Args;
  return Object.keys(data).filter((name) => data[name] !== undefined);
}
