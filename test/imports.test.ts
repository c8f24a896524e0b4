import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));

/** What runtimes have, and package.json chooses. */
const OURS = /^(\.|node:|cloudflare:|#platform$)/;

test("only the command line imports packages, and nothing imports the command line", () => {
  const foreign: string[] = [];
  for (const file of readdirSync(source, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.startsWith(`cli${path.sep}`)) continue;
    const text = readFileSync(path.join(source, file), "utf8");
    for (const [, name = ""] of text.matchAll(/(?:\bfrom |^import |\bimport\()"([^"]+)"/gm))
      if (!OURS.test(name) || /\/cli\//.test(name)) foreign.push(`${file}: ${name}`);
  }
  expect(foreign).toEqual([]);
});
