import type { Exchange } from "./exchange.ts";

/** An exchange in which JobServer answers otherwise than gearmand 1.1.20, on purpose. */
export interface Deliberate extends Exchange {
  /** What gearmand does, and what JobServer does: a row of the table in docs/server.md. */
  readonly says: readonly [gearmand: string, jobServer: string];
}

/** All deliberate differences. The table in docs/server.md has just these. */
export const deliberate: Record<string, Deliberate> = {
  "an exception of others is a failure": {
    says: ["its handle ends in a NUL, and libgearman waits for ever", "it ends as others do"],
    steps: [
      ["c", "SUBMIT_JOB", "f", "u"],
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
      ["w", "WORK_EXCEPTION", "H:test:1", "why"],
    ],
    differs: {
      3: { gearmand: ["c: WORK_FAIL H:test:1\u0000"], jobServer: ["c: WORK_FAIL H:test:1"] },
    },
  },
  "an option that ends in a NUL": {
    says: ["the NUL comes back", "it doesn't"],
    steps: [["c", "OPTION_REQ", "exceptions\u0000"]],
    differs: {
      0: { gearmand: ["c: OPTION_RES exceptions\u0000"], jobServer: ["c: OPTION_RES exceptions"] },
    },
  },
  "a unique of 64 bytes": {
    says: ["taken, cut, never joined, and a NUL is put before the worker's workload", "one like any other"],
    steps: [
      ["c", "SUBMIT_JOB_BG", "f", "u".repeat(64), "x"],
      ["c", "SUBMIT_JOB_BG", "f", "u".repeat(64), "x"],
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB_UNIQ"],
    ],
    differs: {
      1: { gearmand: ["c: JOB_CREATED H:test:2"], jobServer: ["c: JOB_CREATED H:test:1"] },
      3: {
        gearmand: [`w: JOB_ASSIGN_UNIQ H:test:1\u0000f\u0000${"u".repeat(63)}\u0000\u0000x`],
        jobServer: [`w: JOB_ASSIGN_UNIQ H:test:1\u0000f\u0000${"u".repeat(64)}\u0000x`],
      },
    },
  },
  "a reduce job's unique of 65 bytes": {
    says: ["cut to 63 bytes", "`ARGUMENT_TOO_LARGE`, as for other jobs"],
    steps: [["c", "SUBMIT_REDUCE_JOB", "f", "u".repeat(65), "sum", "", "x"]],
    differs: {
      0: {
        gearmand: ["c: JOB_CREATED H:test:1"],
        jobServer: ["c: ERROR ARGUMENT_TOO_LARGE\u0000Unique value too large"],
      },
    },
  },
  "a status that nobody can have": {
    says: ["no answer, or a closed connection", "not known"],
    steps: [["c", "GET_STATUS", "h".repeat(64)]],
    differs: {
      0: { jobServer: [`c: STATUS_RES ${"h".repeat(64)}\u00000\u00000\u00000\u00000`] },
    },
  },
  "a unique that nobody can have": {
    says: ["no answer, or a closed connection", "not known"],
    steps: [["c", "GET_STATUS_UNIQUE", "u".repeat(64)]],
    differs: {
      0: { jobServer: [`c: STATUS_RES_UNIQUE ${"u".repeat(64)}\u00000\u00000\u00000\u00000\u00000`] },
    },
  },
  "a time that is no time": {
    says: ["no answer, or a closed connection", "the largest there is"],
    steps: [["c", "SUBMIT_JOB_EPOCH", "f", "u", "99999999999999999999", "x"]],
    differs: {
      0: { jobServer: ["c: JOB_CREATED H:test:1"] },
    },
  },
  "a denominator of twelve digits": {
    says: ["not passed on, or a closed connection", "not passed on"],
    steps: [
      ["c", "SUBMIT_JOB", "f", "u"],
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
      ["w", "WORK_STATUS", "H:test:1", "1", "123456789012"],
    ],
    differs: {
      3: { jobServer: [] },
    },
  },
  "a time limit of 21 digits": {
    says: ["passed over, or a closed connection", "passed over"],
    steps: [["w", "CAN_DO_TIMEOUT", "f", "123456789012345678901"]],
    differs: {
      0: { jobServer: [] },
    },
  },
  "a function that is registered twice": {
    says: ["two workers", "one worker"],
    steps: [
      ["w", "CAN_DO", "f"],
      ["w", "CAN_DO", "f"],
      ["w", "TEXT", "workers"],
      ["w", "TEXT", "status"],
    ],
    differs: {
      2: {
        gearmand: ["w: FD 127.0.0.1 - :\n", "w: FD 127.0.0.1 - : f f\n", "w: .\n"],
        jobServer: ["w: FD 127.0.0.1 - :\n", "w: FD 127.0.0.1 - : f\n", "w: .\n"],
      },
      3: { gearmand: ["w: f\t0\t0\t2\n", "w: .\n"], jobServer: ["w: f\t0\t0\t1\n", "w: .\n"] },
    },
  },
  "a foreground client joins a background job, and leaves": {
    says: ["the job is dropped", "the job is done"],
    steps: [
      ["c", "SUBMIT_JOB_BG", "f", "u", "x"],
      ["d", "SUBMIT_JOB", "f", "u", "x"],
      ["d", "CLOSE"],
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
    ],
    differs: {
      4: { gearmand: ["w: NO_JOB"], jobServer: ["w: JOB_ASSIGN H:test:1\u0000f\u0000x"] },
    },
  },
  "a queued job that nobody wants any more": {
    says: ["stays, counted, until a worker asks; who joins it hears nothing, ever", "gone at once, its unique free"],
    steps: [
      ["c", "SUBMIT_JOB", "f", "u", "old"],
      ["c", "CLOSE"],
      ["d", "TEXT", "show jobs"],
      ["d", "SUBMIT_JOB", "f", "u", "new"],
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
    ],
    differs: {
      2: { gearmand: ["d: H:test:1\t0\t1\t0\n", "d: .\n"], jobServer: ["d: .\n"] },
      3: { gearmand: ["d: JOB_CREATED H:test:1"], jobServer: ["d: JOB_CREATED H:test:2"] },
      5: { gearmand: ["w: NO_JOB"], jobServer: ["w: JOB_ASSIGN H:test:2\u0000f\u0000new"] },
    },
  },
  "a job whose client left while it ran, and that another client joined": {
    says: ["dropped when its worker is lost", "given to the next worker"],
    steps: [
      ["c", "SUBMIT_JOB", "f", "u", "x"],
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
      ["c", "CLOSE"],
      ["d", "SUBMIT_JOB", "f", "u", "x"],
      ["w", "CLOSE"],
      ["v", "CAN_DO", "f"],
      ["v", "GRAB_JOB"],
    ],
    differs: {
      7: { gearmand: ["v: NO_JOB"], jobServer: ["v: JOB_ASSIGN H:test:1\u0000f\u0000x"] },
    },
  },
  "a queued job is cancelled twice, and submitted again": {
    says: ["stays as one that nobody wants; each time its client is told", "gone at once, its unique free"],
    steps: [
      ["c", "SUBMIT_JOB", "f", "u", "x"],
      ["a", "TEXT", "cancel job H:test:1"],
      ["a", "TEXT", "status"],
      ["a", "TEXT", "cancel job H:test:1"],
      ["c", "SUBMIT_JOB", "f", "u", "x"],
    ],
    differs: {
      2: { gearmand: ["a: f\t1\t0\t0\n", "a: .\n"], jobServer: ["a: f\t0\t0\t0\n", "a: .\n"] },
      3: { gearmand: ["a: OK\r\n", "c: WORK_FAIL H:test:1"], jobServer: ["a: ERR UNKNOWN_JOB\r\n"] },
      4: { gearmand: ["c: JOB_CREATED H:test:1"], jobServer: ["c: JOB_CREATED H:test:2"] },
    },
  },
  "a running job is cancelled": {
    says: [
      "its client gets WORK_FAIL, and data and result all the same",
      "its client gets WORK_FAIL, and that is that; its unique is free",
    ],
    steps: [
      ["c", "SUBMIT_JOB", "f", "u", "x"],
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
      ["a", "TEXT", "cancel job H:test:1"],
      ["a", "TEXT", "cancel job H:test:1"],
      ["a", "TEXT", "show jobs"],
      ["w", "WORK_DATA", "H:test:1", "late"],
      ["w", "WORK_COMPLETE", "H:test:1", "late"],
    ],
    differs: {
      4: { gearmand: ["a: OK\r\n", "c: WORK_FAIL H:test:1"], jobServer: ["a: OK\r\n"] },
      6: { gearmand: ["c: WORK_DATA H:test:1\u0000late"], jobServer: [] },
      7: { gearmand: ["c: WORK_COMPLETE H:test:1\u0000late"], jobServer: [] },
    },
  },
  "a function is created by a line that ends in a bare line feed": {
    says: ["its name loses a character", "it doesn't"],
    steps: [
      ["a", "TEXT", "create function f1\n"],
      ["a", "TEXT", "status"],
    ],
    differs: {
      1: { gearmand: ["a: f\t0\t0\t0\n", "a: .\n"], jobServer: ["a: f1\t0\t0\t0\n", "a: .\n"] },
    },
  },
  "a function with queued jobs is dropped": {
    says: ["nobody ever gets the jobs, and their uniques are taken for good", "refused"],
    steps: [
      ["c", "SUBMIT_JOB_BG", "f", "u", "x"],
      ["a", "TEXT", "drop function f"],
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
    ],
    differs: {
      1: { gearmand: ["a: OK\r\n"], jobServer: ["a: ERR there are still connected workers or executing clients\r\n"] },
      3: { gearmand: ["w: NO_JOB"], jobServer: ["w: JOB_ASSIGN H:test:1\u0000f\u0000x"] },
    },
  },
  "the queue of a function that is not there yet is limited": {
    says: ["`OK`, and forgotten", "remembered"],
    steps: [
      ["a", "TEXT", "maxqueue f 1"],
      ["c", "SUBMIT_JOB_BG", "f", "1"],
      ["c", "SUBMIT_JOB_BG", "f", "2"],
    ],
    differs: {
      2: { gearmand: ["c: JOB_CREATED H:test:2"], jobServer: ["c: ERROR QUEUE_ERROR\u0000Job queue is full"] },
    },
  },
  "a low job behind one whose time has not come": {
    says: ["not given out, while PRE_SLEEP is answered by NOOP: workers spin", "given out"],
    steps: [
      ["c", "SUBMIT_JOB_EPOCH", "f", "later", "{in 600}", "x"],
      ["c", "SUBMIT_JOB_LOW_BG", "f", "low", "x"],
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
      ["w", "PRE_SLEEP"],
    ],
    differs: {
      3: { gearmand: ["w: NO_JOB"], jobServer: ["w: JOB_ASSIGN H:test:2\u0000f\u0000x"] },
      4: { gearmand: ["w: NOOP"], jobServer: [] },
    },
  },
  "sleeping workers, and a job whose time comes": {
    says: [
      "woken when it is submitted, for nothing; not when it is due (2.x does)",
      "woken when it is due (`wakeForDelayed`)",
    ],
    steps: [
      ["w", "CAN_DO", "f"],
      ["w", "PRE_SLEEP"],
      ["c", "SUBMIT_JOB_EPOCH", "f", "soon", "{in 1}", "x"],
      ["w", "GRAB_JOB"],
      ["w", "PRE_SLEEP"],
      ["w", "WAIT", "1300"],
    ],
    differs: {
      2: { gearmand: ["c: JOB_CREATED H:test:1", "w: NOOP"], jobServer: ["c: JOB_CREATED H:test:1"] },
      5: { gearmand: [], jobServer: ["w: NOOP"] },
    },
  },
  "priorities over several functions": {
    says: ["one function's jobs first (2.x: the highest priority)", "the highest priority first (`priorities`)"],
    steps: [
      ["c", "SUBMIT_JOB_LOW_BG", "f", "1"],
      ["c", "SUBMIT_JOB_HIGH_BG", "g", "2"],
      ["w", "CAN_DO", "g"],
      ["w", "CAN_DO", "f"],
      ["w", "GRAB_JOB"],
    ],
    differs: {
      4: { gearmand: ["w: JOB_ASSIGN H:test:1\u0000f\u0000"], jobServer: ["w: JOB_ASSIGN H:test:2\u0000g\u0000"] },
    },
  },
  "two jobs with a time limit on one connection": {
    says: ["the last one's is kept, and may go on when the job is done", "each has its own"],
    steps: [
      ["c", "SUBMIT_JOB_BG", "f", "1"],
      ["c", "SUBMIT_JOB_BG", "f", "2"],
      ["w", "CAN_DO_TIMEOUT", "f", "1000"],
      ["w", "GRAB_JOB"],
      ["w", "GRAB_JOB"],
      ["w", "WAIT", "1500"],
      ["c", "TEXT", "status"],
    ],
    differs: {
      6: { gearmand: ["c: f\t2\t1\t1\n", "c: .\n"], jobServer: ["c: f\t2\t0\t1\n", "c: .\n"] },
    },
  },
  "arguments of 9,000 bytes": {
    says: ["the connection is closed", "an ERROR first"],
    steps: [
      ["a", "BYTES", `\u0000REQ\u0000\u0000\u0000\u0012\u0000\u0000#,${"f".repeat(9000)}\u0000u\u0000x`],
      ["a", "END"],
    ],
    differs: {
      1: {
        gearmand: ["a: closed"],
        jobServer: ["a: ERROR ARGUMENT_TOO_LARGE\u0000A packet's arguments may have 8192 bytes at most", "a: closed"],
      },
    },
  },
  "an argument without its NUL": {
    says: ["waits, and takes the next packet for it", "an ERROR, and the connection is closed"],
    steps: [
      ["a", "BYTES", "\u0000REQ\u0000\u0000\u0000\u0007\u0000\u0000\u0000\u0002AA"],
      ["a", "END"],
    ],
    differs: {
      0: { jobServer: [] },
      1: { jobServer: ["a: ERROR INVALID_PACKET\u0000An argument, or the NUL that ends it, is missing", "a: closed"] },
    },
    alone: true,
  },
  "a packet that is too large": {
    says: [
      "there is no limit, and the memory is set aside at once",
      "an ERROR, and the connection is closed (`maxPacketSize`)",
    ],
    jobServer: { maxPacketSize: 1024 },
    steps: [["a", "ECHO_REQ", "x".repeat(2000)]],
    differs: {
      0: {
        gearmand: [`a: ECHO_RES ${"x".repeat(2000)}`],
        jobServer: ["a: ERROR ARGUMENT_TOO_LARGE\u0000A packet's body may have 1024 bytes at most", "a: closed"],
      },
    },
  },
  "a packet of type 2^31 or more": {
    says: ["the server crashes", "the connection is closed"],
    steps: [
      ["a", "BYTES", "\u0000REQÿÿÿÿ\u0000\u0000\u0000\u0000"],
      ["a", "END"],
      ["b", "GET_STATUS", "H:test:1"],
    ],
    differs: {
      0: { jobServer: [] },
      1: { jobServer: ["a: closed"] },
      2: { jobServer: ["b: STATUS_RES H:test:1\u00000\u00000\u00000\u00000"] },
    },
    alone: true,
  },
  "the version": {
    says: ["its own", "Edgear's, and `+edgear`"],
    steps: [["a", "TEXT", "version"]],
    differs: {
      0: { gearmand: ["a: OK 1.1.20+ds\n"], jobServer: ["a: OK 0.1.0+edgear\n"] },
    },
  },
  "the order of `status`, `workers`, `show jobs`": {
    says: ["that of its hash tables and threads", "the oldest first"],
    steps: [],
  },
  "the first column of `workers`": { says: ["a file descriptor", "a number that no other connection had"], steps: [] },
  "a client that does not read what it is sent": {
    says: ["all of it is kept", "more than `maxPending` bytes cost it the connection (tested in hostile.test.ts)"],
    steps: [],
  },
};
