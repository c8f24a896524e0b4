import type { Job, JobFunction, Peer } from "./job.js";

/** What can happen to a job, and what is said of it beside the job. */
export interface JobDetails {
  submit: { joined: boolean };
  start: object;
  status: object;
  data: { bytes: Uint8Array };
  warning: { bytes: Uint8Array };
  complete: { bytes: Uint8Array };
  exception: { bytes: Uint8Array };
  fail: { reason: "worker" | "retries" | "timeout" | "cancelled" };
  requeue: { reason: "disconnect" | "abilities" | "timeout" };
  abandon: object;
}

/** Who is told of what happens to jobs. While there is none it costs nothing. */
export interface Observer {
  job<Name extends keyof JobDetails>(name: Name, job: Job, details: JobDetails[Name]): void;
  ability(fn: JobFunction, worker: Peer): void;
}
