import type { Exchange, Step } from "./exchange.ts";

const NOT_FOR_SERVERS: readonly (readonly [type: string, body: string])[] = [
  ["5", ""],
  ["NOOP", ""],
  ["JOB_CREATED", "h"],
  ["NO_JOB", ""],
  ["JOB_ASSIGN", "h\0f\0x"],
  ["ECHO_RES", "x"],
  ["ERROR", "a\0b"],
  ["STATUS_RES", "h\x001\x001\x000\x000"],
  ["ALL_YOURS", ""],
  ["OPTION_RES", "exceptions"],
  ["JOB_ASSIGN_UNIQ", "h\0f\0u\0x"],
  ["SUBMIT_JOB_SCHED", "f\0u\0*\0*\0*\0*\0*\0x"],
  ["JOB_ASSIGN_ALL", "h\0f\0u\0r\0x"],
  ["STATUS_RES_UNIQUE", "u\x001\x001\x000\x000\x001"],
];

/** Sends bytes after which nothing more is understood, and waits until the server closes. */
function ended(...steps: Step[]): Step[] {
  return [...steps, ["a", "END"], ["b", "GET_STATUS", "H:test:1"]];
}

/** What makes no sense, or breaks the protocol. */
export const faults: Record<string, Exchange> = {
  "packets that are not for a server": {
    steps: NOT_FOR_SERVERS.map(([type, body]): Step => ["a", "BODY", type, body]),
  },
  "packets with a response's magic": {
    steps: [
      ["a", "RES", "ECHO_REQ", "x"],
      ["a", "RES", "SUBMIT_JOB", "f\0u\0x"],
      ["a", "RES", "JOB_CREATED", "H:test:1"],
      ["a", "RES", "STATUS_RES", "h\x001\x001\x000\x000"],
      ["a", "RES", "NOOP", ""],
      ["a", "TEXT", "status"],
    ],
  },
  "bodies where none belongs": {
    steps: [
      ["a", "BODY", "GRAB_JOB", "body"],
      ["a", "BODY", "PRE_SLEEP", "\0\0"],
      ["a", "BODY", "NOOP", "body"],
      ["a", "BODY", "RESET_ABILITIES", "body"],
    ],
  },
  "a wrong magic": { steps: ended(["a", "BYTES", "\0BAD00000000"]) },
  "type 0": { steps: ended(["a", "BYTES", "\0REQ\0\0\0\0\0\0\0\0"]) },
  "type 43": { steps: ended(["a", "BYTES", "\0REQ\0\0\0\x2b\0\0\0\0"]) },
  "packets in pieces": {
    steps: [
      ["a", "BYTES", "\0"],
      ["b", "ECHO_REQ", "meanwhile"],
      ["a", "BYTES", "REQ\0\0\0\x12\0\0\0\x04f"],
      ["b", "GET_STATUS", "H:test:1"],
      ["a", "BYTES", "\0u\0"],
      ["a", "BODY", "5", ""],
      ["b", "TEXT", "status"],
    ],
  },
};
