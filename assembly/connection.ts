/*
 * What the codec keeps for each connection. Nothing about a connection is held anywhere else: the instance is shared
 * by all of them, and no call leaves anything behind but the frame table (decoder.ts).
 */

import { ARENA_SIZE, WINDOW_SIZE } from "./layout";
import { allocate, release } from "./memory";
import { MAX_HANDLE_SIZE } from "./protocol";
import { Slots } from "./slots";

@unmanaged
export class Connection {
  window: usize;
  /** Offsets in the window: of the first byte not decoded, and behind the last one received. */
  start: i32;
  filled: i32;
  /** The fault that ended decoding, or 0; and the number that shows it (a type, a length). */
  fault: i32;
  detail: u32;
  /** Bytes that the last frame's packet still lacks: it is larger than the window, and its caller collects the rest. */
  missing: u32;
  maxPacketSize: u32;
  flags: i32;
  /** Where outgoing packets are put next to each other, and how many bytes they are. */
  arena: usize;
  used: i32;
  /** What the server's handles begin with, up to and with the colon before their number; none while it is 0 bytes. */
  handlePrefix: usize;
  handlePrefixSize: i32;
  uniquePrefix: usize;
  slots: Slots;
}

const HANDLE_PREFIX: usize = offsetof<Connection>() + offsetof<Slots>();
const UNIQUE_PREFIX: usize = HANDLE_PREFIX + 64;
const CONNECTION_SIZE: usize = UNIQUE_PREFIX + 16;

/** A new connection, or null when no memory is left. `maxPacketSize` limits a packet's body, in bytes. */
export function open(flags: i32, maxPacketSize: u32): Connection | null {
  const window = allocate(WINDOW_SIZE);
  const arena = allocate(ARENA_SIZE);
  const memory = allocate(CONNECTION_SIZE);
  if (window && arena && memory) {
    const connection = changetype<Connection>(memory);
    connection.window = window;
    connection.start = 0;
    connection.filled = 0;
    connection.fault = 0;
    connection.missing = 0;
    connection.flags = flags;
    connection.maxPacketSize = maxPacketSize;
    connection.arena = arena;
    connection.used = 0;
    connection.handlePrefix = memory + HANDLE_PREFIX;
    connection.handlePrefixSize = 0;
    connection.uniquePrefix = memory + UNIQUE_PREFIX;
    connection.slots = changetype<Slots>(memory + offsetof<Connection>());
    if (connection.slots.setup()) return connection;
  }
  if (window) release(window, WINDOW_SIZE);
  if (arena) release(arena, ARENA_SIZE);
  if (memory) release(memory, CONNECTION_SIZE);
  return null;
}

/** Hands back all that a connection holds. */
export function close(connection: Connection): void {
  connection.slots.teardown();
  release(connection.arena, ARENA_SIZE);
  release(connection.window, WINDOW_SIZE);
  release(changetype<usize>(connection), CONNECTION_SIZE);
}

/** Makes the bytes [from, from + size) the prefix of the handles whose numbers JOB_CREATED frames carry. */
export function setHandlePrefix(connection: Connection, from: usize, size: i32): void {
  connection.handlePrefixSize = <u32>size <= <u32>MAX_HANDLE_SIZE ? size : 0;
  memory.copy(connection.handlePrefix, from, connection.handlePrefixSize);
}

/** Where the 12 bytes go that the connection's generated uniques begin with. */
export function uniquePrefix(connection: Connection): usize {
  return connection.uniquePrefix;
}

/** Gives a job's slot up. */
export function unbind(connection: Connection, slot: i32): void {
  connection.slots.release(slot);
}

/** Bytes that the packet of the last frame still lacks. */
export function missing(connection: Connection): u32 {
  return connection.missing;
}

/** The number that shows what the connection's fault is: a packet type, a length, the first four bytes. */
export function detail(connection: Connection): u32 {
  return connection.detail;
}
