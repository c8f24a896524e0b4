/*
 * What this Worker takes and answers. The tests hold every answer that they get against it.
 */
import { answerOf, count, header, PROBLEMS, refTo, responses, schemas, text } from "./schemas.js";

const problems = (...statuses: (keyof typeof PROBLEMS)[]) =>
  Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/${PROBLEMS[status]}` }]));

const ASKED = [400, 401, 429, 500, 502, 503, 504] as const;
const SENT = [...ASKED, 403, 413, 415] as const;

const parameter = (where: "path" | "query" | "header", name: string, schema: object, description: string) => ({
  name,
  in: where,
  ...(where === "path" && { required: true }),
  schema,
  description,
});

const nameOf = (what: string) => parameter("path", "name", { ...text, minLength: 1 }, what);
const FUNCTION = nameOf("The function, percent-encoded");
const SUBMIT = [
  parameter("query", "priority", refTo("Priority"), "Default: normal"),
  parameter("query", "unique", refTo("Unique"), "Jobs of a function with equal uniques are one while it waits or runs"),
  parameter("header", "Idempotency-Key", { ...text, pattern: "^[\\x21-\\x7e]{1,63}$" }, "The same, as a header"),
];
const WORKLOAD = {
  description: "The workload, byte for byte",
  content: { "*/*": { schema: { type: "string", format: "binary" } } },
};
const LOCATION = header("Where to ask for it; with several job servers it names the one that has it");
const HANDLE = header("The job's handle");

/** Problems of a job that is known. */
const placed = (status: 502 | 504) => ({
  ...responses[PROBLEMS[status]],
  headers: { Location: { ...LOCATION, required: false }, "Edgear-Handle": { ...HANDLE, required: false } },
});

const NOT_STORED = header("no-store");

/** What a GET answers, without its body. */
const head = (operationId: string, get: { responses: Record<string, object> }) => {
  const bodiless = Object.entries(get.responses).map(([status, response]) => {
    const { content, ...rest } = response as { content?: object };
    return [status, rest];
  });
  return { ...get, operationId, responses: Object.fromEntries(bodiless) };
};

const STATUS = {
  operationId: "status",
  summary: "Says how a job is getting on",
  parameters: [
    nameOf("The job's handle, percent-encoded"),
    parameter(
      "query",
      "server",
      { ...text, minLength: 1 },
      "The job server that has it, as host:port: as Location says",
    ),
  ],
  responses: {
    200: answerOf("What the job server knows", "application/json", refTo("Status")),
    ...problems(...ASKED),
  },
};

const STATUS_OF = {
  operationId: "statusOf",
  summary: "Says how the job with a unique is getting on",
  parameters: [{ ...parameter("query", "unique", refTo("Unique"), "The job's unique"), required: true }],
  responses: {
    200: answerOf("What the job servers know", "application/json", refTo("UniqueStatus")),
    ...problems(...ASKED),
  },
};

const HEALTH = {
  operationId: "health",
  summary: "Says that the Worker is there, and, to a token, how fast a job server answers",
  security: [{}, { token: [] }],
  responses: { 200: answerOf("It is", "application/json", refTo("Health")), ...problems(...ASKED) },
};

const DESCRIPTION = {
  operationId: "openapi",
  summary: "This description",
  security: [],
  responses: { 200: answerOf("It", "application/json", { type: "object" }), ...problems(400) },
};

export const openapi = {
  openapi: "3.1.0",
  info: {
    title: "Edgear: an HTTP door to Gearman job servers",
    version: "1",
    description:
      "docs/cloudflare.md says how it is set up, what its limits are, and what its errors mean. Any other address is a " +
      "404 (NotFound), and any other method a 405 (MethodNotAllowed).",
  },
  security: [{ token: [] }],
  paths: {
    "/jobs/{name}": {
      post: {
        operationId: "submit",
        summary: "Submits a background job",
        parameters: [
          FUNCTION,
          ...SUBMIT,
          parameter("query", "delay", count, "Milliseconds until it may run; not with a callback, or a priority"),
          parameter("query", "callback", { ...text, format: "uri" }, "Where the result is posted, signed"),
        ],
        requestBody: WORKLOAD,
        responses: {
          202: answerOf("A job server has the job", "application/json", refTo("Job"), {
            Location: LOCATION,
          }),
          ...problems(...SENT),
        },
      },
      get: STATUS,
      head: head("statusHead", STATUS),
    },
    "/jobs": {
      post: {
        operationId: "submitAll",
        summary: "Submits a background job for each line, and answers each line while more come",
        requestBody: {
          required: true,
          description: "A job a line. Answers must be read while it is written: an unread answer stops the batch",
          content: { "application/x-ndjson": { schema: refTo("JobLine") } },
        },
        responses: {
          200: answerOf(
            "An answer a line, in order; a line without one was not submitted",
            "application/x-ndjson",
            { anyOf: [refTo("LineAccepted"), refTo("LineRefused")] },
            { "Cache-Control": NOT_STORED },
          ),
          ...problems(400, 401, 415, 429, 500, 503),
        },
      },
      get: STATUS_OF,
      head: head("statusOfHead", STATUS_OF),
    },
    "/run/{name}": {
      post: {
        operationId: "run",
        summary: "Runs a job and answers with its result, or with a stream of what it tells",
        parameters: [
          FUNCTION,
          ...SUBMIT,
          parameter(
            "query",
            "timeout",
            { ...count, minimum: 1 },
            "Milliseconds until the result must be there; default, and most: the limit",
          ),
        ],
        requestBody: WORKLOAD,
        responses: {
          200: {
            description: "The result, byte for byte; or, to Accept: text/event-stream, events",
            headers: {
              "Edgear-Handle": HANDLE,
              "X-Content-Type-Options": { ...header("nosniff, with a result"), required: false },
              "Cache-Control": { ...header("no-store, with events"), required: false },
            },
            content: {
              "application/octet-stream": { schema: { type: "string", format: "binary" } },
              "text/event-stream": {
                schema: {
                  ...text,
                  description:
                    "An event's name is what x-events lists, its data the JSON of that schema. One of complete, fail, " +
                    "exception and problem is the last; a stream that ends without one was cut off.",
                },
                "x-events": {
                  created: refTo("Created"),
                  status: refTo("Progress"),
                  data: refTo("Bytes"),
                  warning: refTo("Bytes"),
                  complete: refTo("Bytes"),
                  fail: refTo("Error"),
                  exception: refTo("Error"),
                  problem: refTo("Error"),
                },
              },
            },
          },
          ...problems(...SENT),
          502: placed(502),
          504: placed(504),
        },
      },
    },
    "/health": { get: HEALTH, head: head("healthHead", HEALTH) },
    "/openapi.json": { get: DESCRIPTION, head: head("openapiHead", DESCRIPTION) },
  },
  components: {
    securitySchemes: { token: { type: "http", scheme: "bearer" } },
    responses,
    schemas,
  },
};
