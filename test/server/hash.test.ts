import assert from "node:assert/strict";
import { test } from "vitest";
import { hash } from "../../build/src/server/hash.js";

const PRIME = 0x01000193;

/** FNV-1a, begun with any number. */
function fnv(seed: number, bytes: Uint8Array): number {
  let value = seed;
  for (const byte of bytes) value = Math.imul(value ^ byte, PRIME);
  return value;
}

/** So many blocks have surely two among them that FNV-1a takes to one number. */
const BLOCKS = 1 << 18;

/** As many blocks of eight bytes, spread out: the low bytes of a counter alone hardly move the number. */
const blocks = Array.from({ length: BLOCKS }, (_, count) => {
  const [x, y] = [Math.imul(count + 1, 0x9e3779b1), Math.imul(count + 7919, 0x85ebca6b)];
  return new Uint8Array(new Int32Array([x ^ (x >>> 15), y ^ (y >>> 13)]).buffer);
});

/** A table of which block gave a number; empty where `round` is not its own. */
const places = new Int32Array(BLOCKS * 4);
const rounds = new Int32Array(BLOCKS * 4).fill(-1);

/** Two blocks that FNV-1a takes to one number, whatever it is begun with, as long as the lowest byte of that is `low`. */
function collision(low: number): [Uint8Array, Uint8Array] {
  const values = new Int32Array(BLOCKS);
  for (const [count, block] of blocks.entries()) {
    const value = fnv(low, block);
    values[count] = value;
    let at = (value ^ (value >>> 13)) & (places.length - 1);
    for (; rounds[at] === low; at = (at + 1) & (places.length - 1)) {
      const other = places[at] as number;
      if (values[other] === value) return [blocks[other] as Uint8Array, block];
    }
    rounds[at] = low;
    places[at] = count;
  }
  return assert.fail("there is no collision");
}

test("workloads that are made to collide, whatever number a hash begins with, don't", () => {
  for (let low = 0; low < 256; low++) {
    const [a, b] = collision(low);
    assert.equal(fnv(low - 0x40000000, a), fnv(low - 0x40000000, b));
    assert.notEqual(hash(a), hash(b));
  }
});

test("hashes depend on every byte, and on the length", () => {
  const seen = new Set<number>();
  let inputs = 0;
  const take = (bytes: Uint8Array) => {
    seen.add(hash(bytes));
    inputs++;
  };
  for (let length = 0; length < 40; length++) take(new Uint8Array(length));
  for (let at = 0; at < 40; at++) {
    for (const byte of [1, 127, 128, 255]) take(new Uint8Array(40).fill(byte, at, at + 1));
  }
  assert.equal(seen.size, inputs);
  assert.equal(hash(new Uint8Array(7)), hash(new Uint8Array(9).subarray(1, 8)));
});
