/**
 * Which of several servers a job goes to: the first of the list that can be had (`"failover"`), each in turn
 * (`"round-robin"`), or the one that its unique stands for (`"unique"`): equal uniques then meet on one server, where
 * they become one job. It is the choice of Perl's Gearman::Client, so that both meet, given the same list.
 */
export type Balance = "failover" | "round-robin" | "unique";

export const BALANCES: readonly Balance[] = ["failover", "round-robin", "unique"];

const encoder = new TextEncoder();

/** The number that Perl's Gearman::Client makes of a unique; modulo the servers' count it is the server's place. */
export function hashUnique(unique: string | Uint8Array): number {
  return (crc32(typeof unique === "string" ? encoder.encode(unique) : unique) >>> 16) & 0x7fff;
}

/** The list from one place on, and around. */
export function rotate<T>(list: readonly T[], place: number): readonly T[] {
  const begin = place % list.length;
  return begin === 0 ? list : [...list.slice(begin), ...list.slice(0, begin)];
}

/** CRC-32 as zlib, Ethernet and PNG have it. node:zlib has one, too, but not on every runtime. */
function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ (TABLE[(sum ^ byte) & 0xff] as number);
  return (sum ^ 0xffffffff) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
