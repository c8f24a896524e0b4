import { codecModule } from "#platform";

/** What assembly/index.ts exports. Pointers and sizes are numbers. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly FRAMES: WebAssembly.Global;
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
  used(connection: number): number;
  reset(connection: number): void;
  intern(size: number): number;
}

/** Function names that are kept in the codec's memory. Programs use a few; one that makes names up must not fill it. */
const NAME_LIMIT = 4096;

/** A name in the codec's memory. */
export interface Name {
  readonly address: number;
  readonly size: number;
}

/** The codec, instantiated: its functions, and its memory through views that are kept as long as they are good. */
export class Instance {
  readonly exports: Exports;
  readonly #names = new Map<string, Name>();
  /** All of memory. Growth detaches it: read it anew after any call that may allocate, which calls `refresh`. */
  bytes!: Uint8Array;
  words!: Int32Array;
  /** Where the frame table begins, in words. */
  readonly frames: number;
  /** Set while frames are being delivered: the next `decode`, of any connection, would overwrite them. */
  delivering = false;

  constructor(module: WebAssembly.Module) {
    this.exports = new WebAssembly.Instance(module).exports as unknown as Exports;
    this.frames = this.exports.FRAMES.value >> 2;
    this.#view();
  }

  /** Makes the views anew if memory has grown. */
  refresh(): void {
    if (this.bytes.length === 0) this.#view();
  }

  #view(): void {
    this.bytes = new Uint8Array(this.exports.memory.buffer);
    this.words = new Int32Array(this.exports.memory.buffer);
  }

  /** A function's name in the codec's memory, or undefined when no more of them are kept. */
  name(text: string): Name | undefined {
    const known = this.#names.get(text);
    if (known || this.#names.size >= NAME_LIMIT) return known;
    const bytes = new TextEncoder().encode(text);
    const address = this.exports.intern(bytes.length);
    this.refresh();
    if (!address) return undefined;
    this.bytes.set(bytes, address);
    const name = { address, size: bytes.length };
    this.#names.set(text, name);
    return name;
  }
}

let shared: Instance | undefined;

/** The one instance that all connections share. It is made at its first use. */
export function instance(): Instance {
  shared ??= new Instance(codecModule());
  return shared;
}
