import { expect, test } from "vitest";
import { jsonOf } from "../../worker/json.ts";

const encoder = new TextEncoder();

test("text stays text, wherever a piece of it ends", () => {
  // 11 bytes a time: pieces end within characters of two, three and four bytes.
  const text = "aü€😀\n".repeat(20_000);
  for (const given of ["", "\uFEFF", '\0\u001f\u2028"\\', text]) {
    const pieces = [...jsonOf(encoder.encode(given))];
    expect(JSON.parse(pieces.join(""))).toEqual({ text: given });
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(200_000);
  }
});

test.for([
  ["no UTF-8", Uint8Array.of(0x61, 0xff)],
  ["a character that breaks off", Uint8Array.of(0x61, 0xc3)],
  ["one that breaks off where a piece ends", encoder.encode(`${"x".repeat(24_575)}€`).subarray(0, 24_576)],
  ["half of a pair", Uint8Array.of(0xed, 0xa0, 0x80)],
  ["many bytes", new Uint8Array(100_000).fill(0x80)],
] as const)("anything else is base64: %s", ([, bytes]) => {
  const { base64 } = JSON.parse([...jsonOf(bytes)].join(""));
  expect(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))).toEqual(bytes);
});
