import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { Client } from "edgear";
import { RecordJobError } from "edgear/orm";
import { prismaRecords } from "edgear/orm/prisma";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { AWAY, fresh } from "../conformance/names.ts";
import { root } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";
import { type DatabaseServer, startPostgres } from "../support/databases.ts";
import { type Recorder, record } from "./worker.ts";

const [{ address } = { address: "" }] = inject("servers");
const folder = path.join(root, "test/orm/prisma");
/** Apart: a package of its own would hide the one that is tested. */
const prisma = path.join(folder, "package");

/** Installs Prisma, whose 150 packages are no dependency of ours, and has it generate its client. */
async function generate(): Promise<void> {
  const run = async (program: string, ...args: string[]) => {
    const none = path.join(prisma, "node_modules/.no-engine");
    // Generating needs no engine, but Prisma would download one unless it is told where it is.
    const env = { PRISMA_SCHEMA_ENGINE_BINARY: none, CHECKPOINT_DISABLE: "1", PRISMA_HIDE_UPDATE_MESSAGE: "1" };
    if (existsSync(path.dirname(none))) await writeFile(none, "#!/bin/sh\n", { mode: 0o755 });
    const { code, stdout, stderr } = await command(program, args, { cwd: prisma, timeout: 120_000, env });
    if (code !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}${stderr}`);
  };
  const installed = path.join(prisma, "node_modules/prisma/build/index.js");
  if (!existsSync(installed)) await run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund");
  await run(process.execPath, installed, "generate", "--schema", "schema.prisma");
  await run(process.execPath, path.join(root, "node_modules/typescript/bin/tsc"), "-p", folder);
}

interface Scenario {
  readonly TABLES: string[];
  connect(url: string, client: Client, prefix: string): { plain: PrismaLike; prisma: PrismaLike };
  written(prisma: PrismaLike): Promise<void>;
  typed(prisma: PrismaLike): Promise<string>;
  selected(prisma: PrismaLike): Promise<unknown[]>;
  related(prisma: PrismaLike): Promise<void>;
  transactions(prisma: PrismaLike, between: () => Promise<void>): Promise<void>;
  rolledBack(prisma: PrismaLike): Promise<void>;
  untold(prisma: PrismaLike): Promise<void>;
  extended(prisma: PrismaLike): Promise<unknown[]>;
  ownInTransactions(prisma: PrismaLike, between: () => Promise<void>): Promise<unknown[]>;
  hidden(url: string, client: Client, prefix: string): Promise<unknown[]>;
  mistaken(url: string, client: Client): Promise<unknown[]>;
}

interface PrismaLike {
  readonly article: { create(args: object): Promise<unknown>; count(): Promise<number> };
  $disconnect(): Promise<void>;
}

let server: DatabaseServer;
let scenario: Scenario;
let recorder: Recorder;
let connected: ReturnType<Scenario["connect"]>;
let prefix: string;

beforeAll(async () => {
  await generate();
  server = await startPostgres();
  // Its types are there only now: the file is checked by the compiler above.
  scenario = await import(/* @vite-ignore */ path.join(folder, "scenario.ts"));
}, 240_000);
afterAll(() => server?.[Symbol.asyncDispose]());

beforeEach(async () => {
  const database = new pg.Client({ connectionString: server.url });
  await database.connect();
  await database.query('DROP TABLE IF EXISTS "Article", "Author", "User"');
  for (const table of scenario.TABLES) await database.query(table);
  await database.end();
  prefix = `${fresh("prisma")}.`;
  recorder = record(address, prefix, ["Article", "Author", "User"], {
    onUpsert: (row, modified) => void recorder.calls.push(["upsert", "Article", row, modified]),
    jobs: { publish: (row, args) => void recorder.calls.push(["publish", row, args]) },
    tableJobs: { reindex: (args) => void recorder.calls.push(["reindex", args]) },
  });
  connected = scenario.connect(server.url, recorder.client, prefix);
});
afterEach(async () => {
  await connected.plain.$disconnect();
  await recorder[Symbol.asyncDispose]();
});

test("what is written is told, with the fields that were set", async () => {
  await scenario.written(connected.prisma);
  const row = { id: 1, title: "a", body: null, views: String(2n ** 60n), cover: "Af8=", by: null };
  const last = { ...row, views: "0", cover: null };
  expect(await recorder.settled(7)).toEqual([
    ["insert", "Article", row],
    ["update", "Article", { ...row, title: "b" }, ["title"]],
    ["upsert", "Article", { ...row, title: "b", body: "c" }, ["body"]],
    ["delete", "Article", { ...row, title: "b", body: "c" }],
    ["insert", "Article", { ...last, id: 2, title: "d" }],
    ["insert", "Article", { ...last, id: 3, title: "e" }],
    ["update", "Article", { ...last, id: 3, title: "f" }, ["title"]],
  ]);
});

test("whatever is selected, the job has the record, and the caller what was asked for", async () => {
  const [one, two, author] = await scenario.selected(connected.prisma);
  expect([one, two, author]).toEqual([["title"], ["background", "body", "by", "cover", "title"], "n"]);
  const calls = await recorder.settled(3);
  expect(calls.map(([what, , row]) => [what, (row as { body: unknown }).body])).toEqual([
    ["insert", "x"],
    ["update", "x"],
    ["update", "x"],
  ]);
});

test("an update that sets a relation says which", async () => {
  await scenario.related(connected.prisma);
  const updates = (await recorder.settled(4)).filter(([what]) => what === "update");
  expect(updates.map(([, model, , modified]) => [model, modified]).sort()).toEqual([
    ["Article", ["author"]],
    ["Author", ["articles"]],
  ]);
});

test("a transaction's are told once it has committed", async () => {
  const seen: number[] = [];
  await scenario.transactions(connected.prisma, async () => {
    seen.push((await recorder.settled(0)).length);
  });
  expect(seen).toEqual([0, 4]);
});

test("and never when it is rolled back", async () => {
  await scenario.rolledBack(connected.prisma);
  expect(await recorder.settled(0)).toEqual([]);
});

test("what Prisma gives no records of is told nothing of", async () => {
  await scenario.untold(connected.prisma);
  expect(await recorder.settled(0)).toEqual([]);
});

test("jobs of one's own, and what the compiler knows of them", async () => {
  expect(await scenario.typed(connected.prisma)).toBe("typed,function,string");
  expect(await recorder.settled(3)).toMatchObject([
    ["insert", "Article", { title: "typed" }],
    ["publish", { id: 1, title: "typed" }, { at: "1" }],
    ["reindex", undefined],
  ]);
});

test("an extension that comes after is there in transactions, too, and has the fields that it computes from", async () => {
  expect(await scenario.extended(connected.prisma)).toEqual([
    ["inside", "outside", "last"],
    ["a draft", "inside!"],
    ...["outside!", [], "last!", false],
  ]);
  const titles = (await recorder.settled(3)).map(([what, , row]) => [what, (row as { title: string }).title]);
  expect(titles).toEqual(["inside", "outside", "last"].map((title) => ["insert", title]));
});

test("what the client's own `omit` hides is seen neither by the caller nor in a job, unless a call asks for it", async () => {
  const given = await scenario.hidden(server.url, recorder.client, prefix);
  expect(given).toEqual([
    ["email", "name", "team", "protected"],
    ["email", "name", "protected"],
    ["name"],
    ["name", "team", "protected"],
    ["email", "name", "password", "team", "protected"],
    ["password"],
    ["protected"],
  ]);
  const rows = (await recorder.settled(7)).map(([, , row]) => row);
  expect(rows).toEqual(["a", "b", "c", "d", "e", "f", "g"].map((email) => ({ email, name: "n", team: "t" })));
});

test("jobs of one's own wait for the commit, with the others, and go when it is rolled back", async () => {
  const before: unknown[] = [];
  const given = await scenario.ownInTransactions(connected.prisma, async () => {
    before.push(...(await recorder.settled(0)));
  });
  expect([given, before]).toEqual([[undefined, undefined], []]);
  expect(await recorder.settled(4)).toMatchObject([
    ["insert", "Article", { title: "kept" }],
    ["publish", { title: "kept" }, 1],
    ["reindex", 2],
    ["insert", "Article", { title: "after the end" }],
  ]);
});

test("models, keys and fields that aren't there are refused before anything is written", async () => {
  expect(await scenario.mistaken(server.url, recorder.client)).toEqual([
    "a record of User has no field id: name its key by models.User.key",
    'models has "Artcle", and there is no such model; there are Article, Author, User',
    "a record of User has no field mail: name its key by models.User.key",
    'models.User.omit has "pasword", and User has no such field; it has email, name, password, team',
    0,
  ]);
});

test("a job that can't be submitted is told, though the record is written", async () => {
  await using nowhere = new Client(AWAY, { reconnect: false });
  const { plain, prisma } = scenario.connect(server.url, nowhere, prefix);
  const error = await prisma.article.create({ data: { title: "written" } }).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof RecordJobError, String(error));
  expect(error.jobs).toMatchObject([{ action: "insert", record: { title: "written" } }]);
  expect(await plain.article.count()).toBe(1);
  await plain.$disconnect();
});

test("mistakes are refused in words", () => {
  assert.throws(() => prismaRecords({ client: recorder.client, modles: {} } as never), /no option "modles"/);
});
