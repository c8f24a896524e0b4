import type { GroupSettings, WorkerPlan } from "./types.js";

/**
 * The Workers that a process of a group needs: one for the functions that share the group's concurrency, and one for
 * each that has its own. gearmand 1.x asks a connection's functions for jobs from the last registered to the first: so
 * the function of the largest priority is added last, and of equals the one that stands first in the file.
 */
export function planWorkers(group: GroupSettings): WorkerPlan[] {
  const ordered = Object.entries(group.functions)
    .reverse()
    .sort(([, a], [, b]) => (a.priority ?? 0) - (b.priority ?? 0));
  const shared = ordered.filter(([, { concurrency }]) => concurrency === undefined);
  const own = ordered.filter(([, { concurrency }]) => concurrency !== undefined);
  return [
    ...(shared.length > 0 ? [{ concurrency: group.concurrency ?? 1, functions: shared }] : []),
    ...own.map((entry) => ({ concurrency: entry[1].concurrency as number, functions: [entry] })),
  ];
}
