import assert from "node:assert/strict";
import { ProtocolError } from "edgear";
import { Codec, type Frame, PacketType } from "edgear/codec";
import { type Packet, type Reading, read } from "../codec/packets.ts";
import { Randoms } from "../support/faults/randoms.ts";

/*
 * The decoder, held against the tests' own reader. An input's first byte says whose bytes they are and how they are
 * read, the second one in which pieces they come; the others are what the peer sent.
 */

/** How many bytes of an input say how the others are fed. */
export const HEAD = 2;

const CLIENT = 1;
const TEXT_LINES = 2;
const LENIENT = 4;
const SIZES = [100_000, 1_024, 64 * 1024 * 1024, 0x60000000];
/** Follows jobs, as a client and a worker do. */
const FOLLOW = 32;
/** Takes handles apart. */
const HANDLES = 64;

const WORDS: Readonly<Record<NonNullable<Reading["fault"]>, RegExp>> = {
  magic: /^x sent (0x|"|a request, but only|a response, but only|a TLS alert)/,
  type: /^x sent a packet of type \d+; there are only 1 to 42$/,
  size: /^x sent a packet of \d+ bytes, more than is accepted/,
  body: /^x sent an? [A-Z_]+ packet with a body/,
  argument: /^x sent an? [A-Z_]+ packet in which an argument or its closing NUL is missing$/,
  "arguments too long": /^x sent an? [A-Z_]+ packet whose arguments don't end within 65536 bytes$/,
  handle: /^x sent an? [A-Z_]+ packet whose job handle isn't one of 1 to 63 bytes without a NUL$/,
  line: /^x sent a line of text of more than \d+ bytes$/,
};

/** Types that begin a job, and those that end it. */
const BEGIN: ReadonlySet<number> = new Set([8, 11, 31, 40]);
const END: ReadonlySet<number> = new Set([13, 14, 25]);
const ABOUT: ReadonlySet<number> = new Set([12, 28, 29]);

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** What an input came to. */
export interface Outcome {
  readonly frames: number;
  readonly fault: string;
}

/** Decodes an input whole and in pieces. Throws when that comes to anything but what the tests' own reader says. */
export function decodeInput(input: Uint8Array): Outcome {
  const [flags = 0, cuts = 0] = input;
  const stream = input.subarray(HEAD);
  const sender = flags & CLIENT ? "client" : "server";
  const rules = { textLines: (flags & TEXT_LINES) !== 0, lenient: sender === "client" && (flags & LENIENT) !== 0 };
  const maxPacketSize = SIZES[(flags >> 3) & 3] as number;
  const reading = read(sender, stream, maxPacketSize, rules);
  const options = { peer: sender, name: "x", maxPacketSize, ...rules } as const;
  decodeOnce(options, reading, flags, (codec) => codec.decoder.write(stream));
  const randoms = new Randoms(cuts);
  const most = 1 + (cuts >> 5) * (cuts >> 5) * 20;
  decodeOnce(options, reading, flags, (codec) => {
    for (let at = 0; at < stream.length; ) {
      const left = stream.length - at;
      // So that large ones end soon.
      const size = Math.min(left, 1 + randoms.below(left > 3_000 ? 70_000 : left > 300 ? 500 : most));
      if (randoms.below(2)) {
        codec.decoder.write(stream.subarray(at, at + size));
        at += size;
      } else {
        const window = codec.decoder.window();
        assert.ok(window.length > 0, "a window has room");
        const count = Math.min(size, window.length);
        window.set(stream.subarray(at, at + count));
        codec.decoder.received(count);
        at += count;
      }
    }
  });
  return { frames: reading.packets.length, fault: reading.fault ?? "" };
}

function decodeOnce(
  options: ConstructorParameters<typeof Codec>[0],
  { packets, fault }: Reading,
  flags: number,
  feed: (codec: Codec) => void,
): void {
  let came = 0;
  const jobs = flags & FOLLOW ? new Jobs() : undefined;
  const codec = new Codec(options, (frame) => {
    const expected = packets[came++];
    if (!expected) throw new Error(`a frame too many: ${frame.type}`);
    compare(frame, expected, came);
    if (frame.type === PacketType.JOB_CREATED && flags & HANDLES && options.peer === "server") {
      const { prefix, number } = codec.decoder.handle(frame);
      assert.equal(number ? `${prefix}${number}` : prefix, frame.text(0));
    }
    if (options.peer === "server") jobs?.take(codec, frame);
  });
  try {
    let error: unknown;
    try {
      feed(codec);
    } catch (thrown) {
      error = thrown;
    }
    if (error !== undefined && !(error instanceof ProtocolError)) throw error;
    if (came !== packets.length) assert.fail(`${came} frames, and not ${packets.length}; ${fault} ${error}`);
    if (fault === undefined) {
      if (error) throw error;
      return;
    }
    if (!error) assert.fail(`no error, and not one of ${fault}`);
    if (!WORDS[fault].test((error as Error).message)) assert.match((error as Error).message, WORDS[fault]);
    // What is right again comes too late.
    let again: unknown;
    try {
      codec.decoder.received(0);
    } catch (thrown) {
      again = thrown;
    }
    assert.equal(again, error);
  } finally {
    codec.close();
  }
}

function compare(frame: Frame, { type, args, data, foreign }: Packet, turn: number): void {
  if (frame.type !== type || frame.foreign !== (foreign === true) || frame.argumentCount !== args.length)
    assert.fail(`type ${frame.type}, and not ${type}, with ${frame.argumentCount} arguments`);
  for (let index = 0; index < args.length; index++) {
    const bytes = args[index] as Uint8Array;
    same(frame.bytes(index), bytes);
    if (turn % 4 === 0) {
      assert.equal(frame.text(index), utf8.decode(bytes));
      const digits = /^\d*/.exec(frame.text(index))?.[0] ?? "";
      assert.equal(frame.integer(index), digits.length > 15 ? frame.integer(index) : Number(digits));
    }
  }
  same(frame.data(), data);
  if (turn % 4 === 0) assert.equal(frame.dataText(), utf8.decode(data));
}

function same(came: Uint8Array, expected: Uint8Array): void {
  if (came.length !== expected.length || !equal(came, expected)) assert.deepEqual(came, expected);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length > 200) return Buffer.compare(a, b) === 0;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Jobs that are followed: each handle has one slot, and no slot is two jobs'. */
class Jobs {
  readonly #slots = new Map<string, number>();
  readonly #handles = new Map<number, string>();

  take(codec: Codec, frame: Frame): void {
    const { decoder } = codec;
    const { type } = frame;
    if (!BEGIN.has(type) && !END.has(type) && !ABOUT.has(type)) return;
    const handle = String.fromCharCode(...frame.bytes(0));
    const known = this.#slots.get(handle);
    const slot = BEGIN.has(type) ? decoder.bind(frame) : decoder.lookUp(frame);
    if (known !== undefined) assert.equal(slot, known, "a job changed its slot");
    else if (slot >= 0) assert.equal(this.#handles.get(slot), undefined, "a slot is two jobs'");
    if (BEGIN.has(type)) {
      assert.ok(slot >= 0, "no slot");
      assert.equal(decoder.lookUp(frame), slot);
      this.#slots.set(handle, slot);
      this.#handles.set(slot, handle);
    } else if (END.has(type) && slot >= 0) {
      decoder.unbind(slot);
      assert.equal(decoder.lookUp(frame), -1, "a job that was let go of has a slot");
      this.#slots.delete(handle);
      this.#handles.delete(slot);
    }
  }
}
