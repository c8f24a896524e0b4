/*
 * What this Worker takes and answers. The tests hold every answer that they get against it.
 */

const text = { type: "string" } as const;
const count = { type: "integer", minimum: 0 } as const;

const refTo = (name: string) => ({ $ref: `#/components/schemas/${name}` });

const answerOf = (description: string, type: string, schema: object, headers?: object) => ({
  description,
  ...(headers && { headers }),
  content: { [type]: { schema } },
});

const problem = (description: string) => answerOf(description, "application/json", refTo("Problem"));

const PROBLEMS = {
  400: problem("The request is wrong: what, which value, and what is allowed"),
  401: problem("No token, or none that is known"),
  403: problem("The token may not submit jobs of this function, or nobody may"),
  413: problem("The body is too large"),
  415: problem("The body's type or encoding is none that is taken"),
  429: problem("The token has asked too often"),
  500: problem("The Worker is set up wrongly (MISCONFIGURED), or has failed; its log says more"),
  502: problem("The job server can't be reached, was lost, or refused; or the job failed"),
  503: problem("No token is set up yet (NO_TOKENS), or the queue is full (QUEUE_ERROR)"),
  504: problem("The job server did not answer in time; or the result did not come in time: then with the job's handle"),
};

const problems = (...statuses: (keyof typeof PROBLEMS)[]) =>
  Object.fromEntries(statuses.map((status) => [status, PROBLEMS[status]]));

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
const milliseconds = (description: string) => ({ ...count, description });
const WORKLOAD = {
  description: "The workload, byte for byte",
  content: { "*/*": { schema: { type: "string", format: "binary" } } },
};
const HANDLE_HEADER = { "Edgear-Handle": { schema: text, description: "The job's handle" } };

const status = (more: Record<string, object>) => ({
  type: "object",
  properties: {
    ...more,
    known: { type: "boolean" },
    running: { type: "boolean" },
    numerator: { type: "number" },
    denominator: { type: "number" },
    progress: { type: "number", description: "0 to 1" },
    state: {
      enum: ["queued", "running", "unknown"],
      description: "A job that is done and one that never was are both unknown: the job server keeps no results",
    },
  },
  required: [...Object.keys(more), "known", "running", "numerator", "denominator", "progress", "state"],
  additionalProperties: false,
});

const JOB = { handle: text, server: text, unique: text, function: text };
const LINE = { line: { type: "integer", minimum: 1, description: "The line that it answers, counted from 1" } };

const object = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});

export const openapi = {
  openapi: "3.1.0",
  info: {
    title: "Edgear: an HTTP door to Gearman job servers",
    version: "1",
    description: "docs/cloudflare.md says how it is set up, what its limits are, and what its errors mean.",
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
          parameter("query", "delay", milliseconds("Until it may run"), "Not with a callback, or a priority"),
          parameter("query", "callback", { ...text, format: "uri" }, "Where the result is posted, signed"),
        ],
        requestBody: WORKLOAD,
        responses: {
          202: answerOf("A job server has the job", "application/json", refTo("Job"), {
            Location: { schema: text, description: "Where to ask for it" },
          }),
          ...problems(...SENT),
        },
      },
      get: {
        operationId: "status",
        summary: "Says how a job is getting on",
        parameters: [nameOf("The job's handle, percent-encoded")],
        responses: {
          200: answerOf("What the job server knows", "application/json", refTo("Status")),
          ...problems(...ASKED),
        },
      },
    },
    "/jobs": {
      post: {
        operationId: "submitAll",
        summary: "Submits a background job for each line, and answers each line while more come",
        requestBody: {
          required: true,
          description: "A job a line",
          content: { "application/x-ndjson": { schema: refTo("JobLine") } },
        },
        responses: {
          200: answerOf("An answer a line, in order; a line without one was not submitted", "application/x-ndjson", {
            anyOf: [refTo("LineAccepted"), refTo("LineRefused")],
          }),
          ...problems(400, 401, 415, 429, 500, 503),
        },
      },
      get: {
        operationId: "statusOf",
        summary: "Says how the job with a unique is getting on",
        parameters: [{ ...parameter("query", "unique", refTo("Unique"), "The job's unique"), required: true }],
        responses: {
          200: answerOf("What the job servers know", "application/json", refTo("UniqueStatus")),
          ...problems(...ASKED),
        },
      },
    },
    "/run/{name}": {
      post: {
        operationId: "run",
        summary: "Runs a job and answers with its result, or with a stream of what it tells",
        parameters: [
          FUNCTION,
          ...SUBMIT,
          parameter("query", "timeout", milliseconds("Until the result must be there"), "Default, and most: the limit"),
        ],
        requestBody: WORKLOAD,
        responses: {
          200: {
            description: "The result, byte for byte; or, to Accept: text/event-stream, events",
            headers: HANDLE_HEADER,
            content: {
              "application/octet-stream": { schema: { type: "string", format: "binary" } },
              "text/event-stream": {
                schema: {
                  ...text,
                  description:
                    "created {handle, server, unique}; status {numerator, denominator, progress}; data, warning and " +
                    "complete {text} or {base64}; fail, exception and problem {code, message, handle}. One of " +
                    "complete, fail, exception and problem is the last.",
                },
              },
            },
          },
          ...problems(...SENT),
        },
      },
    },
    "/health": {
      get: {
        operationId: "health",
        summary: "Says that the Worker is there, and, to a token, how fast a job server answers",
        security: [{}, { token: [] }],
        responses: { 200: answerOf("It is", "application/json", refTo("Health")), ...problems(...ASKED) },
      },
    },
    "/openapi.json": {
      get: {
        operationId: "openapi",
        summary: "This description",
        security: [],
        responses: { 200: answerOf("It", "application/json", { type: "object" }), ...problems(400) },
      },
    },
  },
  components: {
    securitySchemes: { token: { type: "http", scheme: "bearer" } },
    schemas: {
      Priority: { enum: ["high", "normal", "low"] },
      Unique: { ...text, description: "63 bytes at most, without control characters" },
      Job: object(JOB),
      Status: status({ handle: text }),
      UniqueStatus: status({ unique: text, waiting: { ...count, description: "Clients that wait for its result" } }),
      Health: object({ ok: { const: true }, servers: { type: "array", items: text }, latency: { type: "number" } }, [
        "ok",
      ]),
      JobLine: object(
        {
          function: text,
          workload: { description: "A text goes as it is, anything else as JSON" },
          base64: { ...text, description: "Or the workload's bytes, in base64" },
          unique: refTo("Unique"),
          priority: refTo("Priority"),
          delay: milliseconds("Until it may run"),
        },
        ["function"],
      ),
      LineAccepted: object({ ...LINE, ...JOB }),
      LineRefused: object({ ...LINE, error: refTo("Error") }),
      Error: object(
        {
          code: { ...text, description: "Stable, unlike the message" },
          message: text,
          handle: { ...text, description: "The job that it is about, when a job server has it" },
        },
        ["code", "message"],
      ),
      Problem: object({ error: refTo("Error") }),
    },
  },
};
