import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { z } from "zod";
import { jsonSchema } from "../../build/src/config/schema.js";

const shipped = new URL("../../docs/edgear.schema.json", import.meta.url);

test("the schema that editors are given is that of the configuration: else run node scripts/schema.mjs", async () => {
  expect(JSON.parse(await readFile(shipped, "utf8"))).toEqual(jsonSchema());
});

test("it takes what the configuration takes, and nothing that it doesn't know", async () => {
  const { patternProperties, ...schema } = JSON.parse(await readFile(shipped, "utf8"));
  expect(Object.keys(patternProperties)).toEqual(["^\\$(?!schema$)"]);
  const whole = z.fromJSONSchema(schema);
  const environment = z.fromJSONSchema(Object.values(patternProperties)[0] as never);
  const good = {
    $schema: "./node_modules/edgear/docs/edgear.schema.json",
    connections: { default: "jobs1,jobs2", mixed: ["a", { host: "b", port: 5, tls: true }] },
    groups: {
      text: {
        functions: {
          a: "./a.ts#b",
          c: { handler: "./a.ts", timeout: "30s", retry: 3 },
          d: { handler: "./a.ts", retry: { attempts: 2 } },
        },
        pool: { workers: 4, maxMemory: "256MB", metrics: 9464 },
      },
    },
  };
  expect(whole.safeParse(good).error).toBeUndefined();
  expect(environment.safeParse({ groups: { text: { functions: { c: { timeout: 5 } } } } }).error).toBeUndefined();
  for (const bad of [
    { conections: {} },
    { connections: { a: 5 } },
    { groups: { text: {} } },
    { groups: { text: { functions: { a: { handler: "./a.ts", timeout: "3" } } } } },
    { groups: { text: { functions: { a: { handler: "./a.ts", retry: 1 } } } } },
    { groups: { text: { functions: { a: "./a.ts" }, pool: { worker: 4 } } } },
  ])
    expect(whole.safeParse(bad).success, JSON.stringify(bad)).toBe(false);
});
