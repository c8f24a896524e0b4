/*
 * The encoder: outgoing packets are written next to each other in an arena, which the library sends as one piece a
 * tick. A packet is begun (its header and the arguments that the codec knows are written), its caller writes the rest
 * behind them, and `commit` fills in the length. A workload too large to be worth a copy stays outside: its packet's
 * length counts it, and the caller sends it right after the arena.
 */

import { Connection } from "./connection";
import { ARENA_SIZE, NO_SLOT, REQUESTS, UNIQUE_PREFIX_SIZE } from "./layout";
import { allocate } from "./memory";
import { HEADER_SIZE } from "./protocol";

/** Begins a packet that needs up to `room` bytes of body here: where they go, or 0 when the arena must be sent first. */
export function begin(connection: Connection, type: u32, room: i32): usize {
  if (<i64>connection.used + HEADER_SIZE + room > ARENA_SIZE) return 0;
  const at = connection.arena + connection.used;
  store<u64>(at, ((<u64>bswap<u32>(type)) << 32) | (connection.flags & REQUESTS ? 0x53455200 : 0x51455200));
  return at + HEADER_SIZE;
}

/** Ends the packet begun last: its body reaches to `end` here, and `outside` bytes follow the arena. Says how full the arena is. */
export function commit(connection: Connection, end: usize, outside: u32): i32 {
  const at = connection.arena + connection.used;
  store<u32>(at, bswap<u32>(<u32>(end - at) - HEADER_SIZE + outside), 8);
  connection.used = <i32>(end - connection.arena);
  return connection.used;
}

/**
 * Begins a submit: the function's name from where `intern` put it, and the unique with this serial number (0: an
 * empty one). The `room` bytes are the workload's.
 */
export function submit(connection: Connection, type: u32, name: usize, nameSize: i32, serial: u32, room: i32): usize {
  let at = begin(connection, type, nameSize + UNIQUE_PREFIX_SIZE + 9 + room);
  if (!at) return 0;
  memory.copy(at, name, nameSize);
  at += nameSize;
  store<u8>(at++, 0);
  if (serial) {
    const prefix = connection.uniquePrefix;
    store<u64>(at, load<u64>(prefix));
    store<u32>(at, load<u32>(prefix, 8), 8);
    at += UNIQUE_PREFIX_SIZE;
    // In base 32, the digits that JavaScript's Number.prototype.toString(32) gives.
    for (let shift = ((31 - clz<i32>(serial)) / 5) * 5; shift >= 0; shift -= 5) {
      const digit = (serial >>> shift) & 31;
      store<u8>(at++, digit + (digit < 10 ? 0x30 : 0x57));
    }
  }
  store<u8>(at++, 0);
  return at;
}

/**
 * Begins a packet about the job of a slot: as `begin`, or NO_SLOT when the slot is no job's. A NUL ends the handle when
 * more arguments or data follow.
 */
export function work(connection: Connection, type: u32, slot: i32, closed: bool, room: i32): usize {
  if (!connection.slots.bound(slot)) return <usize>NO_SLOT;
  const size = connection.slots.size(slot);
  let at = begin(connection, type, <i32>size + 1 + room);
  if (!at) return 0;
  memory.copy(at, connection.slots.bytes(slot), size);
  at += size;
  if (closed) store<u8>(at++, 0);
  return at;
}

/** The arena that holds what was committed. */
export function arena(connection: Connection): usize {
  return connection.arena;
}

/** Begins the arena anew, its bytes having been copied out. */
export function reset(connection: Connection): void {
  connection.used = 0;
}

/** Room for `size` bytes that stay: a function's name, kept for all connections. 0 when no memory is left. */
export function intern(size: i32): usize {
  return allocate(size);
}
