import assert from "node:assert/strict";
import { Codec } from "edgear/codec";
import { test } from "vitest";
import { concat, header, packet, write, writeAll } from "./packets.ts";

/** What a lenient codec makes of a stream that comes in pieces: the packets' types, those with a response's magic marked. */
function decode(stream: Uint8Array, size: number): string[] {
  const frames: string[] = [];
  const codec = new Codec({ peer: "client", textLines: true, lenient: true }, (frame) => {
    const { type, foreign } = frame;
    frames.push(`${foreign ? "foreign " : ""}${type} ${frame.data().length}`);
  });
  try {
    for (let at = 0; at < stream.length; at += size) codec.decoder.write(stream.subarray(at, at + size));
    return frames;
  } finally {
    codec.close();
  }
}

test("a lenient codec passes over what gearmand passes over, however it is cut", () => {
  const echo = packet(16, [], "load");
  const stream = concat([
    write("server", echo),
    write("client", echo),
    write("server", packet(20, ["h", "1", "0", "2", "3"])),
    // GRAB_JOB with a body of three bytes.
    concat([header("client", 9, 3), new Uint8Array([0, 1, 2])]),
    new TextEncoder().encode("status\n"),
    writeAll("client", [packet(1, ["f"]), packet(7, ["f", "u"], "12345")]),
  ]);
  const frames = ["foreign 16 4", "16 4", "foreign 20 0", "9 0", "0 6", "1 0", "7 5"];
  for (const size of [1, 2, 3, 5, 7, 64, stream.length]) assert.deepEqual(decode(stream, size), frames);
});

test("a large packet with a response's magic is passed over whole", () => {
  const large = write("server", packet(13, ["h"], new Uint8Array(200_000)));
  assert.deepEqual(decode(concat([large, write("client", packet(9))]), 10_000), ["foreign 13 200000", "9 0"]);
});

test("what gearmand refuses is refused", () => {
  for (const [stream, message] of [
    [new TextEncoder().encode("\0RAT"), /where a packet begins/],
    [header("server", 43, 0), /there are only 1 to 42/],
    [concat([header("server", 7, 3), new Uint8Array(3).fill(65)]), /its closing NUL is missing/],
  ] as const) {
    assert.throws(() => decode(stream, 4), message);
  }
});

test("a line has 8192 bytes at most, its newline among them, however it is cut", () => {
  for (const size of [1, 100, 8_191, 8_192, 8_193, 20_000]) {
    assert.deepEqual(decode(new TextEncoder().encode(`${"x".repeat(8_191)}\n`), size), ["0 8191"]);
    for (const length of [8_192, 8_193, 15_000]) {
      const line = new TextEncoder().encode(`version\n${"x".repeat(length)}\n`);
      assert.throws(() => decode(line, size), /a line of text of more than 8192 bytes/);
    }
  }
});
