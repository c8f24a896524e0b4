import { ARENA_SIZE, NO_SLOT } from "../../assembly/layout.js";
import {
  ARGUMENT_MASK,
  HEADER_SIZE,
  LAYOUTS,
  MAX_HANDLE_SIZE,
  PacketType,
  WITH_DATA,
} from "../../assembly/protocol.js";
import type { Instance } from "./instance.js";

/** Data of more bytes isn't copied into the arena: it goes out as its own part of the same write. */
const INLINE_LIMIT = 4096;

/** A string of at most so many UTF-16 units surely fits the arena as UTF-8, and is written there at once. */
const INLINE_TEXT_LIMIT = 8192;

/** The largest body that fits the arena. */
const LARGEST_BODY = ARENA_SIZE - HEADER_SIZE;

/** The layout of the packets that `submit` puts down: function, unique and workload. */
const SUBMIT = 2 | WITH_DATA;

const utf8 = new TextEncoder();

const CLOSED = "this codec was closed";

/** Puts outgoing packets together, next to each other, until `take` hands them out. */
export class Encoder {
  readonly #instance: Instance;
  readonly #connection: number;
  readonly #uniquePrefix: string;
  readonly #handleElsewhere: (slot: number) => Uint8Array | undefined;
  #parts: Uint8Array[] = [];
  /** Bytes in `#parts`, and in the arena. */
  #partsSize = 0;
  #used = 0;
  #closed = false;
  /** Whether large parts may lie in memory that `reuse` takes back. Else each has its own, with nothing else in it. @internal */
  lends = false;

  /** @internal: `Codec` makes it. */
  constructor(
    instance: Instance,
    connection: number,
    uniquePrefix: string,
    handleElsewhere: (slot: number) => Uint8Array | undefined,
  ) {
    this.#instance = instance;
    this.#connection = connection;
    this.#uniquePrefix = uniquePrefix;
    this.#handleElsewhere = handleElsewhere;
  }

  /** Bytes that wait for `take`. */
  get size(): number {
    return this.#partsSize + this.#used;
  }

  /**
   * Puts down any packet.
   * @throws TypeError when the packet has another number of arguments, takes no data, or an argument has a NUL
   */
  packet(type: PacketType, args: readonly (string | Uint8Array)[] = [], data?: string | Uint8Array): void {
    const withData = checkParts(type, args, args.length, data);
    let tail = outside(data);
    let inside = tail ? undefined : data;
    let room = sizeOf(args) + (inside === undefined ? 0 : sizeBound(inside));
    if (room > LARGEST_BODY) {
      // That may be because text was counted with three bytes a character: now it is counted exactly.
      args = args.map(asBytes);
      tail = data === undefined ? undefined : asBytes(data);
      inside = undefined;
      room = sizeOf(args);
    }
    if (room > LARGEST_BODY)
      throw new TypeError(`the arguments of ${PacketType[type]} have more than ${LARGEST_BODY} bytes`);
    const at = this.#begin(() => this.#instance.exports.begin(this.#connection, type, room));
    this.#end(args, withData, inside, tail, at);
  }

  /**
   * Puts a submit down whose unique is generated: the prefix given to `Codec` and this serial number (1 to 2^32 - 1),
   * in base 32. With the serial 0 the unique is empty.
   * @throws TypeError when the packet is none with a function and a unique, or the function's name has a NUL
   */
  submit(type: PacketType, name: string, serial: number, workload: string | Uint8Array): void {
    if (LAYOUTS[type] !== SUBMIT)
      throw new TypeError(`${PacketType[type] ?? type} isn't made of a function, a unique and a workload`);
    if (serial >>> 0 !== serial) throw new TypeError(`a serial number has 32 bits, and ${serial} isn't one`);
    if (serial && !this.#uniquePrefix) throw new TypeError("a codec without uniquePrefix generates no uniques");
    const known = this.#instance.name(name);
    if (!known) {
      this.packet(type, [name, serial ? `${this.#uniquePrefix}${serial.toString(32)}` : ""], workload);
      return;
    }
    const { exports } = this.#instance;
    const tail = outside(workload);
    const room = tail ? 0 : sizeBound(workload);
    let at = this.#begin(() => exports.submit(this.#connection, type, known.address, known.size, serial, room));
    if (!tail) at = this.#put(workload, at);
    this.#commit(at, tail);
  }

  /**
   * Puts a WORK_* packet down about the job of a slot. `args` follow the handle.
   * @throws TypeError as `packet`, and when the slot is no job's
   */
  work(type: PacketType, slot: number, args: readonly string[] = [], data?: string | Uint8Array): void {
    const withData = checkParts(type, args, args.length + 1, data);
    const closed = args.length > 0 || withData ? 1 : 0;
    const tail = outside(data);
    const inside = tail ? undefined : data;
    const room = sizeOf(args) + (inside === undefined ? 0 : sizeBound(inside));
    if (room > LARGEST_BODY - MAX_HANDLE_SIZE - 1)
      throw new TypeError(`the arguments of ${PacketType[type]} are too long`);
    const at = this.#begin(() => this.#instance.exports.work(this.#connection, type, slot, closed, room));
    if (at === NO_SLOT) {
      const handle = this.#handleElsewhere(slot);
      if (!handle) throw new TypeError(`${PacketType[type]} is to be about slot ${slot}, which is no job's`);
      this.packet(type, [handle, ...args], data);
      return;
    }
    this.#end(args, withData, inside, tail, at);
  }

  /** Puts a line of the text protocol, or an answer to one, down as it is: a string as its UTF-8 bytes. */
  text(line: string | Uint8Array): void {
    if (this.#closed) throw new Error(CLOSED);
    this.#outside(typeof line === "string" ? utf8.encode(line) : line);
  }

  /** Hands out what was put down, in order, and begins anew. The parts stay as they are; large workloads among them are the caller's own bytes. */
  take(): Uint8Array[] {
    if (this.#closed) return [];
    this.#spill();
    const parts = this.#parts;
    this.#parts = [];
    this.#partsSize = 0;
    return parts;
  }

  /** Takes back parts that `take` handed out, and that nobody reads any more: their memory serves others. @internal */
  reuse(parts: readonly Uint8Array[]): void {
    this.#instance.reuse(parts);
  }

  /** Drops what was put down. @internal */
  close(): void {
    this.#closed = true;
    this.#parts = [];
    this.#partsSize = 0;
    this.#used = 0;
  }

  #begin(begin: () => number): number {
    if (this.#closed) throw new Error(CLOSED);
    const at = begin();
    if (at) return at;
    // The arena is full: what it holds becomes a part, and the packet begins the next one.
    this.#spill();
    return begin();
  }

  /** Writes the last arguments and the data that goes in behind `at`, and ends the packet. */
  #end(
    args: readonly (string | Uint8Array)[],
    withData: boolean,
    inside: string | Uint8Array | undefined,
    tail: Uint8Array | undefined,
    at: number,
  ): void {
    for (let index = 0; index < args.length; index++) {
      at = this.#put(args[index] as string | Uint8Array, at);
      if (withData || index < args.length - 1) this.#instance.bytes[at++] = 0;
    }
    if (inside !== undefined) at = this.#put(inside, at);
    this.#commit(at, tail);
  }

  #commit(end: number, tail: Uint8Array | undefined): void {
    this.#used = this.#instance.exports.commit(this.#connection, end, tail?.length ?? 0);
    if (tail) this.#outside(tail);
  }

  #outside(part: Uint8Array): void {
    this.#spill();
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#partsSize += part.length;
  }

  /** Copies what the arena holds into a part: the arena is written to again while a socket still sends. */
  #spill(): void {
    if (this.#used === 0) return;
    const arena = this.#instance.exports.arena(this.#connection);
    const end = arena + this.#used;
    this.#parts.push(this.lends ? this.#instance.copy(arena, end) : this.#instance.bytes.slice(arena, end));
    this.#partsSize += this.#used;
    this.#used = 0;
    this.#instance.exports.reset(this.#connection);
  }

  #put(value: string | Uint8Array, at: number): number {
    const { bytes } = this.#instance;
    if (typeof value !== "string") {
      bytes.set(value, at);
      return at + value.length;
    }
    // Names, numbers and handles are short and ASCII: a loop is faster than a view and encodeInto.
    if (value.length <= 64) {
      let index = 0;
      for (; index < value.length; index++) {
        const unit = value.charCodeAt(index);
        if (unit > 0x7f) break;
        bytes[at + index] = unit;
      }
      if (index === value.length) return at + index;
    }
    return at + utf8.encodeInto(value, bytes.subarray(at, at + value.length * 3)).written;
  }
}

/** Data that stays outside the arena, or undefined when it goes in. */
function outside(data: string | Uint8Array | undefined): Uint8Array | undefined {
  if (typeof data === "string") return data.length > INLINE_TEXT_LIMIT ? utf8.encode(data) : undefined;
  return data !== undefined && sizeBound(data) > INLINE_LIMIT ? data : undefined;
}

/**
 * Bytes that a value takes at the most.
 * @throws TypeError when it is neither text nor bytes
 */
function sizeBound(value: string | Uint8Array): number {
  if (typeof value === "string") return value.length * 3;
  const size: number | undefined = value?.byteLength;
  if (size === undefined || size !== value.length) throw new TypeError("arguments and data are strings or Uint8Arrays");
  return size;
}

/** Bytes that arguments take at the most, each with a closing NUL. */
function sizeOf(args: readonly (string | Uint8Array)[]): number {
  let size = args.length;
  for (const arg of args) size += sizeBound(arg);
  return size;
}

function asBytes(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? utf8.encode(value) : value;
}

/**
 * Whether a packet may end in data.
 * @throws TypeError when it doesn't consist of so many arguments, `args` being the last of them, and this data
 */
function checkParts(
  type: PacketType,
  args: readonly (string | Uint8Array)[],
  given: number,
  data: string | Uint8Array | undefined,
): boolean {
  const layout = LAYOUTS[type];
  if (layout === undefined || type === PacketType.TEXT) throw new TypeError(`there is no packet of type ${type}`);
  const count = layout & ARGUMENT_MASK;
  if (given !== count)
    throw new TypeError(`${PacketType[type]} takes ${count} argument${count === 1 ? "" : "s"}, not ${given}`);
  const withData = (layout & WITH_DATA) !== 0;
  if (data !== undefined && !withData) throw new TypeError(`${PacketType[type]} takes no data`);
  for (const arg of args) {
    if (typeof arg === "string" ? arg.includes("\0") : sizeBound(arg) > 0 && arg.includes(0))
      throw new TypeError(`an argument of ${PacketType[type]} has a NUL, which would end it early`);
  }
  return withData;
}
