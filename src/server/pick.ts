/* Which of the jobs that a worker can do it is given. */
import type { Ability, Job, JobFunction } from "./job.js";

interface Picked {
  readonly job: Job;
  readonly ability: Ability;
}

/**
 * Priority comes first, over all functions; those with jobs of one priority take turns, beginning with the one
 * registered last. So gearmand 2 does it (gearmand_con.cc).
 */
export function pickAcross(abilities: Ability[]): Picked | undefined {
  for (let priority = 0; priority < 3; priority++) {
    for (let index = 0; index < abilities.length; index++) {
      const ability = abilities[index] as Ability;
      const job = ability.function.queues[priority]?.first;
      if (!job) continue;
      if (abilities.length > 1) {
        abilities.splice(index, 1);
        abilities.push(ability);
      }
      return { job, ability };
    }
  }
  return undefined;
}

/** One function is served empty after the other, the one registered last first. So gearmand 1 does it. */
export function pickWithin(abilities: readonly Ability[]): Picked | undefined {
  for (const ability of abilities) {
    for (const { first: job } of ability.function.queues) if (job) return { job, ability };
  }
  return undefined;
}

/** Whether jobs of a function wait for a worker. */
export function hasJobs(fn: JobFunction): boolean {
  return fn.queues.some((queue) => queue.length > 0);
}
