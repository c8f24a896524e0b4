export { Admin, type AdminOptions, type DropOptions, type QueueLimits, type ShutdownOptions } from "./admin/admin.js";
export type { ConnectionEntry, FunctionStatus, JobEntry, PriorityStatus } from "./admin/entries.js";
export {
  Client,
  type ClientOptions,
  type CompletedOptions,
  type JobReference,
  type WaitOptions,
} from "./client/client.js";
export { JobHandle } from "./client/handle.js";
export type { JobStatus, UniqueStatus } from "./client/status.js";
export type { BackgroundOptions, ForegroundOptions, Priority } from "./client/submission.js";
export { Task, type TaskEvent } from "./client/task.js";
export type { ServerOptions, Servers } from "./connection/address.js";
export type { BackoffOptions } from "./connection/backoff.js";
export type { Connect } from "./connection/dial.js";
export {
  ClosedError,
  ConnectionError,
  ConnectionLostError,
  GearmanError,
  type GearmanErrorCode,
  JobExceptionError,
  JobFailedError,
  ProtocolError,
  RefusedError,
  RequestScopeError,
  ServerError,
  TimeoutError,
} from "./errors.js";
export type { JobMap, JobTypes, Validator, Validators } from "./jobs.js";
export { Payload, type PayloadInput } from "./payload.js";
export type { TlsOptions } from "./platform/transport.js";
export type { Logger, WorkerEvents } from "./worker/events.js";
export { Job, JobFailed } from "./worker/job.js";
export type {
  CloseOptions,
  DrainOptions,
  FunctionOptions,
  RetryOptions,
  RunOptions,
  WorkerOptions,
} from "./worker/options.js";
export { type Handler, Worker } from "./worker/worker.js";
