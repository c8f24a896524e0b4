/*
 * Jobs with types: a map from a function's name to what goes in and what comes out, and validators for both.
 */

import { checkFunction, checkOptions, show } from "./connection/check.js";
import { Payload, type PayloadInput, toWire } from "./payload.js";

/** What a function takes and gives. What is left out is anything that can be sent. */
export interface JobTypes {
  /** What clients give and handlers get. With a `?` it may be left out. */
  workload?: unknown;
  /** What handlers return and clients get. */
  result?: unknown;
}

/** Functions by name. An interface fits: `interface Jobs { resize: { workload: { id: number }; result: string } }`. */
export type JobMap<Jobs> = { [Name in keyof Jobs]: JobTypes };

/** Any functions with anything: the default. Clients and workers of it can be taken for those of any map, and the reverse. */
// biome-ignore lint/suspicious/noExplicitAny: nothing else can be taken for any map
export type AnyJobs = any;

/** A validator as Standard Schema (https://standardschema.dev) describes it: zod, valibot, arktype and others are such. */
export interface Validator<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): ValidationResult<Output> | Promise<ValidationResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

type ValidationResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

// biome-ignore lint/suspicious/noExplicitAny: a validator of anything; what it takes is in a contravariant place
type AnyValidator = Validator<any, any>;

/** The validators of a function. What they check is JSON. */
export interface JobValidators {
  /** Asked by the client before anything is sent, and by the worker before the handler is called. */
  readonly workload?: AnyValidator | undefined;
  /** Asked by the worker before it is sent, and by the client when it has come. */
  readonly result?: AnyValidator | undefined;
}

/** Validators by function; the types of the jobs are those of the validators. */
export type Validators<Jobs> = { readonly [Name in keyof Jobs]?: Jobs[Name] } & {
  readonly [name: string]: JobValidators;
};

/** The names of a map's functions. */
export type FunctionName<Jobs> = Extract<keyof Jobs, string>;

type Part<Job, Which extends keyof JobTypes> = Which extends keyof Job ? Job[Which] : unknown;

/** What goes into a validator, or a type as it is. */
type Input<Type> = Type extends Validator<infer Value, infer _> ? Value : Type;

/** What comes out of it. */
type Output<Type> = Type extends Validator<infer _, infer Value> ? Value : Type;

/** What the handler of the function `Name` takes, and what it gives. */
export type WorkloadOf<Jobs, Name extends keyof Jobs> = Output<Part<Jobs[Name], "workload">>;
export type ResultOf<Jobs, Name extends keyof Jobs> = Input<Part<Jobs[Name], "result">>;

/** What whoever submits a job gives, and what comes back. Without types it is whatever can be sent, and nobody knows what. */
export type GivenWorkload<Jobs, Name extends keyof Jobs> = Untyped<Input<Part<Jobs[Name], "workload">>, PayloadInput>;
export type GivenResult<Jobs, Name extends keyof Jobs> = Untyped<Output<Part<Jobs[Name], "result">>, unknown>;

type Untyped<Type, Instead> = unknown extends Type ? Instead : Type;

/** A workload and options, as a call takes them: a workload that can't be `undefined` can't be left out. */
export type WorkloadArguments<Workload, Options> = undefined extends Workload
  ? [workload?: Workload, options?: Options]
  : [workload: Workload, options?: Options];

/**
 * A value that was checked, as the JSON that goes on the wire: it goes as it was given, so that the other end can have
 * it checked by the same validator.
 * @throws TypeError in words when it isn't valid, or has no JSON
 */
export async function checkedJson(validator: AnyValidator, value: unknown, what: string): Promise<string> {
  // Before it is checked: whoever changes it meanwhile must not send something that wasn't.
  const json = toJson(value, what);
  await validate(validator, value, what);
  return json;
}

function toJson(value: unknown, what: string): string {
  if (value === undefined) return "";
  // In quotes: to the other end it is JSON as anything else.
  if (typeof value === "string") return JSON.stringify(value);
  const wire = toWire(value, what);
  if (typeof wire === "string") return wire;
  throw new TypeError(`${what} has a validator, and so goes as JSON, which can't carry bytes`);
}

/**
 * A payload that was read as JSON and checked: its `json()` is what the validator made of it. An empty one is `undefined`.
 * @throws TypeError in words when it is no JSON, or isn't valid
 */
export async function checkedPayload<Value>(
  validator: Validator<unknown, Value>,
  payload: Payload,
  what: string,
): Promise<Payload<Value>> {
  let value: unknown;
  try {
    value = payload.bytes.length === 0 ? undefined : payload.json();
  } catch (cause) {
    throw new TypeError(`${what} is not valid: it is no JSON`, { cause });
  }
  return new Payload<Value>(payload.bytes, { value: await validate(validator, value, what) });
}

/** What a validator makes of a value. */
async function validate<Value>(validator: Validator<unknown, Value>, value: unknown, what: string): Promise<Value> {
  const result = await validator["~standard"].validate(value);
  if (!result.issues) return result.value;
  const issues = result.issues.map(({ message, path }) => {
    const place = (path ?? []).map((step) => String(typeof step === "object" ? step.key : step));
    return place.length > 0 ? `${place.join(".")}: ${message}` : message;
  });
  throw new TypeError(`${what} is not valid: ${issues.join("; ")}`);
}

/** @throws TypeError when what was given for validators are none */
export function checkValidators(jobs: unknown): void {
  if (jobs === undefined) return;
  if (typeof jobs !== "object" || jobs === null || Array.isArray(jobs) || isValidator(jobs))
    throw new TypeError(`jobs must be an object of validators by function, not ${describe(jobs)}`);
  for (const [name, parts] of Object.entries(jobs)) {
    checkFunction(name);
    const place = `jobs[${show(name)}]`;
    if (parts === undefined || isValidator(parts))
      throw new TypeError(
        `${place} must be an object with a validator for workload, result or both, not ${describe(parts)}`,
      );
    checkOptions(parts, place, ["workload", "result"]);
    for (const [part, validator] of Object.entries(parts as object)) {
      if (validator === undefined || isValidator(validator)) continue;
      throw new TypeError(
        `the ${part} of ${place} must be a validator of the Standard Schema kind (zod, valibot, arktype, …), ` +
          `not ${show(validator)}`,
      );
    }
  }
}

/** The validators of a function, if it has some. */
export function validatorsOf(jobs: Readonly<Record<string, JobValidators>>, name: string): JobValidators {
  // A function may be called as something that every object has.
  return Object.hasOwn(jobs, name) ? (jobs[name] as JobValidators) : {};
}

/** Whether something is a validator. arktype's are functions. */
function isValidator(value: unknown): boolean {
  const standard = (value as Partial<Validator> | null | undefined)?.["~standard"];
  return typeof standard?.validate === "function";
}

function describe(value: unknown): string {
  return isValidator(value) ? "a validator" : show(value);
}
