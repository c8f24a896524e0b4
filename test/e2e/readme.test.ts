import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { command } from "../support/command.ts";
import { deploy } from "../support/deployed.ts";
import { startGearmand } from "../support/gearmand.ts";
import { startWorker } from "../support/worker.ts";

/** The shell commands of a document's block that has a certain text. */
async function blockWith(file: string, text: string): Promise<string> {
  const blocks = [...(await readFile(file, "utf8")).matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(
    ([, block]) => block ?? "",
  );
  const block = blocks.find((commands) => commands.includes(text));
  if (!block) throw new Error(`${file} has no sh block with ${text}`);
  return block;
}

test("the commands that README.md and docs/cloudflare.md show do what they say", { timeout: 90_000 }, async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-readme-"));
  try {
    await writeFile(path.join(folder, "photo.jpg"), "a photo");
    const run = async (script: string) => {
      const { code, stdout, stderr } = await command("/bin/sh", ["-ec", script], { cwd: folder, timeout: 30_000 });
      expect(code, stderr).toBe(0);
      return stdout;
    };
    // The token is made as README.md says, but for the Worker that wrangler would start.
    const make = (await blockWith("README.md", "openssl")).replace(/^npx wrangler .*$/m, 'printf %s "$TOKEN"');
    const token = await run(make);
    const secrets = await readFile(path.join(folder, ".dev.vars"), "utf8");
    const GEARMAN_TOKENS = /^GEARMAN_TOKENS='(.*)'$/m.exec(secrets)?.[1] ?? "";
    await using gearmand = await startGearmand();
    await using _worker = startWorker(gearmand.address, {
      reverse: (job) => [...job.workload.text()].reverse().join(""),
    });
    await using door = await deploy({ GEARMAN_SERVERS: gearmand.address, GEARMAN_TOKENS });
    const host = door.origin.replace("http://", "");

    const asked = (await blockWith("README.md", "/run/reverse")).replaceAll("localhost:8787", host);
    const said = await run(`TOKEN=${token}\n${asked}`);
    expect(said).toMatch(/^HTTP\/1.1 202 [\s\S]*location: \/jobs\/H%3A/i);
    expect(said).toContain('"unique":"photo-7","function":"thumbnail"');
    expect(said).toContain('{"unique":"photo-7","known":true,"running":false,"numerator":0,');
    expect(said).toContain("!raegdE ,olleHevent: created\n");
    expect(said).toContain('event: complete\ndata: {"text":"!raegdE ,olleH"}\n');
    expect(said).toContain('{"openapi":"3.1.0"');

    const batch = await run(
      `TOKEN=${token}\nDOOR=${door.origin}\n${await blockWith("docs/cloudflare.md", "x-ndjson")}`,
    );
    expect(
      batch
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ line: 1 }, { line: 2, unique: "b" }]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
