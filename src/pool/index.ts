/** `edgear/pool`: worker processes of a group that are kept alive. */
export { type MetricsAddress, parseMetricsAddress } from "../config/metrics.js";
export { PoolLoadError } from "./errors.js";
export type { JobOutcome, LeaveReason, MemberJob, MemberName, PoolEvents, WorkerState } from "./events.js";
export { Health, type MeteredPool, type Verdict } from "./health.js";
export type { EndHookContext, HookContext, Hooks, JobHookContext, RunHookContext, ServerHookContext } from "./hooks.js";
export { MetricsServer } from "./http.js";
export { PoolMetrics } from "./metrics.js";
export type { PoolOptions, StopOptions } from "./options.js";
export { type Pong, Pool } from "./pool.js";
export type { QueuesOptions } from "./queues.js";
