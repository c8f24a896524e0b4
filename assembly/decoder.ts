/*
 * The decoder: one call turns all complete packets of a connection's window into rows of the frame table.
 *
 * Invariants: nothing outside [start, filled) of the window decides anything; what came in pieces decodes as what
 * came whole; a fault is kept, so that the frames before it are delivered first; payload bytes are never looked at.
 */

import { Connection } from "./connection";
import {
  ARGUMENTS_TOO_LONG,
  BAD_HANDLE,
  BAD_MAGIC,
  BAD_TYPE,
  FRAME_ARGUMENTS,
  FRAME_BODY,
  FRAME_DATA,
  FRAME_END,
  FRAME_LIMIT,
  FRAME_SLOT,
  FRAME_TYPE,
  FRAME_WORDS,
  LENIENT,
  LINE_TOO_LONG,
  MISSING_ARGUMENT,
  NO_REQUEST,
  NO_SLOT,
  REQUESTS,
  TEXT_LINES,
  TOO_LARGE,
  UNEXPECTED_BODY,
  WINDOW_SIZE,
} from "./layout";
import { allocate } from "./memory";
import {
  ARGUMENT_MASK,
  HEADER_SIZE,
  LAST_PACKET_TYPE,
  LAYOUTS,
  MAX_HANDLE_SIZE,
  MAX_LINE_SIZE,
  PacketType,
  WITH_DATA,
} from "./protocol";
import { decimal, equal, find, findNuls, readU32 } from "./scan";

/** The table that `decode` fills. All connections share it: its frames are gone with the next call. */
export const FRAMES: usize = allocate(FRAME_LIMIT * FRAME_WORDS * 4);
const FRAME_SIZE: usize = FRAME_WORDS << 2;

// The frame's words, as byte offsets.
const TYPE: usize = FRAME_TYPE << 2;
const BODY: usize = FRAME_BODY << 2;
const END: usize = FRAME_END << 2;
const SLOT: usize = FRAME_SLOT << 2;
const DATA: usize = FRAME_DATA << 2;
const ARGUMENTS: usize = FRAME_ARGUMENTS << 2;

const MAGIC_REQUEST: u32 = 0x51455200; // "\0REQ", read little-endian
const MAGIC_RESPONSE: u32 = 0x53455200; // "\0RES"

/** Moves what is left in the window to its front and says where the next bytes go. There is always room for at least one. */
export function room(connection: Connection): usize {
  const start = connection.start;
  if (start) {
    const left = connection.filled - start;
    memory.copy(connection.window, connection.window + start, left);
    connection.start = 0;
    connection.filled = left;
  }
  return connection.window + connection.filled;
}

/** How many bytes may go there. */
export function roomSize(connection: Connection): i32 {
  return WINDOW_SIZE - connection.filled;
}

/** Decodes what is complete after `received` more bytes: the number of frames, or a fault. Until it says 0, call again with 0. */
export function decode(connection: Connection, received: i32): i32 {
  connection.filled += received;
  connection.missing = 0;
  connection.slots.recycle();
  let frame: usize = FRAMES;
  let count = 0;
  let at = connection.window + connection.start;
  const end = connection.window + connection.filled;
  while (count < FRAME_LIMIT && at < end && !connection.fault) {
    const next = load<u8>(at) ? line(connection, frame, at, end) : packet(connection, frame, at, end);
    if (!next) break;
    count++;
    frame += FRAME_SIZE;
    at = next;
  }
  connection.start = <i32>(at - connection.window);
  return count == 0 && connection.fault ? connection.fault : count;
}

function fail(connection: Connection, fault: i32, detail: u32): usize {
  connection.fault = fault;
  connection.detail = detail;
  return 0;
}

/** Decodes the line of the text protocol at `at`: the address behind it, or 0 when it isn't complete, or wrong. */
function line(connection: Connection, frame: usize, at: usize, end: usize): usize {
  if (!(connection.flags & TEXT_LINES)) return fail(connection, BAD_MAGIC, seen(at, end));
  const limit: usize = connection.flags & LENIENT ? MAX_LINE_SIZE : WINDOW_SIZE;
  // A newline further on counts for nothing, or it would matter in which pieces the line came.
  const newline = find(0x0a, at, min(end, at + limit));
  if (!newline) return end - at >= limit ? fail(connection, LINE_TOO_LONG, <u32>limit) : 0;
  store<u32>(frame, PacketType.TEXT, TYPE);
  store<u32>(frame, <u32>at, BODY);
  store<u32>(frame, <u32>newline, END);
  store<i32>(frame, NO_SLOT, SLOT);
  store<u32>(frame, <u32>at, DATA);
  return newline + 1;
}

/** The up to four bytes that have come from `at` on. What lies behind them may be another connection's, and isn't shown. */
function seen(at: usize, end: usize): u32 {
  const unseen = at + 4 > end ? 32 - ((<u32>(end - at)) << 3) : 0;
  return (readU32(at) >>> unseen) << unseen;
}

/** Decodes the packet at `at`: the address behind it, or 0 when it isn't complete, or wrong. */
function packet(connection: Connection, frame: usize, at: usize, end: usize): usize {
  const available = <u32>(end - at);
  const magic = connection.flags & REQUESTS ? MAGIC_REQUEST : MAGIC_RESPONSE;
  // The bytes of the magic that are there must be right, so that a peer which speaks something else is known by its first bytes.
  const unseen = available < 4 ? 32 - (available << 3) : 0;
  const other = (load<u32>(at) ^ magic) << unseen;
  const lenient = connection.flags & LENIENT;
  if (other && !(lenient && !((load<u32>(at) ^ MAGIC_RESPONSE) << unseen))) {
    return fail(connection, BAD_MAGIC, seen(at, end));
  }
  if (available < 8) return 0;
  const type = readU32(at + 4);
  if (type - 1 >= <u32>LAST_PACKET_TYPE) return fail(connection, BAD_TYPE, type);
  if (available < <u32>HEADER_SIZE) return 0;
  const size = readU32(at + 8);
  if (size > connection.maxPacketSize) return fail(connection, TOO_LARGE, size);

  const layout = unchecked(LAYOUTS[type]);
  if (!layout && size && !lenient) return fail(connection, UNEXPECTED_BODY, type);
  const body = at + HEADER_SIZE;
  const whole = <u32>HEADER_SIZE + size;
  const large = whole > <u32>WINDOW_SIZE;
  if (!large && available < whole) return 0;

  // Addresses are below 2^31 (the build's fixed maximum), and so is maxPacketSize: their sum is no overflow.
  const bodyEnd = body + size;
  const here = large ? end : bodyEnd;
  const count = layout & ARGUMENT_MASK;
  const withData = layout & WITH_DATA;
  const separators = withData ? count : count - 1;
  const ends = frame + ARGUMENTS;
  // Only data is collected outside the window: arguments must fit it.
  if (large && !withData) return fail(connection, ARGUMENTS_TOO_LONG, type);
  if (separators > 0 && !findNuls(body, here, separators, ends)) {
    if (!large) return fail(connection, MISSING_ARGUMENT, type);
    // They may still be on their way, as long as the window has room for them.
    return at + WINDOW_SIZE > end ? 0 : fail(connection, ARGUMENTS_TOO_LONG, type);
  }

  store<u32>(frame, type, TYPE);
  store<u32>(frame, <u32>body, BODY);
  store<u32>(frame, <u32>bodyEnd, END);
  let data = bodyEnd;
  if (withData) data = separators ? <usize>load<u32>(ends + ((separators - 1) << 2)) + 1 : body;
  else if (count) store<u32>(ends + (separators << 2), <u32>bodyEnd);
  store<u32>(frame, <u32>data, DATA);
  const fault = handle(connection, frame, type, body);
  if (fault) return fail(connection, fault, type);
  if (other) store<i32>(frame, NO_REQUEST, SLOT);
  if (large) {
    connection.missing = <u32>(bodyEnd - end);
    return end;
  }
  return bodyEnd;
}

/** Finds the job that a frame is about: a fault when its handle is none, or 0. */
function handle(connection: Connection, frame: usize, type: u32, body: usize): i32 {
  store<i32>(frame, type == PacketType.JOB_CREATED ? 0 : NO_SLOT, SLOT);
  if (connection.flags & REQUESTS) return 0;
  switch (type) {
    case PacketType.JOB_CREATED:
    case PacketType.WORK_FAIL:
      // gearmand's WORK_FAIL that stands in for an exception carries the NUL that ended the worker's handle.
      if (load<u32>(frame, END) > <u32>body && !load<u8>(load<u32>(frame, END) - 1)) {
        store<u32>(frame, load<u32>(frame, END) - 1, ARGUMENTS);
      }
      break;
    case PacketType.JOB_ASSIGN:
    case PacketType.JOB_ASSIGN_UNIQ:
    case PacketType.JOB_ASSIGN_ALL:
    case PacketType.WORK_STATUS:
    case PacketType.WORK_COMPLETE:
    case PacketType.WORK_EXCEPTION:
    case PacketType.WORK_DATA:
    case PacketType.WORK_WARNING:
      break;
    default:
      return 0;
  }
  const end = <usize>load<u32>(frame, ARGUMENTS);
  const size = end - body;
  if (size == 0 || size > <usize>MAX_HANDLE_SIZE || find(0, body, end)) return BAD_HANDLE;
  switch (type) {
    case PacketType.JOB_CREATED:
      // Only the caller knows whether it will follow this job: `bind` is its to call.
      store<u32>(frame, number(connection, body, end), SLOT);
      return 0;
    case PacketType.JOB_ASSIGN:
    case PacketType.JOB_ASSIGN_UNIQ:
    case PacketType.JOB_ASSIGN_ALL:
      store<i32>(frame, connection.slots.bind(body, size), SLOT);
      return 0;
    default:
      store<i32>(frame, connection.slots.find(body, size), SLOT);
      return 0;
  }
}

/** The number of a handle that is the connection's prefix and a number, else 0. */
function number(connection: Connection, handle: usize, end: usize): u32 {
  const size = <usize>connection.handlePrefixSize;
  if (!size || end - handle <= size || !equal(handle, connection.handlePrefix, size)) return 0;
  return decimal(handle + size, end);
}

/** Gives the job of a frame of the last `decode` a slot, or says the one it has. NO_SLOT when the table can't grow. */
export function bind(connection: Connection, frame: i32): i32 {
  const row = FRAMES + <usize>frame * FRAME_SIZE;
  const body = <usize>load<u32>(row, BODY);
  return connection.slots.bind(body, <usize>load<u32>(row, ARGUMENTS) - body);
}

/** The slot of the job of a frame of the last `decode`, as it is now, or NO_SLOT. */
export function lookUp(connection: Connection, frame: i32): i32 {
  const row = FRAMES + <usize>frame * FRAME_SIZE;
  const body = <usize>load<u32>(row, BODY);
  return connection.slots.find(body, <usize>load<u32>(row, ARGUMENTS) - body);
}
