/* Handlers for the tests of metrics. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Job, JobFailed } from "edgear";

export const upper = (job: Job) => job.workload.text().toUpperCase();

export function fails(): never {
  throw new JobFailed();
}

export function throws(): never {
  throw new Error("as it was told to");
}

/** Runs until the file is there that its workload names. */
export async function until(job: Job): Promise<string> {
  while (!existsSync(job.workload.text())) await sleep(10);
  return "there";
}

export const short = (): Promise<void> => sleep(25);

/** Takes its process along. */
export function dies(): never {
  process.kill(process.pid, "SIGKILL");
  throw new Error("dead");
}
