/*
 * The Gearman protocol's numbers, in one place. Two compilers read this file: asc puts it into the codec, tsc into
 * the library, so it holds only what both languages mean alike: an enum, integer constants and integer arrays.
 *
 * Source of every figure: gearmand (libgearman/command.cc, libgearman-1.0/limits.h), where the public PROTOCOL text
 * differs from it. SUBMIT_REDUCE_JOB is one such place: the server wants a fourth argument before the workload.
 */

/** Packet types, by the protocol's own names and numbers. */
export enum PacketType {
  /** Not a packet: a line of the text protocol, which shares the port and the connection with the binary one. */
  TEXT = 0,
  CAN_DO = 1,
  CANT_DO = 2,
  RESET_ABILITIES = 3,
  PRE_SLEEP = 4,
  /** A number that no packet uses. */
  UNUSED = 5,
  NOOP = 6,
  SUBMIT_JOB = 7,
  JOB_CREATED = 8,
  GRAB_JOB = 9,
  NO_JOB = 10,
  JOB_ASSIGN = 11,
  WORK_STATUS = 12,
  WORK_COMPLETE = 13,
  WORK_FAIL = 14,
  GET_STATUS = 15,
  ECHO_REQ = 16,
  ECHO_RES = 17,
  SUBMIT_JOB_BG = 18,
  ERROR = 19,
  STATUS_RES = 20,
  SUBMIT_JOB_HIGH = 21,
  SET_CLIENT_ID = 22,
  CAN_DO_TIMEOUT = 23,
  ALL_YOURS = 24,
  WORK_EXCEPTION = 25,
  OPTION_REQ = 26,
  OPTION_RES = 27,
  WORK_DATA = 28,
  WORK_WARNING = 29,
  GRAB_JOB_UNIQ = 30,
  JOB_ASSIGN_UNIQ = 31,
  SUBMIT_JOB_HIGH_BG = 32,
  SUBMIT_JOB_LOW = 33,
  SUBMIT_JOB_LOW_BG = 34,
  SUBMIT_JOB_SCHED = 35,
  SUBMIT_JOB_EPOCH = 36,
  SUBMIT_REDUCE_JOB = 37,
  SUBMIT_REDUCE_JOB_BACKGROUND = 38,
  GRAB_JOB_ALL = 39,
  JOB_ASSIGN_ALL = 40,
  GET_STATUS_UNIQUE = 41,
  STATUS_RES_UNIQUE = 42,
}

/** The highest packet type there is. */
export const LAST_PACKET_TYPE = 42;

/** Set in LAYOUTS for a packet that ends in a data part: then every argument ends in a NUL, else every one but the last. */
export const WITH_DATA = 8;
/** The bits of LAYOUTS that count arguments. */
export const ARGUMENT_MASK = 7;

/** What the body of each packet type is made of, by its number: how many arguments, and whether data follows them. */
export const LAYOUTS = [
  0, // TEXT
  1, // CAN_DO: function
  1, // CANT_DO: function
  0, // RESET_ABILITIES
  0, // PRE_SLEEP
  0, // UNUSED
  0, // NOOP
  2 | WITH_DATA, // SUBMIT_JOB: function, unique
  1, // JOB_CREATED: handle
  0, // GRAB_JOB
  0, // NO_JOB
  2 | WITH_DATA, // JOB_ASSIGN: handle, function
  3, // WORK_STATUS: handle, numerator, denominator
  1 | WITH_DATA, // WORK_COMPLETE: handle
  1, // WORK_FAIL: handle
  1, // GET_STATUS: handle
  0 | WITH_DATA, // ECHO_REQ
  0 | WITH_DATA, // ECHO_RES
  2 | WITH_DATA, // SUBMIT_JOB_BG: function, unique
  2, // ERROR: code, text
  5, // STATUS_RES: handle, known, running, numerator, denominator
  2 | WITH_DATA, // SUBMIT_JOB_HIGH: function, unique
  1, // SET_CLIENT_ID: id
  2, // CAN_DO_TIMEOUT: function, milliseconds
  0, // ALL_YOURS
  1 | WITH_DATA, // WORK_EXCEPTION: handle
  1, // OPTION_REQ: option
  1, // OPTION_RES: option
  1 | WITH_DATA, // WORK_DATA: handle
  1 | WITH_DATA, // WORK_WARNING: handle
  0, // GRAB_JOB_UNIQ
  3 | WITH_DATA, // JOB_ASSIGN_UNIQ: handle, function, unique
  2 | WITH_DATA, // SUBMIT_JOB_HIGH_BG: function, unique
  2 | WITH_DATA, // SUBMIT_JOB_LOW: function, unique
  2 | WITH_DATA, // SUBMIT_JOB_LOW_BG: function, unique
  7 | WITH_DATA, // SUBMIT_JOB_SCHED: function, unique, minute, hour, day of month, month, day of week
  3 | WITH_DATA, // SUBMIT_JOB_EPOCH: function, unique, seconds since 1970
  4 | WITH_DATA, // SUBMIT_REDUCE_JOB: function, unique, reducer, (ignored)
  4 | WITH_DATA, // SUBMIT_REDUCE_JOB_BACKGROUND: function, unique, reducer, (ignored)
  0, // GRAB_JOB_ALL
  4 | WITH_DATA, // JOB_ASSIGN_ALL: handle, function, unique, reducer
  1, // GET_STATUS_UNIQUE: unique
  6, // STATUS_RES_UNIQUE: unique, known, running, numerator, denominator, clients
];

/** Bytes of a packet's header: magic, type and body length, four each, big-endian. */
export const HEADER_SIZE = 12;
/** The longest job handle, in bytes: gearmand keeps 64 with the closing NUL. */
export const MAX_HANDLE_SIZE = 63;
/** The longest unique id, in bytes. gearmand takes a 64th and breaks on it: it never coalesces, and its worker's workload begins with a NUL. */
export const MAX_UNIQUE_SIZE = 63;
/** The longest function name that fits gearmand's 8 KiB argument buffer beside a unique, a reducer and the header. */
export const MAX_FUNCTION_SIZE = 8000;
/** The longest client id that gearmand keeps, in bytes. */
export const MAX_CLIENT_ID_SIZE = 127;
/** The longest line of the text protocol that gearmand reads, in bytes, the newline included. */
export const MAX_LINE_SIZE = 8192;
/** The longest header and arguments of one packet, together, that gearmand's receive buffer holds, in bytes. Data doesn't count. */
export const MAX_ARGUMENTS_SIZE = 8192;
/** The most words that a line of the text protocol may have. gearmand closes the connection at a sixth. */
export const MAX_LINE_WORDS = 5;
/** The port that gearmand listens on unless it is told another. */
export const DEFAULT_PORT = 4730;
