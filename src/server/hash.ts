/** The key of all hashes. Drawn at its first use, since workerd gives out no random numbers before a request. */
let key: Int32Array | undefined;

/**
 * A number of 32 bits that depends on all bytes: HalfSipHash-1-3, with a key that nobody outside knows. A hash whose
 * key is only where it begins (as FNV's) has collisions that are the same for all keys, and a peer could choose its
 * workloads among them. Strings as map keys are no way out: V8 looks at no more than the length of long ones.
 */
export function hash(bytes: Uint8Array): number {
  key ??= crypto.getRandomValues(new Int32Array(2));
  const [k0 = 0, k1 = 0] = key;
  let v0 = k0;
  let v1 = k1;
  let v2 = k0 ^ 0x6c796765;
  let v3 = k1 ^ 0x74656462;
  const round = () => {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  };
  const { length } = bytes;
  for (let at = 0; at <= length; at += 4) {
    // Beyond the end they are undefined, which is 0 here. The last word has the length in it.
    const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    const word = low | ((at + 4 <= length ? (bytes[at + 3] as number) : length) << 24);
    v3 ^= word;
    round();
    v0 ^= word;
  }
  v2 ^= 0xff;
  for (let count = 0; count < 3; count++) round();
  return v1 ^ v3;
}
