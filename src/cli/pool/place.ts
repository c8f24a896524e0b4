/*
 * Where a pool can be found: its pid file, and the socket beside it that it is asked by.
 */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { UsageError } from "../exit.js";

/** The longest path that the sockets of all systems take, in bytes. */
const LONGEST = 100;

/** Where a pool's pid file is, and its socket. */
export interface Place {
  readonly pidFile: string;
  readonly socket: string;
}

/**
 * Where a pool is.
 * @param pidFile what was given; default: a file of its own for each group of each configuration
 * @throws UsageError when the folder of such files is somebody else's
 */
export function placeOf(pidFile: string | undefined, group: string, config: string | undefined): Place {
  const file = path.resolve(pidFile ?? path.join(ownFolder(), `${plain(group)}-${hash(config ?? process.cwd())}.pid`));
  return { pidFile: file, socket: socketOf(file) };
}

function socketOf(pidFile: string): string {
  if (process.platform === "win32") return `\\\\.\\pipe\\edgear-${hash(pidFile)}`;
  const beside = `${pidFile}.sock`;
  return Buffer.byteLength(beside) <= LONGEST ? beside : path.join(ownFolder(), `${hash(pidFile)}.sock`);
}

/** A folder that is this user's alone. */
function ownFolder(): string {
  const runtime = process.env.XDG_RUNTIME_DIR;
  const user = process.getuid?.();
  const folder = runtime
    ? path.join(runtime, "edgear")
    : path.join(os.tmpdir(), `edgear-${user ?? os.userInfo().username}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  // In a folder for everybody somebody else may have been first.
  if (!found.isDirectory() || (user !== undefined && (found.uid !== user || (found.mode & 0o022) !== 0)))
    throw new UsageError(`${folder} must be a folder that only you can write to: name a pid file by --pid`);
  return folder;
}

/** The process that a pid file names; undefined when there is no such file, or no number in it. */
export function readPid(file: string): number | undefined {
  try {
    const text = readFileSync(file, "utf8").trim();
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Makes a folder, and those above it, where they aren't there. Whatever the umask is, others don't write to it. */
export function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
}

/** Writes a pid file, at once as a whole. */
export function writePid(file: string): void {
  makeFolder(path.dirname(file));
  const draft = `${file}.${process.pid}`;
  // One that was left behind.
  rmSync(draft, { force: true });
  createPid(draft);
  renameSync(draft, file);
}

/**
 * Makes a file that has this process's number in it. Whatever the umask is, others only read it: people end the process
 * whose number is there. One that is there already, and a link that somebody has put there, are left alone.
 * @throws what the system says, EEXIST for example
 */
export function createPid(file: string): void {
  writeFileSync(file, `${process.pid}\n`, { flag: "wx", mode: 0o644 });
}

/** Takes this process's pid file away. Another's stays. */
export function removePid(file: string): void {
  if (readPid(file) === process.pid) rmSync(file, { force: true });
}

/** Whether a process of that number runs. One that has ended, and whose parent hasn't noticed, doesn't. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  try {
    return !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function plain(text: string): string {
  return text.replace(/[^\w.-]/g, "_").slice(0, 40);
}
