import type { Server } from "node:net";
import { ExitCode, Failure } from "../exit.js";
import { type Answer, ask, listen, NoAnswer, PATIENCE, type Question, removeSocket } from "./control.js";
import { isPool, lock } from "./lock.js";
import { lives, type Place, readPid, removePid, writePid } from "./place.js";

/** A pool's place, taken. */
export interface Claim {
  /** What was found there, and is no pool's any more. */
  readonly stale: string | undefined;
  /** Gives it back. */
  release(): void;
}

/**
 * Takes a place for this process: nobody else's pool may be there.
 * @throws Failure when there is one
 */
export async function claim(
  place: Place,
  group: string,
  answer: (question: Question) => Promise<Answer>,
): Promise<Claim> {
  // Of two that are started at once, the second looks when the first is there.
  const unlock = await lock(`${place.pidFile}.lock`);
  try {
    return await take(place, group, answer);
  } finally {
    unlock();
  }
}

async function take(place: Place, group: string, answer: (question: Question) => Promise<Answer>): Promise<Claim> {
  const { pidFile, socket } = place;
  const left = readPid(pidFile);
  const running = await whoRuns(place, group);
  if (running !== undefined)
    throw new Failure(`the pool of ${group} runs already: process ${running} (${pidFile})`, ExitCode.RUNS_ALREADY);
  if (left !== undefined && left !== process.pid && lives(left) && isPool(left)) throw silent(left, pidFile);
  removeSocket(socket);
  const server = await open(socket, group, pidFile, answer);
  writePid(pidFile);
  return {
    stale:
      left === undefined
        ? undefined
        : `${pidFile} was left behind by process ${left}, which ${lives(left) ? "is no pool" : "is gone"}`,
    release: () => {
      server.close();
      removePid(pidFile);
    },
  };
}

/**
 * The process of the pool that has a place; undefined when none has.
 * @throws Failure when somebody listens there, and doesn't answer as a pool does
 */
async function whoRuns({ pidFile, socket }: Place, group: string): Promise<number | undefined> {
  try {
    const answer = await ask(socket, { ask: "status" }, PATIENCE);
    return answer?.ok ? (answer.pid as number) : undefined;
  } catch (error) {
    const pid = readPid(pidFile);
    if (pid !== undefined && error instanceof NoAnswer) throw silent(pid, pidFile);
    throw new Failure(
      `the pool of ${group} can't listen at ${socket}: ${(error as Error).message}`,
      ExitCode.RUNS_ALREADY,
    );
  }
}

function silent(pid: number, pidFile: string): Failure {
  return new Failure(
    `process ${pid} of ${pidFile} is a pool that doesn't answer: end it, or remove the file if it is another's`,
    ExitCode.RUNS_ALREADY,
  );
}

async function open(
  socket: string,
  group: string,
  pidFile: string,
  answer: (question: Question) => Promise<Answer>,
): Promise<Server> {
  try {
    return await listen(socket, answer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE")
      throw new Failure(`another pool of ${group} is being started right now (${pidFile})`, ExitCode.RUNS_ALREADY);
    throw new Failure(`${socket} can't be listened on: ${(error as Error).message}`);
  }
}
