/*
 * The components of openapi.ts: what requests and answers are made of.
 */
import { CODES } from "./problem.js";

export const text = { type: "string" } as const;
export const count = { type: "integer", minimum: 0 } as const;

export const refTo = (name: string) => ({ $ref: `#/components/schemas/${name}` });

export const header = (description: string) => ({ required: true, schema: text, description });

export const answerOf = (description: string, type: string, schema: object, headers?: object) => ({
  description,
  ...(headers && { headers }),
  content: { [type]: { schema } },
});

const problem = (description: string, headers?: object) =>
  answerOf(description, "application/json", refTo("Problem"), headers);

/** Which of the responses a problem's status is. */
export const PROBLEMS = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  413: "PayloadTooLarge",
  415: "UnsupportedMediaType",
  429: "TooManyRequests",
  500: "Failure",
  502: "BadGateway",
  503: "Unavailable",
  504: "GatewayTimeout",
} as const;

export const responses = {
  BadRequest: problem("The request is wrong: what, which value, and what is allowed"),
  Unauthorized: problem("No token, or none that is known", { "WWW-Authenticate": header("Bearer, and what is wrong") }),
  Forbidden: problem("The token may not submit jobs of this function, or nobody may"),
  NotFound: problem("There is no such address"),
  MethodNotAllowed: problem("The address takes other methods", { Allow: header("Those that it takes") }),
  PayloadTooLarge: problem("The body is too large"),
  UnsupportedMediaType: problem("The body's type or encoding is none that is taken"),
  TooManyRequests: problem("The token has asked too often", { "Retry-After": header("Seconds") }),
  Failure: problem("The Worker is set up wrongly (MISCONFIGURED), or has failed; its log says more"),
  BadGateway: problem("The job server can't be reached, was lost, or refused; or the job failed, or gave too much"),
  Unavailable: problem(
    "No token is set up yet (NO_TOKENS), the queue is full (QUEUE_ERROR), or the client has left (LEFT)",
  ),
  GatewayTimeout: problem(
    "The job server did not answer in time; or the result did not come in time: then with the job's handle",
  ),
};

const object = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
});

const PROGRESS = {
  numerator: { type: "number" },
  denominator: { type: "number" },
  progress: { type: "number", minimum: 0, maximum: 1 },
};

const status = (more: Record<string, object>) =>
  object({
    ...more,
    known: { type: "boolean" },
    running: { type: "boolean" },
    ...PROGRESS,
    state: {
      enum: ["queued", "running", "unknown"],
      description: "A job that is done and one that never was are both unknown: the job server keeps no results",
    },
  });

const JOB = { handle: text, server: text, unique: text, function: text };
const LINE = { line: { type: "integer", minimum: 1, description: "The line that it answers, counted from 1" } };

export const schemas = {
  Priority: { enum: ["high", "normal", "low"] },
  Unique: {
    ...text,
    minLength: 1,
    maxLength: 63,
    description: "63 bytes of UTF-8 at most, without control characters; not a lone hyphen",
  },
  Job: object(JOB),
  Status: status({ handle: text }),
  UniqueStatus: status({ unique: text, waiting: { ...count, description: "Clients that wait for its result" } }),
  Health: object({ ok: { const: true }, servers: { type: "array", items: text }, latency: { type: "number" } }, ["ok"]),
  JobLine: object(
    {
      function: { ...text, minLength: 1 },
      workload: { description: "A text goes as it is, anything else as JSON" },
      base64: { ...text, description: "Or the workload's bytes, in base64" },
      unique: refTo("Unique"),
      priority: refTo("Priority"),
      delay: { ...count, description: "Milliseconds until it may run" },
    },
    ["function"],
  ),
  LineAccepted: object({ ...LINE, ...JOB }),
  LineRefused: object({ ...LINE, error: refTo("Error") }),
  Created: object({ handle: text, server: text, unique: text }),
  Progress: object(PROGRESS),
  Bytes: {
    anyOf: [object({ text }), object({ base64: text })],
    description: "A text where the bytes are UTF-8, or else base64",
  },
  Error: object(
    {
      code: { enum: CODES, description: "Stable, unlike the message" },
      message: text,
      handle: { ...text, description: "The job that it is about, when a job server has it" },
    },
    ["code", "message"],
  ),
  Problem: object({ error: refTo("Error") }),
};
