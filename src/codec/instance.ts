import { CODEC_PAGES, codecModule } from "#platform";
import { ARENA_SIZE } from "../../assembly/layout.js";

/** What assembly/index.ts exports. Pointers and sizes are numbers. */
interface Exports {
  readonly FRAMES: { readonly value: number };
  open(flags: number, maxPacketSize: number): number;
  close(connection: number): void;
  setHandlePrefix(connection: number, from: number, size: number): void;
  uniquePrefix(connection: number): number;
  unbind(connection: number, slot: number): void;
  missing(connection: number): number;
  detail(connection: number): number;
  room(connection: number): number;
  roomSize(connection: number): number;
  decode(connection: number, received: number): number;
  bind(connection: number, frame: number): number;
  lookUp(connection: number, frame: number): number;
  begin(connection: number, type: number, room: number): number;
  commit(connection: number, end: number, outside: number): number;
  submit(connection: number, type: number, name: number, nameSize: number, serial: number, room: number): number;
  work(connection: number, type: number, slot: number, closed: number, room: number): number;
  arena(connection: number): number;
  reset(connection: number): void;
  intern(size: number): number;
}

/** Bytes of function names that an instance keeps. Programs use a few names; one that makes them up must not fill it. */
const NAMES_SIZE = 262_144;
/** The longest of them, in UTF-16 units. */
const NAME_LENGTH = 512;

/** Arenas' worth of memory that is kept to be lent again. */
const SPARE = 8;

/** A name in the codec's memory. */
export interface Name {
  readonly address: number;
  readonly size: number;
}

/** The codec, instantiated: its functions, and its memory, which never grows, so that these views stay good. */
export class Instance {
  readonly exports: Exports;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Where the frame table begins, in words. */
  readonly frames: number;
  /** The connection whose frames are being delivered, or 0: the next `decode`, of any connection here, would overwrite them. */
  delivering = 0;
  readonly #names = new Map<string, Name>();
  #namesSize = 0;
  readonly #spare: ArrayBuffer[] = [];
  readonly #lent = new WeakSet<ArrayBufferLike>();

  constructor(module: object, pages: number) {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.exports = new WebAssembly.Instance(module as WebAssembly.Module, { env: { memory } })
      .exports as unknown as Exports;
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Int32Array(memory.buffer);
    this.frames = this.exports.FRAMES.value >> 2;
  }

  /** A copy of bytes of an arena. Large ones lie in memory that can be given back: to make and collect it costs more than to fill it. */
  copy(from: number, end: number): Uint8Array {
    const size = end - from;
    if (size < ARENA_SIZE / 4) return this.bytes.slice(from, end);
    const buffer = this.#spare.pop() ?? new ArrayBuffer(ARENA_SIZE);
    this.#lent.add(buffer);
    const copy = new Uint8Array(buffer, 0, size);
    copy.set(this.bytes.subarray(from, end));
    return copy;
  }

  /** Takes copies back that nobody reads any more. Other bytes are left alone. */
  reuse(parts: readonly Uint8Array[]): void {
    for (const { buffer } of parts) {
      if (this.#lent.delete(buffer) && this.#spare.length < SPARE) this.#spare.push(buffer as ArrayBuffer);
    }
  }

  /** A function's name in the codec's memory, or undefined when it isn't kept there: it is long, no name, or one too many. */
  name(text: string): Name | undefined {
    const known = this.#names.get(text);
    if (known || this.#namesSize >= NAMES_SIZE || text.length > NAME_LENGTH || text.includes("\0")) return known;
    const bytes = new TextEncoder().encode(text);
    const address = this.exports.intern(bytes.length);
    if (!address) return undefined;
    this.bytes.set(bytes, address);
    const name = { address, size: bytes.length };
    this.#names.set(text, name);
    // Blocks are powers of two, from 64 bytes.
    this.#namesSize += Math.max(64, bytes.length * 2);
    return name;
  }
}

let module: object | undefined;
const instances = new Set<Instance>();

/** An instance in which `open` succeeds, and what `open` gave: a connection there. */
export function claim(open: (instance: Instance) => number): { instance: Instance; connection: number } {
  for (const instance of instances) {
    const connection = open(instance);
    if (connection) return { instance, connection };
  }
  module ??= codecModule();
  const instance = new Instance(module, CODEC_PAGES);
  instances.add(instance);
  return { instance, connection: open(instance) };
}
