/*
 * Reading bytes: sixteen at a time where a search allows it. Loads may reach up to 15 bytes past the range they are
 * asked about (memory.ts keeps that mapped); what lies there never decides anything.
 */

/** A 32-bit number as the wire has it, big-endian. */
export function readU32(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

/** Finds the first `count` NULs of [from, end) and stores their addresses at `out`, 4 bytes each. False when there are fewer. */
export function findNuls(from: usize, end: usize, count: i32, out: usize): bool {
  const zero = i8x16.splat(0);
  while (count > 0) {
    if (from >= end) return false;
    let mask = i8x16.bitmask(i8x16.eq(v128.load(from), zero));
    while (mask) {
      const at = from + ctz<i32>(mask);
      if (at >= end) return false;
      store<u32>(out, <u32>at);
      out += 4;
      if (--count == 0) return true;
      mask &= mask - 1;
    }
    from += 16;
  }
  return true;
}

/** The address of the first `byte` of [from, end), or 0. */
export function find(byte: i8, from: usize, end: usize): usize {
  const wanted = i8x16.splat(byte);
  for (; from < end; from += 16) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(from), wanted));
    if (mask) {
      const at = from + ctz<i32>(mask);
      return at < end ? at : 0;
    }
  }
  return 0;
}

/** True when the `size` bytes at `a` and at `b` are the same. */
export function equal(a: usize, b: usize, size: usize): bool {
  while (size >= 8) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
    size -= 8;
  }
  // The loads may reach past both ranges; the shift drops what they found there.
  return size == 0 || (load<u64>(a) ^ load<u64>(b)) << (64 - ((<u64>size) << 3)) == 0;
}

/** A number that depends, in each of its bits, on all of the `size` bytes at `at`; `size` is small. */
export function hash(at: usize, size: usize): u32 {
  let h: u64 = 0x9e3779b97f4a7c15 ^ size;
  while (size >= 8) {
    h = mix(h ^ load<u64>(at));
    at += 8;
    size -= 8;
  }
  // The load may reach past the range; the shift drops what it found there.
  if (size) h = mix(h ^ (load<u64>(at) << (64 - ((<u64>size) << 3))));
  return <u32>(mix(h) >>> 32);
}

/** A product's bits depend only on the factors' bits below them: the high ones, where a handle's last digit is, go down first. */
function mix(h: u64): u64 {
  return (h ^ (h >>> 32)) * 0xff51afd7ed558ccd;
}

/**
 * The number that [from, end) spells in decimal, or 0 when it isn't one that gearmand prints: empty, a leading zero,
 * anything but digits, or above 32 bits.
 */
export function decimal(from: usize, end: usize): u32 {
  const digits = end - from;
  if (digits == 0 || digits > 10 || load<u8>(from) == 0x30) return 0;
  let value: u64 = 0;
  for (; from < end; from++) {
    const digit = <u32>load<u8>(from) - 0x30;
    if (digit > 9) return 0;
    value = value * 10 + digit;
  }
  return value > 0xffffffff ? 0 : <u32>value;
}
