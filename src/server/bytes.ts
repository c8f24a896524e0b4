/*
 * Function names, uniques and the like are bytes: the protocol gives them no encoding. Here they are strings of one
 * character a byte (Latin-1). As map keys they then lose nothing, which UTF-8 would where the bytes are none, and
 * those that are ASCII, nearly all, go into and out of packets as they are.
 */
import type { Frame } from "../codec/frame.js";

/** An argument of a packet, one character a byte. */
export function textOf(frame: Frame, index: number): string {
  return fromBytes(frame.bytes(index));
}

/** The same, but ended by its first NUL: gearmand copies some arguments as C strings. */
export function cString(frame: Frame, index: number): string {
  return upToNul(textOf(frame, index));
}

/** As many arguments as a call surely takes. */
const CHUNK = 4096;

/** Bytes as text, one character a byte. */
export function fromBytes(bytes: Uint8Array): string {
  // Put together one by one, a text would be kept as a tree of its pieces.
  if (bytes.length <= CHUNK) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += fromBytes(bytes.subarray(at, at + CHUNK));
  return text;
}

/** The bytes that a text stands for. */
export function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** A text as an encoder takes it: it would write what isn't ASCII as UTF-8. */
export function toArgument(text: string): string | Uint8Array {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return toBytes(text);
  return text;
}

const LONGEST = 2n ** 63n - 1n;
const LEAST = -LONGEST - 1n;

/** The number that C's strtoll reads where a text begins: blanks, a sign, digits. 0 when there is none; 64 bits at the most. */
export function integer(text: string): bigint {
  const value = BigInt(/^[\t-\r ]*([+-]?\d+)/.exec(text)?.[1] ?? 0);
  return value > LONGEST ? LONGEST : value < LEAST ? LEAST : value;
}

/** The number that gearmand keeps of a text: what `atoi` reads, as an unsigned number of 32 bits. */
export function unsigned(text: string): number {
  return Number(BigInt.asUintN(32, integer(text)));
}

const utf8 = new TextDecoder();

/** A text of one character a byte as its users wrote it: its bytes as UTF-8. */
export function readable(text: string): string {
  const argument = toArgument(text);
  return typeof argument === "string" ? argument : utf8.decode(argument);
}

/** The reverse: the UTF-8 bytes of a text, one character a byte. */
export function latin(text: string): string {
  return fromBytes(new TextEncoder().encode(text));
}

/** A text up to its first NUL, where C ends it. */
export function upToNul(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}

/** Whether two workloads are the same. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
