import { expect } from "vitest";
import { z } from "zod";
import { openapi } from "../../worker/openapi.ts";

interface Operation {
  responses: Record<string, { headers?: Record<string, object>; content: Record<string, { schema: object }> }>;
}

const paths = openapi.paths as unknown as Record<string, Record<string, Operation>>;
const METHODS = ["get", "post", "put", "patch", "delete", "options"];

/** Holds an answer against what openapi.json says of it: its status, its type, its headers, its shape. */
export async function conforms(request: Request, response: Response): Promise<void> {
  const method = request.method === "HEAD" ? "get" : request.method.toLowerCase();
  const operations = operationsOf(new URL(request.url).pathname);
  const type = response.headers.get("content-type")?.split(";")[0] ?? "";
  if (!operations || !(method in operations)) {
    // CORS preflights are no part of the interface that people write programs for.
    if (method === "options" && response.status === 204) return;
    // Whoever may not come in isn't told what else is wrong.
    expect([401, 404, 405]).toContain(response.status);
    if (response.status === 405) expect(METHODS).toContain(method);
    if (method === request.method.toLowerCase())
      check({ $ref: "#/components/schemas/Problem" }, await response.clone().json());
    return;
  }
  const said = operations[method]?.responses[response.status];
  if (!said) throw new Error(`openapi.json knows no ${response.status} of ${method} ${request.url}`);
  expect(Object.keys(said.content)).toContain(type);
  for (const header of Object.keys(said.headers ?? {})) expect(response.headers.has(header), header).toBe(true);
  const schema = said.content[type]?.schema ?? {};
  if (request.method === "HEAD") return;
  if (type === "application/json") check(schema, await response.clone().json());
  if (type === "application/x-ndjson") {
    const lines = (await textOf(response.clone())).split("\n");
    expect(lines.pop()).toBe("");
    for (const line of lines) check(schema, JSON.parse(line));
  }
}

/** A body as text: workerd warns of `text()` when the type isn't one of text. */
export async function textOf(response: Response): Promise<string> {
  return new TextDecoder().decode(await response.arrayBuffer());
}

function operationsOf(path: string): Record<string, Operation> | undefined {
  const pattern = Object.keys(paths).find((template) =>
    new RegExp(`^${template.replaceAll(".", "\\.").replace(/\{\w+\}/, "[^/]+")}$`).test(path),
  );
  return pattern === undefined ? undefined : paths[pattern];
}

function check(schema: object, value: unknown): void {
  const validator = z.fromJSONSchema(inlined(schema) as Parameters<typeof z.fromJSONSchema>[0]);
  const { error } = validator.safeParse(value);
  if (error) throw new Error(`openapi.json says otherwise: ${z.prettifyError(error)}\n${JSON.stringify(value)}`);
}

/** The schema with what its references lead to in their place. */
function inlined(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(inlined);
  if (typeof schema !== "object" || schema === null) return schema;
  const { $ref } = schema as { $ref?: string };
  if ($ref === undefined)
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, inlined(value)]));
  const target = (openapi.components.schemas as Record<string, unknown>)[$ref.replace("#/components/schemas/", "")];
  if (!target) throw new Error(`openapi.json refers to ${$ref}, which isn't there`);
  return inlined(target);
}
