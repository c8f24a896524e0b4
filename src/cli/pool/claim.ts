import { readFileSync } from "node:fs";
import type { Server } from "node:net";
import { ExitCode, Failure } from "../exit.js";
import { type Answer, ask, listen, type Question, removeSocket } from "./control.js";
import { lives, type Place, readPid, removePid, writePid } from "./place.js";

/** How long a pool may take to say that it is there, in milliseconds. */
const PATIENCE = 5_000;

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
  const { pidFile, socket } = place;
  const running = await whoRuns(place);
  if (running !== undefined)
    throw new Failure(`the pool of ${group} runs already: process ${running} (${pidFile})`, ExitCode.RUNS_ALREADY);
  const left = readPid(pidFile);
  if (left !== undefined && left !== process.pid && lives(left) && isPool(left))
    throw new Failure(
      `process ${left} of ${pidFile} is a pool that doesn't answer: end it, or remove the file if it is another's`,
      ExitCode.RUNS_ALREADY,
    );
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

/** The process of the pool that has a place; undefined when none has. */
export async function whoRuns({ socket }: Place): Promise<number | undefined> {
  const answer = await ask(socket, { ask: "status" }, PATIENCE);
  return answer?.ok ? (answer.pid as number) : undefined;
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

/** Whether a process may be a pool, by its command line; where the system doesn't say, it may be. */
function isPool(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("pool");
  } catch {
    return process.platform !== "linux";
  }
}
