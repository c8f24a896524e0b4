/*
 * What the property tests draw: packets of all types, the places at which a stream is cut, and ways to feed it.
 */
import type { Codec, Frame } from "edgear/codec";
import fc from "fast-check";
import { ABOUT_A_JOB, type Packet, type Sender, TYPES } from "./packets.ts";

/** Bytes that look like nothing in particular, NULs among them; always the same for the same two numbers. */
export function noise(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = (seed * 2 + 1) >>> 0;
  for (let index = 0; index < size; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

const byteButNul = fc.integer({ min: 1, max: 255 });

/** An argument: any bytes but NUL. */
export const argument: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.array(byteButNul, { maxLength: 40 }).map((bytes) => Uint8Array.from(bytes)),
  fc.integer({ min: 0, max: 2_000 }).map((size) => noise(size, size).map((byte) => byte || 1)),
  fc.string({ unit: "grapheme", maxLength: 20 }).map((text) => new TextEncoder().encode(text.replaceAll("\0", "0"))),
);

/** A job's handle, as gearmand makes them and as it never does: 1 to 63 bytes. */
export const handle: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.integer({ min: 1, max: 0xffffffff }).map((number) => new TextEncoder().encode(`H:jobs1:${number}`)),
  fc.array(byteButNul, { minLength: 1, maxLength: 63 }).map((bytes) => Uint8Array.from(bytes)),
);

/** Sizes of data that lie around the places where something changes. */
const dataSize = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 100 }) },
  { weight: 2, arbitrary: fc.constantFrom(4_095, 4_096, 4_097) },
  { weight: 2, arbitrary: fc.integer({ min: 65_480, max: 65_560 }) },
  { weight: 1, arbitrary: fc.constantFrom(131_072, 300_000) },
);

export const data: fc.Arbitrary<Uint8Array> = fc
  .tuple(dataSize, fc.nat(1_000))
  .map(([size, seed]) => noise(size, seed));

export const smallData: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 60 });

/** A packet that a sender may send, of any type. */
export function packetFrom(sender: Sender, contents: fc.Arbitrary<Uint8Array> = data): fc.Arbitrary<Packet> {
  return fc.constantFrom(...TYPES).chain(([type, , count, withData]) =>
    fc.record({
      type: fc.constant(type),
      args: fc.tuple(
        ...Array.from({ length: count }, (_, index) =>
          index === 0 && sender === "server" && ABOUT_A_JOB.has(type) ? handle : argument,
        ),
      ),
      data: withData ? contents : fc.constant(new Uint8Array()),
    }),
  );
}

/** Sizes of the pieces that a stream comes in; they are used in turn, again and again. */
export const cuts: fc.Arbitrary<readonly number[]> = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 }).map((sizes) => [...sizes, 5_000]),
  fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 10 }),
);

/** The two ways in which a decoder is fed: by its window, as sockets do, or by chunks that are copied. */
export type Feed = (codec: Codec, stream: Uint8Array, sizes: readonly number[]) => void;

export const byChunks: Feed = (codec, stream, sizes) => {
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = sizes[turn % sizes.length] as number;
    codec.decoder.write(stream.subarray(at, at + size));
    at += size;
  }
};

export const byWindow: Feed = (codec, stream, sizes) => {
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const window = codec.decoder.window();
    const size = Math.min(sizes[turn % sizes.length] as number, window.length, stream.length - at);
    window.set(stream.subarray(at, at + size));
    codec.decoder.received(size);
    at += size;
  }
};

/** A frame as a packet of the tests' own. */
export function copy(frame: Frame): Packet {
  return {
    type: frame.type,
    args: Array.from({ length: frame.argumentCount }, (_, index) => frame.bytes(index)),
    data: frame.data(),
  };
}
