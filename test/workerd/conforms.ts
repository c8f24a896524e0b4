import { z } from "zod";
import { openapi } from "../../worker/openapi.ts";
import { PROBLEMS } from "../../worker/schemas.ts";

interface Header {
  required: boolean;
}

interface Answer {
  headers?: Record<string, Header>;
  content?: Record<string, { schema: object; "x-events"?: Record<string, object> }>;
}

interface Operation {
  responses: Record<string, Answer | { $ref: string }>;
}

const paths = openapi.paths as unknown as Record<string, Record<string, Operation>>;
const METHODS = ["get", "head", "post", "put", "patch", "delete", "options"];

/** What HTTP itself says of a body, and of pages of other origins. */
const UNDESCRIBED = /^(content-type|content-length|transfer-encoding|connection|date|vary|access-control-.*)$/;

/** Holds an answer against what openapi.json says of it: its status, its type, its headers, its shape. */
export async function conforms(request: Request, response: Response): Promise<void> {
  const method = request.method.toLowerCase();
  const { status } = response;
  const operations = operationsOf(new URL(request.url).pathname);
  // CORS preflights are no part of the interface that people write programs for.
  if (method === "options" && status === 204) return;
  const operation = operations?.[method];
  // Of an address, or a method, that there isn't. Whoever may not come in isn't told that.
  const otherwise = (status === 401 || status === (operations ? 405 : 404)) && PROBLEMS[status as 401 | 404 | 405];
  if (!operation && !METHODS.includes(method)) throw new Error(`${method} is no method that openapi.json could name`);
  const named = operation ? operation.responses[status] : otherwise && { $ref: `#/components/responses/${otherwise}` };
  if (!named) throw new Error(`openapi.json knows no ${status} of ${request.method} ${request.url}`);
  const said = "$ref" in named ? (lookUp(named.$ref) as Answer) : named;
  const headers = Object.entries(said.headers ?? {});
  for (const [name, { required }] of headers)
    if (required && !response.headers.has(name))
      throw new Error(`${status} of ${request.method} ${request.url} has no ${name}`);
  const described = headers.map(([name]) => name.toLowerCase());
  for (const name of response.headers.keys())
    if (!UNDESCRIBED.test(name) && !described.includes(name))
      throw new Error(`openapi.json knows no ${name} of ${status} of ${request.method} ${request.url}`);
  if (method === "head") return;
  const type = response.headers.get("content-type")?.split(";")[0] ?? "";
  const body = said.content?.[type];
  if (!body) throw new Error(`openapi.json knows no ${type} of ${request.method} ${request.url}`);
  if (type === "application/json") check(body.schema, await response.clone().json());
  if (type === "application/x-ndjson") {
    const lines = (await textOf(response.clone())).split("\n");
    if (lines.pop() !== "") throw new Error(`the last line has no end: ${JSON.stringify(lines.at(-1))}`);
    for (const line of lines) check(body.schema, JSON.parse(line));
  }
  if (type === "text/event-stream") {
    for (const { event, data } of parseEvents(await textOf(response.clone()))) {
      const schema = body["x-events"]?.[event];
      if (!schema) throw new Error(`openapi.json knows no event ${event}`);
      check(schema, data);
    }
  }
}

/** Server-Sent Events, parsed. */
export function parseEvents(text: string): { event: string; data: unknown }[] {
  const blocks = text.split("\n\n");
  if (blocks.pop() !== "") throw new Error("the last event has no end");
  return blocks
    .filter((block) => !block.startsWith(":"))
    .map((block) => {
      const [, event = "", data = ""] = /^event: (.+)\ndata: (.+)$/.exec(block) ?? [];
      return { event, data: JSON.parse(data) };
    });
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
  return inlined(lookUp($ref));
}

function lookUp($ref: string): unknown {
  const [kind = "", name = ""] = $ref.replace("#/components/", "").split("/");
  const target = (openapi.components as unknown as Record<string, Record<string, unknown>>)[kind]?.[name];
  if (!target) throw new Error(`openapi.json refers to ${$ref}, which isn't there`);
  return target;
}
