/*
 * Where a pool's log goes: words to the standard error, JSON to the standard output, a file or the system's log.
 */
import { pino } from "pino";
import type { Pool, PoolEvents } from "../../pool/index.js";
import { LogLevel, logger } from "../log.js";
import { note } from "../output.js";
import { LogFile } from "./logfile.js";
import { openSyslog } from "./syslog.js";
import { EVENTS, type Level, WORDS } from "./words.js";

/** A pool's log. */
export interface PoolLog {
  /** Whether what workers write is to be told as events: it would get between the lines of JSON otherwise. */
  readonly lines: boolean;
  write(level: Level, words: string, details?: object): void;
  /** Opens its file anew: logrotate has moved the old one. */
  reopen(): void;
  close(): void;
}

const ORDER: readonly Level[] = ["trace", "debug", "info", "warn", "error"];

/** Bytes of lines that the standard output has yet to take, one that is about to be written included. */
const MOST = 2 ** 20;

/**
 * Opens a log.
 * @param to nothing for words on the standard error; `json`, `syslog`, `syslog:<socket>` or a file's path
 * @param least what is said at the least
 */
export function openLog(to: string | undefined, least: Level, group: string): PoolLog {
  if (to === undefined) return openWords(least);
  const syslog = /^syslog(?::(.+))?$/.exec(to);
  if (syslog) {
    const system = openSyslog(syslog[1]);
    return openPino(least, group, system, { close: () => system.close() });
  }
  if (to === "json") {
    // What is not taken, by a full disk for example, is dropped, and not collected.
    const output = pino.destination({ fd: 1, sync: true, maxLength: MOST });
    output.on("error", tellOnce);
    output.on("drop", tellDropped);
    return openPino(least, group, output, {});
  }
  const file = new LogFile(to);
  return openPino(least, group, file, { reopen: () => file.reopen(), close: () => file.close() });
}

let told = false;

/** A reader who has left, as `head` does, wants to hear no more of it. */
function tellOnce(error: NodeJS.ErrnoException): void {
  if (!told && error.code !== "EPIPE") note("error", `the log can't be written: ${error.message}`);
  told = true;
}

let dropped = false;

/** What can't be written is dropped, too: that was said then. */
function tellDropped(): void {
  if (!told && !dropped)
    note("error", `the log has lost a line, and tells of no other: there is room for ${MOST} bytes at a time`);
  dropped = true;
}

function openWords(least: Level): PoolLog {
  const log = logger(LogLevel.EVERYTHING);
  const from = ORDER.indexOf(least);
  return {
    lines: false,
    write: (level, words) => {
      if (ORDER.indexOf(level) >= from) log[level === "trace" ? "debug" : level](words);
    },
    reopen: () => {},
    close: () => {},
  };
}

function openPino(
  least: Level,
  group: string,
  stream: { write(line: string): void },
  { reopen = () => {}, close = () => {} }: { reopen?: () => void; close?: () => void },
): PoolLog {
  const log = pino(
    {
      level: least,
      base: { group, pool: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    stream,
  );
  return { lines: true, write: (level, words, details) => log[level](details ?? {}, words), reopen, close };
}

/** Has a log told what happens in a pool, from a level on. */
export function logPool(pool: Pool, log: PoolLog, least: Level): void {
  const from = ORDER.indexOf(least);
  for (const name of EVENTS) {
    // Nobody listens to what nobody is told: of jobs there are many.
    if (ORDER.indexOf(loudest(name)) >= from) listen(pool, name, log, from);
  }
}

function listen<Name extends keyof PoolEvents>(pool: Pool, name: Name, log: PoolLog, from: number): void {
  pool.on(name, (event) => {
    const [level, words] = WORDS[name](event);
    if (ORDER.indexOf(level) < from) return;
    const { error } = event as { error?: unknown };
    log.write(level, words, { event: name, ...event, ...(error instanceof Error && { error: error.message }) });
  });
}

/** As loud as an event can be. */
function loudest(name: keyof PoolEvents): Level {
  switch (name) {
    case "no-jobs":
    case "idle":
    case "connect:before":
    case "register:before":
      return "trace";
    case "job:start":
      return "debug";
    default:
      return "error";
  }
}
