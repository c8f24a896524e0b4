/* What may stand in a configuration's file, and what is said of what may not. Servers are looked at in servers.ts. */
import { z } from "zod";
import { MAX_FUNCTION_SIZE } from "../../assembly/protocol.js";
import { byteLength, show } from "../connection/check.js";
import { readMetricsAddress } from "./metrics.js";
import { readSize, readTime, SIZE_PATTERN, TIME_PATTERN } from "./units.js";

/** Whose words of an unknown key are: the keys that there are, which `mistakes` makes a sentence of. */
const isAllowed = (issue: { code?: string }) => issue.code === "unrecognized_keys";

/** Says what is allowed. */
function words(allowed: string) {
  return {
    error: ({ input }: { input?: unknown }) =>
      input === undefined ? `is missing: it must be ${allowed}` : `must be ${allowed}, not ${show(input)}`,
  };
}

function object<Shape extends z.core.$ZodLooseShape>(shape: Shape, allowed: string) {
  const { error } = words(allowed);
  return z.strictObject(shape, {
    error: (issue) => (isAllowed(issue) ? Object.keys(shape).join(", ") : error(issue)),
  });
}

function wholeNumber(least: number, description: string) {
  const allowed = words(`a whole number from ${least}`);
  const schema = z.number(allowed).refine((value) => Number.isSafeInteger(value) && value >= least, allowed);
  return schema.meta({ type: "integer", minimum: least, description }).optional();
}

const truth = (description: string) => z.boolean(words("true or false")).meta({ description }).optional();

function time(description: string, least = 1) {
  const allowed = words(
    `a time of ${least} ms to 24 days: milliseconds as a number, or "500ms", "30s", "5m", "2h", "1d"`,
  );
  return z
    .union([z.number(), z.string().meta({ pattern: TIME_PATTERN })], allowed)
    .refine((value) => (readTime(value) ?? -1) >= least, allowed)
    .meta({ description })
    .optional();
}

function size(description: string) {
  const allowed = words('a size: bytes as a number, or "512KB", "256MB", "2GB"');
  return z
    .union([z.number(), z.string().meta({ pattern: SIZE_PATTERN })], allowed)
    .refine((value) => readSize(value) !== undefined, allowed)
    .meta({ description })
    .optional();
}

function text(allowed: string, pattern: RegExp, description: string) {
  return z.string(words(allowed)).regex(pattern, words(allowed)).meta({ description });
}

/** A module, and its export after a #: default unless given. */
const MODULE = /^[^#\0]+(#[^#\0]+)?$/;
const NAME = /^[\w.-]{1,64}$/;
const NAME_WORDS = 'a name of letters, digits, "_", "-" and "."';

const FUNCTION_WORDS = `a function's name, of 1 to ${MAX_FUNCTION_SIZE} bytes without a NUL`;

/** A JSON schema's part, as `z.toJSONSchema` makes it. */
const SERVER = {
  anyOf: [
    { type: "string", description: '"host", "host:port", "[::1]:4730", "gearmans://host" (TLS)' },
    {
      type: "object",
      properties: {
        host: { type: "string" },
        port: { type: "integer", minimum: 1, maximum: 65535, default: 4730 },
        tls: { anyOf: [{ type: "boolean" }, { type: "object" }], description: "TLS from the first byte: true, or how" },
      },
      required: ["host"],
      additionalProperties: false,
    },
  ],
};
const SERVERS = { anyOf: [...SERVER.anyOf, { type: "array", items: SERVER, minItems: 1 }] };

/**
 * @param part whether nothing need be there, as in an environment's part
 * @param short whether what stands for an object may be there in its stead: a handler for a function, for example
 */
function schemaOf({ part, short }: { part: boolean; short: boolean }) {
  const handlerText = text(
    'a module and its export, "./workers/text.ts#reverse"',
    MODULE,
    "a module, relative to this file, and its export after a #: default unless given",
  );
  const retry = object(
    {
      attempts: part
        ? wholeNumber(2, "how often a job is tried in all")
        : wholeNumber(2, "how often a job is tried in all").unwrap(),
      backoff: time("the wait before the second attempt, doubled each time; default 1s", 0),
      deadLetter: text(
        FUNCTION_WORDS,
        /^[^\0]+$/,
        "the function that gets the workload of a job whose last attempt failed",
      ).optional(),
    },
    "a number of attempts, or { attempts, backoff, deadLetter }",
  );
  const anyRetry = short ? z.union([wholeNumber(2, "how often a job is tried in all").unwrap(), retry]) : retry;
  const settings = object(
    {
      handler: part ? handlerText.optional() : handlerText,
      concurrency: wholeNumber(1, "how many of its jobs run at once in a worker process, on a connection of its own"),
      timeout: time("how long a job may take; then it fails"),
      retry: anyRetry.meta({ description: "tries failed background jobs again" }).optional(),
      priority: z
        .number(words("a number"))
        .meta({ description: "which of a group's functions is asked first, the largest first; default 0" })
        .optional(),
    },
    'a handler, "./workers/text.ts#reverse", or { handler, … }',
  );
  const functions = z.record(
    z.string(),
    short ? z.union([handlerText, settings]) : settings,
    words("an object: functions by name"),
  );
  const pool = object(
    {
      workers: wholeNumber(1, "worker processes; default 1"),
      limit: wholeNumber(1, "how many processes are started in all, the replacements included"),
      resuscitate: truth("whether a process that has ended is replaced; default true"),
      atomic: truth("a fresh process for each job"),
      count: wholeNumber(1, "a process leaves after so many jobs"),
      timeout: time("a process leaves after so long without a job"),
      maxMemory: size("a process that takes more memory leaves when its jobs are done"),
      maxLifetime: time("a process leaves after so long"),
      threads: truth("worker threads instead of processes"),
      grace: time("how long running jobs may take to finish when the pool is to end", 0),
      hooks: text(
        'a module and its export, "./hooks.ts#hooks"',
        MODULE,
        "functions that are told of a worker's life",
      ).optional(),
      metrics: (short
        ? z.union([z.number(), z.string()])
        : z
            .string(words('a port, ":9464" or "127.0.0.1:9464"'))
            .refine((value) => readMetricsAddress(value) !== undefined, words('a port, ":9464" or "127.0.0.1:9464"'))
      )
        .meta({ description: 'where metrics and health are served: a port, ":9464" or "127.0.0.1:9464"' })
        .optional(),
    },
    "an object: how edgear pool runs the group",
  );
  const group = object(
    {
      connection: text("a connection's name", NAME, "the connection's name; default: default").optional(),
      concurrency: wholeNumber(1, "how many jobs run at once in a worker process; default 1"),
      functions: part ? functions.optional() : functions,
      pool: pool.meta({ description: "how edgear pool runs the group" }).optional(),
    },
    "an object: { functions, connection, concurrency, pool }",
  );
  return {
    connections: z
      .record(z.string(), z.unknown().meta(SERVERS), words("an object: job servers by name"))
      .meta({ description: "job servers by name: each one server, or a list" })
      .optional(),
    groups: z
      .record(z.string(), group, words("an object: worker groups by name"))
      .meta({ description: "worker groups by name" })
      .optional(),
  };
}

const CONFIG_WORDS = "an object: { connections, groups, $production, … }";

/** The whole file's, without its environments. */
export const WHOLE = object(schemaOf({ part: false, short: false }), CONFIG_WORDS);
/** An environment's part. */
export const PART = object(schemaOf({ part: true, short: false }), "an object: { connections, groups }");

/** What is wrong with the names of connections, groups and functions, if anything. */
export function wrongName(kind: "connection" | "group" | "function", name: string): string | undefined {
  if (kind !== "function") return NAME.test(name) ? undefined : `${show(name)} must be ${NAME_WORDS}`;
  const size = byteLength(name);
  return size > 0 && size <= MAX_FUNCTION_SIZE && !name.includes("\0")
    ? undefined
    : `${show(name)} must be ${FUNCTION_WORDS}`;
}

/** The JSON schema of edgear.config.json and .yaml, for editors. */
export function jsonSchema(): Record<string, unknown> {
  const part = object(schemaOf({ part: true, short: true }), "").meta({ id: "environment" });
  const whole = z
    .strictObject({ $schema: z.string().optional(), ...schemaOf({ part: false, short: true }) })
    .meta({ title: "Edgear's configuration", description: "Job servers and worker groups: docs/configuration.md" });
  const { $defs, ...schema } = z.toJSONSchema(whole, { io: "input" }) as Record<string, object>;
  const {
    $schema: _,
    $id: __,
    id: ___,
    ...environment
  } = z.toJSONSchema(part, { io: "input" }) as Record<string, object>;
  return {
    ...schema,
    patternProperties: { "^\\$(?!schema$)": { ...environment, description: "what is otherwise in that environment" } },
    ...($defs && { $defs }),
  };
}
