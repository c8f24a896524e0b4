import type { ResultOf, WorkloadOf } from "../jobs.js";
import type { Job } from "./job.js";

/**
 * What works jobs of a function off. What it returns is the result: a string, bytes, JSON, nothing, or an async
 * iterable, whose parts go out as data, and whose return value is the result. What it throws, the client gets as an
 * exception; `JobFailed` fails the job without a reason.
 */
export type Handler<Workload = unknown, Result = unknown> = (
  job: Job<Workload>,
) => Returned<Given<Result>> | Promise<Returned<Given<Result>>>;

type Returned<Result> = Result | AsyncIterable<unknown, Result>;

/** A handler whose result may be `undefined` need not return anything. */
type Given<Result> = undefined extends Result ? Result | void : Result;

/**
 * The handler of one function: a condition that always holds, which the compiler settles once it knows the name, and
 * before it looks at the handler. So what that returns is read in the light of the result's type, literals included.
 */
export type HandlerOf<Jobs, Name extends keyof Jobs> = [Name] extends [keyof Jobs]
  ? Handler<WorkloadOf<Jobs, Name>, ResultOf<Jobs, Name>>
  : never;
