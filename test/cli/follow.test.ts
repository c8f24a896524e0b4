import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, inject, test } from "vitest";
import { main } from "../support/cli.ts";
import { Terminal } from "../support/pty.ts";

const [{ address } = { address: "" }] = inject("servers");
const env = { GEARMAN_SERVERS: address };
const UNKNOWN = "H:nowhere:1 unknown: done, failed, cancelled, or never there (gearmand can't tell)";

test("a job that never was is not done, on a terminal either", async () => {
  await using terminal = await Terminal.start([process.execPath, main, "status", "H:nowhere:1", "--follow"], { env });
  expect(await terminal.ended()).toBe(0);
  expect(terminal.output.trim()).toBe(UNKNOWN);
});

test("lines that go to a file are there, also when somebody sits at a terminal", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-follow-"));
  try {
    const file = path.join(folder, "lines");
    const line = `exec "${process.execPath}" "${main}" status H:nowhere:1 --follow >'${file}'`;
    await using terminal = await Terminal.start(["sh", "-c", line], { env });
    expect(await terminal.ended()).toBe(0);
    expect(await readFile(file, "utf8")).toBe(`${UNKNOWN}\n`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
