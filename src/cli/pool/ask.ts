/*
 * `edgear pool stop|restart|ping`: what a running pool is asked.
 */

import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { ExitCode, Failure } from "../exit.js";
import { say, sayJson } from "../output.js";
import { type Answer, ask, NoAnswer, PATIENCE, type Question, removeSocket } from "./control.js";
import { lives, type Place, readPid } from "./place.js";
import { findPlace, type PoolChoice } from "./settings.js";

/** How long a pool may take to be gone when it has said that it has stopped, in milliseconds. */
const LEAVING = 10_000;

/** What these commands take. */
export interface AskOptions extends PoolChoice {
  readonly json?: boolean;
}

/** `edgear pool stop` */
export async function stop(
  name: string | undefined,
  options: AskOptions & { readonly grace?: number },
): Promise<ExitCode> {
  const found = await findPlace(name, options);
  const { grace } = options;
  await question(found, { ask: "status" }, PATIENCE);
  const told = await question(found, { ask: "stop", ...(grace !== undefined && { grace }) });
  const { group } = told;
  const pid = told.pid as number;
  const deadline = Date.now() + LEAVING;
  while (lives(pid) && readPid(found.place.pidFile) === pid && Date.now() < deadline) await delay(20);
  const aborted = told.aborted as number;
  if (options.json) await sayJson({ pid, aborted, jobs: told.jobs });
  else if (aborted === 0) await say(`${group} has stopped (process ${pid}).`);
  else
    await say(
      `${group} has stopped (process ${pid}); ${aborted === 1 ? "1 job was" : `${aborted} jobs were`} aborted, for other workers to do.`,
    );
  return aborted > 0 ? ExitCode.FAILED : ExitCode.DONE;
}

/** `edgear pool restart` */
export async function restart(name: string | undefined, options: AskOptions): Promise<void> {
  const found = await findPlace(name, options);
  await question(found, { ask: "status" }, PATIENCE);
  const { group, pid, replaced } = await question(found, { ask: "restart" });
  if (options.json) await sayJson({ pid, replaced });
  else await say(`${group} has ${replaced === 1 ? "1 new worker" : `${replaced} new workers`} (process ${pid}).`);
}

/** `edgear pool ping` */
export async function ping(
  name: string | undefined,
  options: AskOptions & { readonly timeout: number },
): Promise<void> {
  const found = await findPlace(name, options);
  const { timeout } = options;
  const { group, worker, pid, milliseconds } = await question(found, { ask: "ping", timeout }, timeout + PATIENCE);
  if (options.json) await sayJson({ worker, pid, milliseconds });
  else await say(`worker ${worker} (${pid}) of ${group} ${(milliseconds as number).toFixed(2)} ms`);
}

/**
 * Asks the pool that has a place.
 * @param limit how long it may take to answer, in milliseconds; default: as long as it likes
 * @throws Failure when there is none, or what it says is wrong
 */
export async function question(
  { name, place }: { name: string; place: Place },
  asked: Question,
  limit?: number,
): Promise<Extract<Answer, { ok: true }>> {
  let answer: Answer | undefined;
  try {
    answer = await ask(place.socket, asked, limit);
  } catch (error) {
    if (error instanceof NoAnswer) throw silent(name, place, error);
    throw new Failure(`the pool of ${name}: ${(error as Error).message}`);
  }
  if (!answer) throw absent(name, place);
  if (!answer.ok) throw new Failure(answer.error, answer.exit);
  return answer;
}

/** What there is to say of a pool that listens, and doesn't answer: it was stopped by a signal, perhaps. */
export function silent(name: string, { pidFile }: Place, { message }: NoAnswer): Failure {
  const pid = readPid(pidFile);
  return new Failure(
    `the pool of ${name}${pid === undefined ? "" : `, process ${pid},`} doesn't answer: ${message}`,
    ExitCode.SILENT,
  );
}

/** What there is to say of a pool that isn't there. What it has left behind is taken away. */
export function absent(name: string, { pidFile, socket }: Place): Failure {
  const pid = readPid(pidFile);
  if (pid === undefined)
    return new Failure(`the pool of ${name} doesn't run: there is no ${pidFile}`, ExitCode.RUNS_NOT);
  if (lives(pid))
    return new Failure(
      `process ${pid} of ${pidFile} doesn't answer as a pool does: it may be another program's number by now`,
      ExitCode.STALE,
    );
  rmSync(pidFile, { force: true });
  removeSocket(socket);
  return new Failure(
    `the pool of ${name} doesn't run: process ${pid} has ended without removing ${pidFile}, which is removed now`,
    ExitCode.STALE,
  );
}
