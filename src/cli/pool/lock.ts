import { linkSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ExitCode, Failure } from "../exit.js";
import { createPid, lives, makeFolder, readPid, removePid } from "./place.js";

/** How long another one that is being started is waited for, in milliseconds: it may be asking a pool that is slow. */
const PATIENCE = 15_000;

/** How old a lock is that names no process because its own was killed, in milliseconds. */
const UNWRITTEN = 5_000;

/**
 * Takes a file that only one process can have. What a process that is gone has left is no obstacle.
 * @returns gives it back
 * @throws Failure when another process keeps it
 */
export async function lock(file: string): Promise<() => void> {
  makeFolder(path.dirname(file));
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      createPid(file);
      return () => removePid(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST")
        throw new Failure(`${file} can't be written: ${(error as Error).message}`);
    }
    if (isLeft(file)) clear(file);
    else if (Date.now() < deadline) await delay(20);
    else
      throw new Failure(
        `another pool is being started by process ${readPid(file)}, which doesn't get on (${file})`,
        ExitCode.RUNS_ALREADY,
      );
  }
}

/** Takes a lock away that was left. */
function clear(file: string): void {
  const taken = `${file}.${process.pid}`;
  try {
    renameSync(file, taken);
    // Somebody else was faster, and has the place: it is given back.
    if (!isLeft(taken)) linkSync(taken, file);
  } catch {
    // Whoever was faster still is there when it is looked for again.
  }
  rmSync(taken, { force: true });
}

/** Whether whoever has written a lock is gone. */
function isLeft(file: string): boolean {
  const holder = readPid(file);
  // A number may be given again: this process has none of its own there.
  if (holder !== undefined) return holder === process.pid || !lives(holder) || !isPool(holder);
  try {
    return Date.now() - statSync(file).mtimeMs > UNWRITTEN;
  } catch {
    return false;
  }
}

/**
 * Whether a process may be a pool, by the arguments that it has: "php-fpm: pool www" is one argument, and no pool of ours.
 * Where the system doesn't say, it may be.
 */
export function isPool(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("pool");
  } catch {
    return process.platform !== "linux";
  }
}
