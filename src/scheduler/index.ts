export type { SchedulerEvents } from "./events.js";
export type { PlanOptions, ScheduledJob, When } from "./job.js";
export type { SchedulerOptions, Submitter } from "./options.js";
export type { Repetition } from "./rule.js";
export { type CronOptions, type EveryOptions, Scheduler, type SchedulerRunOptions } from "./scheduler.js";
export type { ClaimLimits, Form, Missed, Move, Store, StoredJob } from "./store.js";
