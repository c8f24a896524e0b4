/*
 * Jobs with types: a map from a function's name to what goes in and what comes out, and validators for both.
 */

/** What a function takes and gives. What is left out is anything that can be sent. */
export interface JobTypes {
  workload?: unknown;
  result?: unknown;
}

/** Functions by name. An interface fits: `interface Jobs { resize: { workload: { id: number }; result: string } }`. */
export type JobMap<Jobs> = { [Name in keyof Jobs]: JobTypes };

/** Any functions with anything: the default. */
// biome-ignore lint/suspicious/noExplicitAny: it is the only type that every use of an untyped job may be
export type AnyJobs = Record<string, { workload: any; result: any }>;

/** The names of a map's functions. */
export type FunctionName<Jobs> = Extract<keyof Jobs, string>;

/** What the function `Name` takes. */
export type WorkloadOf<Jobs, Name extends keyof Jobs> = Jobs[Name] extends { workload: infer Workload }
  ? Workload
  : unknown;

/** What it gives. */
export type ResultOf<Jobs, Name extends keyof Jobs> = Jobs[Name] extends { result: infer Result } ? Result : unknown;

/** A validator as Standard Schema (https://standardschema.dev) describes it: zod, valibot, arktype and others are such. */
export interface Validator<Value = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    validate(value: unknown): ValidationResult<Value> | Promise<ValidationResult<Value>>;
    readonly types?: { readonly input: unknown; readonly output: Value } | undefined;
  };
}

type ValidationResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] };

/**
 * Validators by function, of its `workload` and its `result`: what they check is JSON. It is a mapped type all the way
 * down, so that the types of the jobs are inferred from the validators.
 */
export type Validators<Jobs> = {
  readonly [Name in keyof Jobs]?: { readonly [Part in keyof Jobs[Name]]?: Validator<Jobs[Name][Part]> };
};

/**
 * What a validator makes of a value.
 * @throws TypeError in words when the value isn't valid: what it was for, where, and why
 */
export async function validate<Value>(validator: Validator<Value>, value: unknown, what: string): Promise<Value> {
  const result = await validator["~standard"].validate(value);
  if (!result.issues) return result.value;
  const issues = result.issues.map(({ message, path }) => {
    const place = (path ?? []).map((step) =>
      String(typeof step === "object" && step && "key" in step ? step.key : step),
    );
    return place.length > 0 ? `${place.join(".")}: ${message}` : message;
  });
  throw new TypeError(`${what} is not valid: ${issues.join("; ")}`);
}
