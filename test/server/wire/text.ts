import type { Exchange, Step } from "./exchange.ts";

/** Lines of one connection, each with its answer. */
function lines(...texts: string[]): Step[] {
  return texts.map((text): Step => ["a", "TEXT", text]);
}

/** The text protocol. */
export const text: Record<string, Exchange> = {
  "lists of nothing": {
    steps: lines(
      "status",
      "STATUS x",
      "prioritystatus",
      "PriorityStatus x",
      "show jobs",
      "show unique jobs",
      "workers x",
    ),
  },
  "verbose, and what there is not": {
    steps: lines("verbose", "verbose x", "jobs", "kill 1", "shutdown", "shutdown graceful", "help", "nonsense here"),
  },
  "lines that are not quite commands": {
    steps: [
      ...lines("", " status", "  status", "show", "show ", "show foo", "show jobs x", "show  jobs", "SHOW JOBS"),
      ...lines("show jobs ", "show unique", "show unique jobs x", "Show Unique Jobs", "show unique jobs "),
      ...lines("status ", "status  ", "status\n", "\n", "show jobs\n", "a b c d e"),
    ],
  },
  "a sixth word": { steps: [...lines("a b c d e f"), ["b", "TEXT", "maxqueue f 1 2 3 4"]] },
  "a line as long as can be": { steps: lines("x".repeat(8_190), `${"x".repeat(8_191)}\n`) },
  "a line that is too long": {
    steps: [
      ["a", "BYTES", "x".repeat(9_000)],
      ["a", "END"],
    ],
  },
  "a NUL in a line": {
    steps: lines("status\0x", "status\0 1 2 3 4 5 6", "show\0x jobs", "show jobs\0x", "show jobs\0 x", "\x01\0"),
  },
  "functions are created": {
    steps: [
      ...lines("create", "create function", "create function a b", "create func a", "create function a", "status"),
      ...lines("CREATE FUNCTION a", "create function a", "status", "create function "),
    ],
  },
  "functions are dropped": {
    steps: [
      ...lines("drop", "drop function", "drop func a", "drop function a b", "drop function a"),
      ...lines("create function Aa", "drop function aA", "drop function Aa", "status"),
      ...lines("create function b", "drop function b\n", "status"),
      ["w", "CAN_DO", "c"],
      ...lines("drop function c"),
      ["w", "CANT_DO", "c"],
      ...lines("drop function c", "status"),
    ],
  },
  "a function with workers and jobs is not dropped": {
    steps: [
      ["w", "CAN_DO", "f"],
      ["a", "SUBMIT_JOB_BG", "f", "u"],
      ...lines("drop function f"),
      ["w", "GRAB_JOB"],
      ...lines("drop function f", "status"),
    ],
  },
  "maxqueue, and its words": {
    steps: lines(
      "maxqueue",
      "maxqueue f",
      "maxqueue f 1",
      "create function f",
      "maxqueue f x",
      "maxqueue f 1 2",
      "MAXQUEUE f 1 2 3",
    ),
  },
  "cancel, and its words": {
    steps: lines(
      ...["cancel", "cancel job", "cancel job ", "cancel foo bar", "cancel job a b", "cancel job H:test:1"],
      ...["CANCEL JOB H:test:1", "cancel function f", "cancel job H:test:1\n"],
    ),
  },
  "workers of all kinds": {
    steps: [
      ["w", "CAN_DO", "f"],
      ["w", "CAN_DO", "g"],
      ["w", "SET_CLIENT_ID", "w 1"],
      ["v", "CAN_DO", "f"],
      ["v", "SET_CLIENT_ID", ""],
      ["c", "SUBMIT_JOB_BG", "f", "u"],
      ...lines("workers", "status"),
      ["w", "GRAB_JOB"],
      ...lines("status", "prioritystatus"),
    ],
  },
  "a name that ends in a NUL": {
    steps: [
      ["w", "CAN_DO", "f\0"],
      ["w", "CAN_DO", "f"],
      ["a", "SUBMIT_JOB_BG", "f", "u"],
      ...lines("workers", "status", "prioritystatus"),
    ],
  },
  "jobs and uniques are shown, as they come and go": {
    steps: [
      ["c", "SUBMIT_JOB", "f", "1"],
      ["c", "SUBMIT_JOB_BG", "f", "1", "joins"],
      ["c", "SUBMIT_JOB_BG", "f", "", "none"],
      ["c", "SUBMIT_JOB_BG", "f", "-", "by workload"],
      ...lines("show jobs", "show unique jobs"),
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
      ...lines("show jobs", "show unique jobs"),
      ["w", "WORK_COMPLETE", "H:test:1"],
      ...lines("show jobs", "show unique jobs"),
    ],
  },
  "queued jobs are cancelled": {
    steps: [
      ["c", "SUBMIT_JOB", "f", "1"],
      ["c", "SUBMIT_JOB", "f", "1"],
      ["d", "SUBMIT_JOB_BG", "f", "2"],
      ...lines("cancel job H:test:1", "cancel job H:test:2"),
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
      ["w", "GRAB_JOB"],
      ...lines("cancel job H:test:1", "show jobs", "status"),
    ],
  },
  "text and packets take turns on one connection": {
    steps: [
      ["a", "SUBMIT_JOB_BG", "f", "u"],
      ["a", "BYTES", "status\nverbose"],
      ["a", "TEXT", " x y"],
      ["a", "GET_STATUS", "H:test:1"],
    ],
  },
};
