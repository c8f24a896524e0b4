/*
 * What the codec and the library agree on: the shape of the frame table, the flags of a connection, the faults. As
 * protocol.ts, this file is read by both compilers.
 */

/** Words (of 4 bytes) that a frame takes in the table. */
export const FRAME_WORDS = 12;
/** Frames that one call of `decode` yields at the most. */
export const FRAME_LIMIT = 1024;

// A frame's words. Positions are addresses in the codec's memory. Argument i ends at word FRAME_ARGUMENTS + i and begins
// one byte after argument i - 1 ended; the first begins with the body.
export const FRAME_TYPE = 0;
export const FRAME_BODY = 1;
export const FRAME_END = 2;
/** The slot of the job that the packet is about, or NO_SLOT; of JOB_CREATED, its handle's number or 0. */
export const FRAME_SLOT = 3;
/** Where the data part begins; FRAME_END where there is none. */
export const FRAME_DATA = 4;
export const FRAME_ARGUMENTS = 5;

/** No slot. */
export const NO_SLOT = -1;

/**
 * In a frame's slot, which requests have none in: the packet came with a response's magic. gearmand answers such a one
 * with an error, and reads on.
 */
export const NO_REQUEST = -2;

/**
 * Bits of a connection's flags: the peer sends requests (we are the server); it may send lines of text as well; what
 * gearmand lets pass is no fault (a response's magic, a body where none belongs).
 */
export const REQUESTS = 1;
export const TEXT_LINES = 2;
export const LENIENT = 4;

/** Bytes of a connection's receive window. */
export const WINDOW_SIZE = 65536;
/** Bytes of an arena, in which outgoing packets are put together. */
export const ARENA_SIZE = 65536;
/** Bytes that the generated uniques of a connection begin with. */
export const UNIQUE_PREFIX_SIZE = 12;

// What can be wrong with what the peer sent, as `decode` says it.
export const BAD_MAGIC = -1;
export const BAD_TYPE = -2;
export const TOO_LARGE = -3;
export const MISSING_ARGUMENT = -4;
export const UNEXPECTED_BODY = -5;
export const BAD_HANDLE = -6;
export const LINE_TOO_LONG = -7;
export const ARGUMENTS_TOO_LONG = -8;
