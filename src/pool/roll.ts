import { PoolLoadError } from "./errors.js";
import type { Member } from "./member.js";

/** How long a worker that takes another's place may take to be known to a server, in milliseconds. */
const CONNECTING = 15_000;

/** What a rolling restart needs of its pool. */
export interface Rolling {
  /** A new worker that has loaded what it is to do. */
  readonly first: Member;
  /** How many workers there are to be afterwards. */
  readonly size: number;
  /** How long an old one is waited for before the next one's turn comes, in milliseconds. It may take longer to leave. */
  readonly grace: number;
  /** Who has a place now. */
  holding(): readonly Member[];
  /** Starts a worker that waits to be told its place. */
  start(): Member;
  /** Gives one a place. */
  run(member: Member): void;
  /** Takes one that has found no old one to replace: it is for any place that is free. */
  adopt(member: Member): void;
  /** @throws when the pool was stopped */
  check(): void;
}

/**
 * Replaces workers, one after the other: each is told to leave only once a new one has its place, and a server knows it.
 * Workers leave by themselves meanwhile, and others take their places: it ends when no old one has a place that it would
 * keep.
 * @throws PoolLoadError when a new one can't be had; those that aren't replaced by then go on
 */
export async function roll({ first, size, grace, holding, start, run, adopt, check }: Rolling): Promise<void> {
  const { generation } = first;
  let next: Member | undefined = first;
  for (;;) {
    check();
    const holders = holding();
    const old = holders.find((member) => member.generation !== generation && !leaves(member));
    if (!old) break;
    if (holders.filter((member) => member.generation === generation).length < size) {
      next ??= start();
      const loaded = await next.loaded();
      check();
      if (!loaded) {
        next.kill("load");
        throw new PoolLoadError(next.why);
      }
      // Its place is filled as any other, and the new one is for the next.
      if (leaves(old)) continue;
      const follower = next;
      next = undefined;
      run(follower);
      const known = await connected(follower, old);
      check();
      if (!known) {
        follower.kill("load");
        throw new PoolLoadError("the new worker was not known to a server in time: the old ones go on");
      }
    }
    old.holds = false;
    old.leave("restart");
    await old.until(["done", "gone"], grace);
  }
  if (next) adopt(next);
}

function leaves({ stage, over }: Member): boolean {
  return over || stage === "leaving";
}

/** Waits until a server knows the new worker, and says whether one does. Where none knows the old one, there is no gap to be closed. */
async function connected(next: Member, old: Member): Promise<boolean> {
  if (await next.until(["ready", "leaving", "done"], old.known ? CONNECTING : 0)) return true;
  return next.stage !== "gone" && !old.known;
}
