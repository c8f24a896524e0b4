import { PoolLoadError } from "./errors.js";
import type { Member } from "./member.js";

/** How long a worker that takes another's place may take to be known to a server, in milliseconds. */
const CONNECTING = 15_000;

/** What a rolling restart needs of its pool. */
export interface Rolling {
  /** The workers that are to be replaced. */
  readonly old: readonly Member[];
  /** How many workers there are to be afterwards. */
  readonly size: number;
  /** How long an old one is waited for before the next one's turn comes, in milliseconds. It may take longer to leave. */
  readonly grace: number;
  /** Starts a worker that waits to be told its place. */
  start(): Member;
  /** @throws when the pool was stopped */
  check(): void;
}

/**
 * Replaces workers, one after the other: each is told to leave only once a new one has its place, and a server knows it.
 * Says how many were replaced.
 * @throws PoolLoadError when a new one can't be had; those that aren't replaced by then go on
 */
export async function roll({ old, size, grace, start, check }: Rolling): Promise<number> {
  const holding = old.filter(({ holds }) => holds);
  let replaced = 0;
  for (const [index, member] of holding.entries()) {
    check();
    if (index < size) {
      // One that leaves by itself is followed by a new one as it is.
      if (leaves(member)) continue;
      const next = start();
      if (!(await next.loaded())) {
        next.kill("load");
        throw new PoolLoadError(next.why);
      }
      check();
      next.reserved = false;
      // Its place is filled as any other by the one that waits now.
      if (leaves(member)) continue;
      next.run();
      await connected(next, member);
      check();
    }
    member.holds = false;
    member.leave("restart");
    replaced++;
    await member.until(["done", "gone"], grace);
  }
  for (const member of old) if (!member.over && !member.holds) member.leave("restart");
  return replaced;
}

function leaves({ stage, over }: Member): boolean {
  return over || stage === "leaving";
}

/** Waits until a server knows the new worker. Where none knows the old one, there is no gap to be closed. */
async function connected(next: Member, old: Member): Promise<void> {
  if (await next.until(["ready", "leaving", "done"], old.known ? CONNECTING : 0)) return;
  if (next.stage !== "gone" && !old.known) return;
  next.kill("load");
  throw new PoolLoadError("the new worker was not known to a server in time: the old ones go on");
}
