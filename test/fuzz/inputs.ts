import { deflateRawSync, inflateRawSync } from "node:zlib";
import { bytesOf, concat, header, packet, type Sender, TYPES, write } from "../codec/packets.ts";
import type { Randoms } from "../support/faults/randoms.ts";

/*
 * What a fuzzer feeds: bytes, made of others by changes that know where packets begin, what their sizes are, and which
 * values are next to a limit.
 */

/** An input as a word: for a corpus, and for messages. */
export function toWord(input: Uint8Array): string {
  return deflateRawSync(input, { level: 9 }).toString("base64url");
}

export function fromWord(word: string): Uint8Array {
  return new Uint8Array(inflateRawSync(Buffer.from(word, "base64url")));
}

const NUMBERS = [0, 1, 11, 12, 13, 43, 62, 63, 64, 65, 8_180, 8_192, 65_523, 65_524, 65_525, 65_536, 99_999, 100_000];
const LARGE_NUMBERS = [100_001, 0x00ffffff, 0x04000000, 0x5fffffff, 0x60000000, 0x7fffffff, 0x80000000, 0xfffffff4];
const RUNS = [12, 13, 62, 63, 64, 65, 8_000, 8_179, 8_180, 8_181, 8_191, 8_192, 8_193, 65_523, 65_524, 65_536, 70_000];
const WORDS = [
  ...["H:a:1", "H:a:2", "H:a:01", "H:a:4294967295", "H:a:4294967296", "H:b:1", "H:a:", "f", "g", "u", "-", "0", "1"],
  ...["status\n", "workers\r\n", "version\n", "show jobs\n", "maxqueue f 1\n", "cancel job H:a:1\n", "\n", "\r\n"],
  ...[
    "create function f\n",
    "drop function f\n",
    "getpid\n",
    "verbose\n",
    "a b c d e f\n",
    "exceptions",
    "\u00e9\u20ac",
  ],
  ...["show unique jobs\n", "prioritystatus\n", "shutdown now\n", "99999999999", "-1", " ", "\0", "\0\0", "\n"],
];

/** A right packet of any type, or a line. */
export function golden(randoms: Randoms, sender: Sender): Uint8Array {
  if (randoms.below(12) === 0) return bytesOf(randoms.pick(WORDS.filter((word) => word.endsWith("\n"))));
  const [type, , count, withData] = randoms.pick(TYPES);
  const args = Array.from({ length: count }, (_, index) => {
    if (index === 0 && randoms.below(4)) return `H:a:${randoms.below(6)}`;
    return randoms.below(2) ? String(randoms.below(100)) : randoms.pick(["f", "g", "u", "", "unique-7", "-"]);
  });
  return write(sender, packet(type, args, withData ? "x".repeat(randoms.below(30)) : ""));
}

/** Where packets seem to begin. */
function begins(bytes: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(0x52); at > 0 && found.length < 64; at = bytes.indexOf(0x52, at + 1)) {
    if (bytes[at + 1] === 0x45 && bytes[at - 1] === 0 && at + 11 <= bytes.length) found.push(at - 1);
  }
  return found;
}

function splice(bytes: Uint8Array, at: number, lost: number, more: Uint8Array): Uint8Array {
  return concat([bytes.subarray(0, at), more, bytes.subarray(at + lost)]);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

type Mutation = (bytes: Uint8Array, randoms: Randoms, others: readonly Uint8Array[]) => Uint8Array;

const somewhere = (bytes: Uint8Array, randoms: Randoms) => randoms.below(bytes.length + 1);

function number(randoms: Randoms): number {
  if (randoms.below(3) === 0) return randoms.below(50);
  return randoms.pick(randoms.below(3) ? NUMBERS : LARGE_NUMBERS);
}

/** Changes a header's field at this offset. */
const field =
  (offset: number, value: (randoms: Randoms) => number): Mutation =>
  (bytes, randoms) => {
    const found = begins(bytes);
    if (found.length === 0) return bytes;
    const copy = bytes.slice();
    view(copy).setUint32(randoms.pick(found) + offset, value(randoms));
    return copy;
  };

/** Gives all packets the sizes that they have. */
function mendAll(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const found = begins(bytes);
  for (const [index, at] of found.entries()) {
    if (at + 12 <= copy.length) view(copy).setUint32(at + 8, Math.max(0, (found[index + 1] ?? copy.length) - at - 12));
  }
  return copy;
}

const mutations: readonly Mutation[] = [
  function flip(bytes, randoms) {
    if (bytes.length === 0) return bytes;
    const copy = bytes.slice();
    const at = randoms.below(bytes.length);
    copy[at] = (copy[at] as number) ^ (1 << randoms.below(8));
    return copy;
  },
  function byte(bytes, randoms) {
    if (bytes.length === 0) return bytes;
    const copy = bytes.slice();
    copy[randoms.below(bytes.length)] = randoms.pick([0, 0, 1, 9, 10, 13, 32, 48, 57, 58, 127, 128, 255]);
    return copy;
  },
  field(4, (randoms) => (randoms.below(8) ? randoms.below(45) : number(randoms))),
  field(4, (randoms) => randoms.below(43)),
  field(8, number),
  field(0, (randoms) => randoms.pick([0x00524551, 0x00524553, 0x00524552, 0x01524551, 0x485454])),
  // Gives a packet the size that it has.
  function mend(bytes, randoms) {
    const found = begins(bytes);
    if (found.length === 0) return bytes;
    const index = randoms.below(found.length);
    const copy = bytes.slice();
    const at = found[index] as number;
    view(copy).setUint32(at + 8, (found[index + 1] ?? bytes.length) - at - 12);
    return copy;
  },
  mendAll,
  (bytes, randoms) => splice(bytes, somewhere(bytes, randoms), randoms.below(2), new Uint8Array(1)),
  (bytes, randoms) => splice(bytes, somewhere(bytes, randoms), 1 + randoms.below(20), new Uint8Array()),
  (bytes, randoms) => bytes.slice(0, somewhere(bytes, randoms)),
  (bytes, randoms) => splice(bytes, somewhere(bytes, randoms), randoms.below(6), bytesOf(randoms.pick(WORDS))),
  function insert(bytes, randoms) {
    const more = golden(randoms, randoms.below(2) ? "server" : "client");
    return splice(bytes, randoms.pick([0, bytes.length, ...begins(bytes)]), 0, more);
  },
  function again(bytes, randoms) {
    const from = somewhere(bytes, randoms);
    return splice(bytes, somewhere(bytes, randoms), 0, bytes.slice(from, from + 1 + randoms.below(60)));
  },
  function cross(bytes, randoms, others) {
    const other = randoms.pick(others);
    const from = somewhere(other, randoms);
    return splice(bytes, somewhere(bytes, randoms), randoms.below(40), other.slice(from, from + randoms.below(400)));
  },
  function run(bytes, randoms) {
    const size = randoms.pick(randoms.below(100) ? RUNS.slice(0, 6) : RUNS);
    return splice(bytes, somewhere(bytes, randoms), 0, new Uint8Array(size).fill(randoms.pick([0x68, 0x68, 0x30, 0])));
  },
  // Many jobs at once, begun and ended: their handles meet in the codec's table.
  function crowd(bytes, randoms) {
    const packets = Array.from({ length: 10 + randoms.below(60) }, () => {
      const handle = `H:a:${randoms.below(40)}`;
      const [type, ...args] = randoms.pick([[8], [11, "f"], [31, "f", "u"], [13], [14], [12, "1", "2"]] as const);
      return write("server", packet(type, [handle, ...args]));
    });
    return splice(bytes, randoms.pick([0, bytes.length]), 0, concat(packets));
  },
  // A header of something large, alone or before what is there.
  function announce(bytes, randoms) {
    const sender = randoms.below(2) ? "server" : "client";
    return splice(bytes, randoms.pick([0, bytes.length]), 0, header(sender, randoms.below(43), number(randoms)));
  },
];

/** The most bytes of an input. */
const MOST = 150_000;

/** Another input, made of some that are known. The first `kept` bytes say how it is fed, and are changed by themselves. */
export function mutate(others: readonly Uint8Array[], randoms: Randoms, kept = 0): Uint8Array {
  const first = pickSmall(others, randoms);
  const head = first.slice(0, kept);
  let body: Uint8Array = first.subarray(kept);
  if (kept > 0 && randoms.below(3) === 0) head[randoms.below(kept)] = randoms.below(256);
  for (let left = 1 << randoms.below(4); left > 0; left--) body = randoms.pick(mutations)(body, randoms, others);
  // Else most would end at a size that a change within the packet made wrong.
  if (randoms.below(3) === 0) body = mendAll(body);
  return concat([head, body.subarray(0, MOST)]);
}

/** Large ones take long, and say little: they are taken less often. */
function pickSmall(others: readonly Uint8Array[], randoms: Randoms): Uint8Array {
  let picked = randoms.pick(others);
  for (let tries = 0; tries < 4 && picked.length > 1_000 && randoms.below(50); tries++) picked = randoms.pick(others);
  return picked;
}
