import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { edgear } from "../support/cli.ts";
import { command } from "../support/command.ts";

const readme = await readFile(path.join(root, "README.md"), "utf8");
const table = readme.slice(readme.indexOf("## Coming from PHP"), readme.indexOf("## Status"));

/** What stands in the last column, each piece of code by itself. */
const code = [...table.matchAll(/^\| (\S+) +\| .+ \| (.+) \|$/gm)]
  .filter(([, name]) => name !== "package" && !name?.startsWith("---"))
  .flatMap(([, , cell = ""]) => [...cell.matchAll(/`([^`]+)`/g)].map(([, piece = ""]) => piece));

/** What the lines speak of. */
const PRELUDE = `
import { Admin, Client, Job, JobFailed, JobHandle, TimeoutError, Worker } from "edgear";
import { withCallback } from "edgear/callback";
import { defineConfig } from "edgear/config";
import { recordHandler } from "edgear/orm";
import type { Table } from "drizzle-orm";
import type { DrizzleRecords } from "edgear/orm/drizzle";
import type { prismaRecords } from "edgear/orm/prisma";
import type { TypeormRecords } from "edgear/orm/typeorm";
import { lithium, type MagentoTask, magento, MethodRouter, netGearman, serialize, sfGearman } from "edgear/php";
import type { HookContext } from "edgear/pool";
import { Queue } from "edgear/queue";
import { Scheduler } from "edgear/scheduler";
declare const client: Client;
declare const worker: Worker;
declare const admin: Admin;
declare const queue: Queue;
declare const scheduler: Scheduler;
type PrismaArgs = ReturnType<ReturnType<typeof prismaRecords>>["$extends"]["extArgs"];
type PrismaRecord = PrismaArgs["result"]["$allModels"]["background"];
declare const article: { id: number; background: ReturnType<ReturnType<PrismaRecord>["compute"]> };
declare const records: TypeormRecords & Pick<DrizzleRecords, "background">;
declare const articles: Table, row: { id: number }, key: { id: number }, record: { title: string };
declare const job: JobHandle & Job;
declare const context: { refresh(): Promise<object | undefined> };
declare const payload: Awaited<ReturnType<Client["run"]>>;
declare const handler: (job: Job) => string, hosts: string[], secret: string, task: MagentoTask, value: string[], args: string[];
declare const workload: string, numbers: number[], sets: number[][], time: Date, result: string;
declare function log(text: string): void;
declare function run(arg: unknown): number;
declare function send(job: Job): void;
class Hello { say() {} }
const more = (): void => {};
void [Admin, Client, JobFailed, TimeoutError, Worker, withCallback, defineConfig, recordHandler, lithium, magento, MethodRouter];
void [netGearman, serialize, sfGearman, more, log, run, send, Hello];
`;

test("the lines of code of the table of PHP's packages are valid", async () => {
  const lines = code.filter((piece) => /\(/.test(piece) && !piece.startsWith("edgear "));
  expect(lines.length).toBeGreaterThan(25);
  const body = lines.map((line, index) => {
    const statement = line.replaceAll(", …)", ", more)").replaceAll("(…)", "(more)");
    const wrapped = /^idle\(context\) \{/.test(statement)
      ? `({ ${statement} }) satisfies { idle(context: HookContext): void };`
      : `${statement};`;
    return `async function line${index}() { ${wrapped} }`;
  });
  const folder = await mkdtemp(path.join(root, "test/docs/.lines-"));
  try {
    await writeFile(path.join(folder, "lines.ts"), `${PRELUDE}${body.join("\n")}\n`);
    const config = {
      extends: "../../tsconfig.json",
      include: ["lines.ts"],
      exclude: [],
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
    };
    await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = path.join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = await command(process.execPath, [tsc, "-p", folder], { timeout: 60_000 });
    const wrong = stdout.replace(
      /lines\.ts\((\d+),/g,
      (_, line) => `${lines[Number(line) - PRELUDE.split("\n").length] ?? "the prelude"} (`,
    );
    expect(wrong).toBe("");
  } finally {
    await rm(folder, { recursive: true });
  }
}, 60_000);

test("its commands and their options are there", async () => {
  const commands = code.filter((piece) => /^edgear \w/.test(piece));
  expect(commands.length).toBeGreaterThan(6);
  for (const line of commands) {
    const words = line.split(" ").slice(1);
    const { code: exit, stdout } = await edgear([...words.slice(0, 2), "--help"]);
    expect(exit, line).toBe(0);
    for (const option of words.filter((word) => word.startsWith("--"))) expect(stdout, line).toContain(option);
  }
}, 60_000);
