export { Admin, type AdminOptions, type DropOptions, type QueueLimits, type ShutdownOptions } from "./admin/admin.js";
export type { ConnectionEntry, FunctionStatus, JobEntry, PriorityStatus } from "./admin/entries.js";
export type { Balance } from "./client/balance.js";
export type { BulkOptions } from "./client/bulk.js";
export { Client } from "./client/client.js";
export type { ClientEvents } from "./client/events.js";
export { JobHandle } from "./client/handle.js";
export type {
  ClientCloseOptions,
  ClientOptions,
  CompletedOptions,
  ReconnectOptions,
  WaitOptions,
} from "./client/options.js";
export type { JobReference } from "./client/reference.js";
export type { JobStatus, UniqueStatus } from "./client/status.js";
export type { BackgroundOptions, ForegroundOptions, Priority } from "./client/submission.js";
export { Task } from "./client/task.js";
export type { TaskEvent } from "./client/unread.js";
export type { ServerOptions, Servers } from "./connection/address.js";
export type { BackoffOptions } from "./connection/backoff.js";
export type { Connect, SocketAddress } from "./connection/dial.js";
export {
  BulkError,
  ClosedError,
  ConfigError,
  type ConfigMistake,
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
export type { JobMap, JobTypes, JobValidators, Validator, Validators } from "./jobs.js";
export { Payload, type PayloadInput } from "./payload.js";
export type { StreamSocket } from "./platform/streams.js";
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
