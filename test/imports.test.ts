import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));

/** What runtimes have, and package.json chooses. */
const OURS = /^(\.|node:|cloudflare:|#)/;

/** Who imports packages, and which: nobody else does. */
const PACKAGES: Record<string, readonly string[]> = {
  orm: ["drizzle-orm"],
  cli: ["commander", "pino"],
  config: ["jiti", "yaml", "zod"],
  otel: ["@opentelemetry/api"],
  pool: ["prom-client"],
  scheduler: ["croner"],
};

/** The rows of the house, from the ground up: nothing imports from a row above its own. What is left out is on the ground. */
const ROWS = [
  ["platform"],
  ["codec"],
  ["connection"],
  ["jobs.ts"],
  ["config"],
  ["client", "worker", "admin", "server"],
  ["index.ts"],
  ["callback", "cloudflare", "otel", "php", "queue", "scheduler", "outbox", "orm"],
  ["pool"],
  ["cli"],
];

/** What each file of src/ imports; files by their path from there. */
const imports = new Map<string, string[]>();
for (const file of readdirSync(source, { recursive: true, encoding: "utf8" })) {
  if (!file.endsWith(".ts")) continue;
  const text = readFileSync(path.join(source, file), "utf8");
  const names = [...text.matchAll(/(?:\bfrom |^import |\bimport\()"([^"]+)"/gm)].map(([, name = ""]) => name);
  imports.set(file.replaceAll(path.sep, "/"), names);
}

/** The files of src/ that a file imports. */
function imported(file: string): string[] {
  return (imports.get(file) ?? [])
    .map((name) => (name === "#platform" ? "platform/node.ts" : path.posix.join(path.posix.dirname(file), name)))
    .map((name) => name.replace(/\.js$/, ".ts"))
    .filter((name) => imports.has(name));
}

/** The row of a file, from 1; 0 is the ground. */
function row(file: string): number {
  return 1 + ROWS.findIndex((names) => names.includes(file.split("/")[0] ?? ""));
}

test("only those import packages who may, and nothing imports the command line", () => {
  const foreign = [...imports].flatMap(([file, names]) => {
    const [folder = ""] = file.split("/");
    const allowed = PACKAGES[folder] ?? [];
    const wrong = (name: string) =>
      !(OURS.test(name) || allowed.includes(name)) || (folder !== "cli" && /\/cli\//.test(name));
    return names.filter(wrong).map((name) => [file, name]);
  });
  expect(foreign).toEqual([]);
});

test("imports run downwards", () => {
  const upwards = [...imports.keys()].flatMap((file) =>
    imported(file)
      .filter((name) => row(name) > row(file))
      .map((name) => `${file} -> ${name}`),
  );
  expect(upwards).toEqual([]);
});

test("nothing imports itself, however far around, not even for its types", () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, way: readonly string[]) => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(" -> "));
    else if (!done.has(file)) for (const name of imported(file)) visit(name, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
