import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { read, section } from "./manifest.ts";

const page = await read("docs/security.md");

function sources(folder: string): string {
  return readdirSync(path.join(root, folder), { recursive: true })
    .filter((file) => String(file).endsWith(".ts"))
    .map((file) => readFileSync(path.join(root, folder, String(file)), "utf8"))
    .join("\n");
}

test("each limit in docs/security.md is an option that there is, with the default that its own page has", async () => {
  const code = sources("src") + sources("worker");
  const pages = (
    await Promise.all(["client", "worker", "admin", "server", "cloudflare"].map((name) => read(`docs/${name}.md`)))
  ).join("\n");
  const rows = section(page, "Limits").matchAll(/^\|[^|]+\| ([^|]*`[^|]*) \| ([^|]+) \|$/gm);
  let limits = 0;
  for (const [, options = "", value = ""] of rows) {
    for (const [, option] of options.matchAll(/`(\w+)`/g)) {
      limits++;
      assert.match(code, new RegExp(`\\b${option}\\??:`), option);
      const size = /^\d[\d,]*( MiB)?(?= *$|[ ;,])/.exec(value)?.[0];
      if (size === undefined || options.includes("TIMEOUT")) continue;
      const lines = pages.split("\n").filter((line) => line.includes(`\`${option}\``));
      assert.ok(
        lines.some((line) => line.includes(size)),
        `${option} is ${size}, and not so in docs: ${lines.join("\n")}`,
      );
    }
  }
  assert.ok(limits >= 15, `${limits} limits`);
});

test("the pages that docs/security.md sends its reader to are there", async () => {
  const names = [...page.matchAll(/docs\/(\w+\.md)(?:, "([^"]+)")?/g)];
  for (const [, name = "", heading] of names) {
    const text = await read(`docs/${name}`);
    if (heading) assert.match(text, new RegExp(`^#+ ${heading}$`, "m"));
  }
  for (const [, name = ""] of page.matchAll(/\]\((\w+\.md)\)/g)) assert.ok(await read(`docs/${name}`));
});
