import { expect, test } from "vitest";
import { app } from "../../worker/app.ts";
import { openapi } from "../../worker/openapi.ts";

/** `POST /jobs/{}`, whatever a parameter is called. */
function shape(method: string, path: string): string {
  return `${method.toUpperCase()} ${path.replace(/:\w+|\{\w+\}/g, "{}")}`;
}

test("openapi.json has all routes, and no others", () => {
  const routes = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => shape(method, path));
  const described = Object.entries(openapi.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => shape(method, path)),
  );
  // Whatever can be got, the platform answers HEAD by.
  const heads = routes.filter((route) => route.startsWith("GET ")).map((route) => route.replace("GET", "HEAD"));
  expect(described.sort()).toEqual([...routes, ...heads].sort());
});

test("its references lead somewhere, and its operations have names of their own", () => {
  const text = JSON.stringify(openapi);
  const named = { ...openapi.components.schemas, ...openapi.components.responses };
  for (const [, name] of text.matchAll(/"#\/components\/(?:schemas|responses)\/(\w+)"/g))
    expect(Object.keys(named)).toContain(name);
  const ids = [...text.matchAll(/"operationId":"(\w+)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});
