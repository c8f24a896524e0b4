import type { JobHandle } from "../../index.js";
import type { RecordMessage } from "../message.js";
import { Records, type RecordsOptions } from "../records.js";

/** What this needs of TypeORM's metadata of an entity. */
interface EntityMetadata {
  readonly name: string;
  readonly primaryColumns: readonly ColumnMetadata[];
  readonly columns: readonly ColumnMetadata[];
}

interface ColumnMetadata {
  /** With what it is embedded in before it: `billing.street`. */
  readonly propertyPath: string;
  getEntityValue(entity: object): unknown;
}

/** TypeORM's query runner: one connection, and its transaction. */
interface QueryRunner {
  readonly isTransactionActive: boolean;
}

interface ChangeEvent {
  readonly metadata: EntityMetadata;
  readonly queryRunner: QueryRunner;
  readonly entity?: object | undefined;
  readonly databaseEntity?: object | undefined;
  readonly updatedColumns?: readonly ColumnMetadata[];
  readonly updatedRelations?: readonly { readonly propertyPath: string }[];
}

/** TypeORM's data source, as far as this needs it: `DataSource` is one. */
export interface RecordSource {
  readonly subscribers: object[];
  readonly isInitialized: boolean;
  readonly entityMetadatas: readonly object[];
  getMetadata(target: never): object;
}

/**
 * Jobs of yours, for entities of a data source. They are submitted at once: nothing tells these methods of a transaction
 * that is open, so call them after it.
 */
export interface TypeormRecords {
  /** Submits a job of yours for one entity; `recordHandler`'s `jobs` work it off. */
  background(entity: object, job: string, args?: unknown): Promise<JobHandle>;
  /** Submits a job of yours for all of an entity's table; `recordHandler`'s `tableJobs` work it off. */
  backgroundTable(target: unknown, job: string, args?: unknown): Promise<JobHandle>;
}

/**
 * Has a job submitted for each entity that a TypeORM data source inserts, updates, removes, soft-removes (an update of
 * its date) or recovers, once its transaction has committed. `repository.insert`, `upsert` and a query builder's inserts
 * are told as inserts, with what they were given. What TypeORM tells its subscribers nothing of has none: updates and
 * deletions by query builders, `repository.update` and `delete`, cascades of the database, plain SQL.
 * @throws TypeError when an argument is wrong, `models` names an entity or property that isn't there, or the data source
 * isn't initialized yet
 */
export function typeormRecords(source: RecordSource, options: RecordsOptions): TypeormRecords {
  if (!Array.isArray(source?.subscribers)) throw new TypeError("the first argument must be TypeORM's DataSource");
  // Its subscribers are made anew then.
  if (!source.isInitialized) throw new TypeError("the DataSource must be initialized before");
  const records = new Records(options);
  const metadatas = source.entityMetadatas as readonly EntityMetadata[];
  records.checkModels(new Map(metadatas.map(({ name, columns }) => [name, columns.map(pathOf)])));
  source.subscribers.push(new RecordSubscriber(records));
  const metadataOf = (target: unknown) => source.getMetadata(target as never) as EntityMetadata;
  return {
    async background(entity, job, args) {
      const metadata = metadataOf(entity.constructor);
      return records.submit(records.own(metadata.name, job, rowOf(metadata, [entity]), keysOf(metadata), args));
    },
    async backgroundTable(target, job, args) {
      return records.submit(records.table(metadataOf(target).name, job, args));
    },
  };
}

/** One of TypeORM's subscribers: it is told of what is written, and of the ends of transactions. */
class RecordSubscriber {
  readonly #records: Records;
  /** What waits for the commit, by connection: a list for the transaction, and one for each savepoint in it. */
  readonly #open = new WeakMap<QueryRunner, RecordMessage[][]>();

  constructor(records: Records) {
    this.#records = records;
  }

  afterInsert(event: ChangeEvent) {
    return this.#changed("insert", event, [event.entity]);
  }

  afterUpdate(event: ChangeEvent) {
    // Of a query builder's, which has what was set only, and for no record in particular.
    if (!event.databaseEntity) return undefined;
    const columns = event.updatedColumns ?? [];
    const names = [...columns, ...(event.updatedRelations ?? [])].map(({ propertyPath }) => propertyPath);
    return this.#changed("update", event, [event.entity, event.databaseEntity], [...new Set(names)]);
  }

  afterRemove(event: ChangeEvent) {
    return this.#changed("delete", event, [event.databaseEntity, event.entity]);
  }

  afterSoftRemove(event: ChangeEvent) {
    return this.#changed("update", event, [event.entity, event.databaseEntity], deletionOf(event.metadata));
  }

  afterRecover(event: ChangeEvent) {
    return this.#changed("update", event, [event.entity, event.databaseEntity], deletionOf(event.metadata));
  }

  afterTransactionStart({ queryRunner }: { queryRunner: QueryRunner }) {
    const levels = this.#open.get(queryRunner);
    if (levels) levels.push([]);
    else this.#open.set(queryRunner, [[]]);
  }

  async afterTransactionCommit({ queryRunner }: { queryRunner: QueryRunner }) {
    const levels = this.#open.get(queryRunner) ?? [];
    const done = levels.pop() ?? [];
    const outer = levels.at(-1);
    if (outer) outer.push(...done);
    else {
      this.#open.delete(queryRunner);
      await this.#records.committed(done);
    }
  }

  afterTransactionRollback({ queryRunner }: { queryRunner: QueryRunner }) {
    const levels = this.#open.get(queryRunner);
    levels?.pop();
    if (!levels?.length) this.#open.delete(queryRunner);
  }

  async #changed(
    action: "insert" | "update" | "delete",
    { metadata, queryRunner }: ChangeEvent,
    given: readonly (object | undefined)[],
    modified?: readonly string[],
  ): Promise<void> {
    // A query builder's update or delete has no entity.
    const entities = given.filter((entity) => entity !== undefined && entity !== null);
    if (entities.length === 0 || !this.#records.wants(metadata.name, action)) return;
    const row = rowOf(metadata, entities, modified);
    const keys = keysOf(metadata);
    if (keys.some((name) => row[name] === undefined)) return;
    const message = this.#records.change(metadata.name, action, row, keys, modified);
    const levels = this.#open.get(queryRunner);
    if (levels && queryRunner.isTransactionActive) levels.at(-1)?.push(message);
    else await this.#records.committed([message]);
  }
}

/**
 * An entity's columns: each from the first of these that has it, as `save` may have been given some fields only. Fields that
 * are declared, and not set, are `undefined`, and null once TypeORM has saved the entity, whatever the database has.
 */
function rowOf(
  { columns }: EntityMetadata,
  entities: readonly object[],
  modified: readonly string[] = [],
): Record<string, unknown> {
  return Object.fromEntries(
    columns.map((column) => {
      // A function is SQL, for a query builder.
      const all = entities
        .map((entity) => column.getEntityValue(entity))
        .filter((value) => typeof value !== "function");
      const values = all.filter((value) => value !== undefined);
      const first = modified.includes(column.propertyPath) ? values[0] : values.find((value) => value !== null);
      return [column.propertyPath, first ?? values[0]];
    }),
  );
}

function keysOf({ primaryColumns }: EntityMetadata): string[] {
  return primaryColumns.map(pathOf);
}

function pathOf({ propertyPath }: ColumnMetadata): string {
  return propertyPath;
}

function deletionOf(metadata: EntityMetadata): string[] {
  const { deleteDateColumn } = metadata as { deleteDateColumn?: ColumnMetadata };
  return deleteDateColumn ? [deleteDateColumn.propertyPath] : [];
}
