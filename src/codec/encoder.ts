import { ARENA_SIZE, UNIQUE_PREFIX_SIZE } from "../../assembly/layout.js";
import { ARGUMENT_MASK, LAYOUTS, PacketType, WITH_DATA } from "../../assembly/protocol.js";
import type { Instance } from "./instance.js";

/** Data of more bytes isn't copied into the arena: it goes out as its own part of the same write. */
const INLINE_LIMIT = 4096;

/** A string of at most so many UTF-16 units surely fits the arena as UTF-8, and is written there at once. */
const INLINE_TEXT_LIMIT = 8192;

const utf8 = new TextEncoder();

/** Puts outgoing packets together, next to each other, until `take` hands them out. */
export class Encoder {
  readonly #instance: Instance;
  readonly #connection: number;
  #parts: Uint8Array[] = [];
  /** Bytes in `#parts`, and in the arena. */
  #partsSize = 0;
  #used = 0;
  #closed = false;

  /** @internal: `Codec` makes it. */
  constructor(instance: Instance, connection: number) {
    this.#instance = instance;
    this.#connection = connection;
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
    const layout = LAYOUTS[type] as number;
    const count = layout & ARGUMENT_MASK;
    if (type < 1 || args.length !== count)
      throw new TypeError(`${PacketType[type] ?? type} takes ${count} arguments, not ${args.length}`);
    if (data !== undefined && !(layout & WITH_DATA)) throw new TypeError(`${PacketType[type]} takes no data`);
    let room = count;
    for (const arg of args) {
      if (typeof arg === "string" ? arg.includes("\0") : arg.includes(0)) {
        throw new TypeError(`an argument of ${PacketType[type]} has a NUL, which would end it early`);
      }
      room += sizeBound(arg);
    }
    const tail = outside(data);
    const inside = tail ? undefined : data;
    if (inside !== undefined) room += sizeBound(inside);
    if (room > ARENA_SIZE >> 1) throw new TypeError(`the arguments of ${PacketType[type]} are too long`);
    let at = this.#begin(() => this.#instance.exports.begin(this.#connection, type, room));
    for (const [index, arg] of args.entries()) {
      at = this.#put(arg, at);
      if (index < count - 1 || layout & WITH_DATA) this.#instance.bytes[at++] = 0;
    }
    if (inside !== undefined) at = this.#put(inside, at);
    this.#commit(at, tail);
  }

  /** Puts a submit down whose unique is generated: the prefix given to `Codec` and this serial number, in base 32. */
  submit(type: PacketType, name: string, serial: number, workload: string | Uint8Array): void {
    const { exports } = this.#instance;
    const known = this.#instance.name(name);
    if (!known) {
      this.packet(type, [name, `${this.#uniquePrefix()}${serial.toString(32)}`], workload);
      return;
    }
    const tail = outside(workload);
    const room = tail ? 0 : sizeBound(workload);
    let at = this.#begin(() => exports.submit(this.#connection, type, known.address, known.size, serial, room));
    if (!tail) at = this.#put(workload, at);
    this.#commit(at, tail);
  }

  /** Puts a WORK_* packet down about the job of a slot. `args` follow the handle. */
  work(type: PacketType, slot: number, args: readonly string[] = [], data?: string | Uint8Array): void {
    const withData = ((LAYOUTS[type] as number) & WITH_DATA) !== 0;
    const closed = args.length > 0 || withData ? 1 : 0;
    const tail = outside(data);
    const inside = tail ? undefined : data;
    let room = inside === undefined ? 0 : sizeBound(inside);
    for (const arg of args) room += sizeBound(arg) + 1;
    let at = this.#begin(() => this.#instance.exports.work(this.#connection, type, slot, closed, room));
    for (const [index, arg] of args.entries()) {
      at = this.#put(arg, at);
      if (index < args.length - 1 || withData) this.#instance.bytes[at++] = 0;
    }
    if (inside !== undefined) at = this.#put(inside, at);
    this.#commit(at, tail);
  }

  /** Puts a line of the text protocol, or an answer to one, down as it is: a string as its UTF-8 bytes. */
  text(line: string | Uint8Array): void {
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

  /** @internal */
  close(): void {
    this.take();
    this.#closed = true;
  }

  #begin(begin: () => number): number {
    if (this.#closed) throw new Error("this codec was closed");
    const at = begin();
    if (at) return at;
    // The arena is full: what it holds becomes a part, and the packet begins the next one.
    this.#spill();
    return begin();
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
    this.#parts.push(this.#instance.bytes.slice(arena, arena + this.#used));
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

  #uniquePrefix(): string {
    const from = this.#instance.exports.uniquePrefix(this.#connection);
    return String.fromCharCode(...this.#instance.bytes.subarray(from, from + UNIQUE_PREFIX_SIZE));
  }
}

/** Data that stays outside the arena, or undefined when it goes in. */
function outside(data: string | Uint8Array | undefined): Uint8Array | undefined {
  if (typeof data === "string") return data.length > INLINE_TEXT_LIMIT ? utf8.encode(data) : undefined;
  return data && data.length > INLINE_LIMIT ? data : undefined;
}

/** Bytes that a value takes at the most. */
function sizeBound(value: string | Uint8Array): number {
  return typeof value === "string" ? value.length * 3 : value.length;
}
