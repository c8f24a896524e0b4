import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Queue } from "edgear/queue";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { command } from "../support/command.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";

const PHP = fileURLToPath(new URL("peer.php", import.meta.url));

let gearmand: Gearmand;
let queue: Queue;

beforeAll(async () => {
  gearmand = await startGearmand();
  queue = new Queue({ servers: gearmand.address });
});

afterAll(async () => {
  await queue?.close();
  await gearmand?.stop();
});

async function run(program: string, args: readonly string[], input = ""): Promise<string> {
  const { code, stdout, stderr } = await command(program, args, { input });
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
}

async function take(name: string, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) taken.push((await queue.get(name, { timeout: 10_000 })).payload.text());
  return taken;
}

test("php-gearman puts what is got, and gets what was put", async () => {
  const name = fresh("php");
  const php = (...args: string[]) => run("php", [PHP, String(gearmand.port), ...args]);
  await php("put", `queue.${name}`, "ä", "b");
  expect(await take(name, 2)).toEqual(["ä", "b"]);
  await queue.put(name, "normal");
  await queue.put(name, "urgent ü", { priority: "high" });
  expect(await php("get", `queue.${name}`, "2")).toBe("urgent ü\nnormal\n");
  await expect(queue.get(name, { timeout: 50 })).rejects.toMatchObject({ code: "TIMEOUT" });
});

test("so does gearman's own tool", async () => {
  const name = fresh("tool");
  const server = ["-h", "127.0.0.1", "-p", String(gearmand.port)];
  await run("gearman", [...server, "-b", "-f", `queue.${name}`, "from the tool"]);
  expect(await take(name, 1)).toEqual(["from the tool"]);
  await queue.put(name, "for the tool");
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-queue-"));
  try {
    const file = path.join(folder, "message");
    await run("gearman", [...server, "-w", "-c", "1", "-f", `queue.${name}`, "--", "tee", file]);
    expect(await readFile(file, "utf8")).toBe("for the tool");
  } finally {
    await rm(folder, { recursive: true });
  }
  await expect(queue.get(name, { timeout: 50 })).rejects.toMatchObject({ code: "TIMEOUT" });
});
