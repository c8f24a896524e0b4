/*
 * The handle of a JOB_CREATED frame in two parts, its server's prefix and a number: put together again they must be
 * what came, whatever came.
 */
import { Codec, PacketType } from "edgear/codec";
import fc from "fast-check";
import { expect, test } from "vitest";
import { handle as anyHandle, cuts } from "./arbitraries.ts";
import { bytesOf, concat, packet, write } from "./packets.ts";

interface Seen {
  prefix: string;
  number: number;
  handleNumber: number;
}

/** What `decoder.handle` says of handles that come one after the other, cut in pieces of these sizes. */
function parts(handles: readonly (string | Uint8Array)[], sizes: readonly number[] = [1 << 20]): Seen[] {
  const seen: Seen[] = [];
  const codec = new Codec({ peer: "server" }, (frame) => {
    const { handleNumber } = frame;
    seen.push({ ...codec.decoder.handle(frame), handleNumber });
  });
  const stream = concat(handles.map((handle) => write("server", packet(PacketType.JOB_CREATED, [handle]))));
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const end = at + (sizes[turn % sizes.length] as number);
    codec.decoder.write(stream.subarray(at, end));
    at = end;
  }
  codec.close();
  return seen;
}

const joined = ({ prefix, number }: Seen): string => (number ? prefix + number : prefix);

test("a server's handles have one prefix and a number", () => {
  expect(parts(["H:jobs1:1", "H:jobs1:2", "H:jobs1:4294967295"], [1])).toEqual([
    { prefix: "H:jobs1:", number: 1, handleNumber: 0 },
    { prefix: "H:jobs1:", number: 2, handleNumber: 2 },
    { prefix: "H:jobs1:", number: 4294967295, handleNumber: 4294967295 },
  ]);
});

test.each([
  ["no number", "H:jobs1:"],
  ["no colon", "12345"],
  ["a number that is 0", "H:jobs1:0"],
  ["a leading zero", "H:jobs1:007"],
  ["more than 32 bits", "H:jobs1:4294967296"],
  ["ten digits and more than 32 bits", "H:jobs1:9999999999"],
  ["eleven digits", "H:jobs1:10000000000"],
  ["twenty digits", "H:jobs1:18446744073709551617"],
  ["a sign", "H:jobs1:+1"],
  ["a letter", "H:jobs1:1e3"],
  ["a slash and a colon, which border on the digits", "H:jobs1:1/:"],
  ["the prefix alone, cut short", "H:jobs1"],
])("%s: the handle is all prefix", (_, handle) => {
  const all = { prefix: handle, number: 0, handleNumber: 0 };
  // Known prefix or not.
  expect(parts([handle])).toEqual([all]);
  expect(parts(["H:jobs1:1", handle, "H:jobs1:2"], [1])[1]).toEqual(all);
});

test("a prefix that changes, in one batch or in many, never lends its name to another's number", () => {
  const handles = ["A:1", "B:2", "A:3", "C:x:4", "A:5", "B:6", "C:7", "C:x:8"];
  for (const sizes of [[1 << 20], [1], [15 * 3, 15 * 2]]) {
    expect(parts(handles, sizes).map(joined)).toEqual(handles);
    expect(parts(["A:9", ...handles, ...handles], sizes).map(joined)).toEqual(["A:9", ...handles, ...handles]);
  }
});

test("whatever comes, the two parts are its text", () => {
  const name = fc.constantFrom("H:a:", "H:ab:", "a:", ":", "", "é:", "\uFEFF:", `${"long".repeat(12)}:`);
  const digits = fc.oneof(
    fc.integer({ min: 0, max: 0xffffffff }).map(String),
    fc.bigInt({ min: 0n, max: 99_999_999_999n }).map(String),
    fc.string({ unit: fc.constantFrom("0", "1", "9", ":", "-", "a"), maxLength: 11 }),
  );
  const known = fc.tuple(name, digits).map(([prefix, number]) => bytesOf(prefix + number || "x"));
  fc.assert(
    fc.property(fc.array(fc.oneof(known, known, anyHandle), { maxLength: 20 }), cuts, (handles, sizes) => {
      const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
      const texts = handles.map((bytes) => utf8.decode(bytes));
      const seen = parts(handles, sizes);
      expect(seen.map(joined)).toEqual(texts);
      for (const [index, { number }] of seen.entries()) {
        const digits = /:([1-9]\d*)$/.exec(texts[index] as string)?.[1] ?? "0";
        expect(number).toBe(Number(digits) <= 0xffffffff ? Number(digits) : 0);
      }
    }),
    { numRuns: 1_000 },
  );
});
