/*
 * The peer is not trusted: whatever comes is decoded as the tests' own reader reads it, or refused with a
 * ProtocolError. A trap (WebAssembly.RuntimeError), a hang, or bytes of another connection fail these tests.
 */
import { ProtocolError } from "edgear";
import { Codec } from "edgear/codec";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { argument, byChunks, byWindow, copy, cuts, noise, packetFrom, smallData } from "./arbitraries.ts";
import { bytesOf, concat, header, type Packet, packet, type Reading, read, type Sender, write } from "./packets.ts";

const SENDERS: readonly Sender[] = ["server", "client"];
const MAX_PACKET_SIZE = 100_000;

/** What the error for a fault says, in part. */
const WORDS: Readonly<Record<NonNullable<Reading["fault"]>, RegExp>> = {
  magic: /^peer-7 sent (0x|"|a request, but only|a response, but only)/,
  type: /^peer-7 sent a packet of type \d+; there are only 1 to 42$/,
  size: /^peer-7 sent a packet of \d+ bytes, more than is accepted \(maxPacketSize\)$/,
  body: /^peer-7 sent an? [A-Z_]+ packet with a body, which it can't have$/,
  argument: /^peer-7 sent an? [A-Z_]+ packet in which an argument or its closing NUL is missing$/,
  "arguments too long": /^peer-7 sent an? [A-Z_]+ packet whose arguments don't end within 65536 bytes$/,
  handle: /^peer-7 sent an? [A-Z_]+ packet whose job handle isn't one of 1 to 63 bytes without a NUL$/,
  line: /^peer-7 sent a line of text of more than \d+ bytes$/,
};

/** Feeds a stream to a codec while another one waits in the middle of a packet, and compares with the tests' own reader. */
function check(sender: Sender, stream: Uint8Array, sizes: readonly number[], feed = byChunks): void {
  const bystander = packet(sender === "server" ? 13 : 7, sender === "server" ? ["H:b:1"] : ["f", "u"], noise(500, 9));
  const [whole, came, packets]: [Uint8Array, Packet[], Packet[]] = [write(sender, bystander), [], []];
  const other = new Codec({ peer: sender }, (frame) => came.push(copy(frame)));
  const codec = new Codec({ peer: sender, name: "peer-7", maxPacketSize: MAX_PACKET_SIZE }, (frame) => {
    packets.push(copy(frame));
  });
  try {
    other.decoder.write(whole.subarray(0, 300));
    const reading = read(sender, stream, MAX_PACKET_SIZE);
    let error: unknown;
    try {
      feed(codec, stream, sizes);
    } catch (thrown) {
      error = thrown;
    }
    expect(packets).toEqual(reading.packets);
    if (reading.fault) {
      expect(error).toBeInstanceOf(ProtocolError);
      expect((error as ProtocolError).message).toMatch(WORDS[reading.fault]);
      // What is right again comes too late.
      for (let time = 0; time < 3; time++) expect(() => codec.decoder.write(whole)).toThrow(error as Error);
      expect(codec.decoder.window().length).toBeGreaterThan(0);
      expect(packets.length).toBe(reading.packets.length);
    } else {
      expect(error).toBeUndefined();
    }
    other.decoder.write(whole.subarray(300));
    expect(came).toEqual([bystander]);
  } finally {
    codec.close();
    other.close();
  }
}

/** A packet that may be wrong in any way: its type, its size, what its body is made of. */
function brokenPacket(sender: Sender): fc.Arbitrary<Uint8Array> {
  const type = fc.oneof(fc.integer({ min: 0, max: 44 }), fc.constantFrom(0x01000000, 0x7fffffff, 0xffffffff));
  const size = fc.constantFrom(
    ...[MAX_PACKET_SIZE, MAX_PACKET_SIZE + 1, 0x7fffffff, 0x80000000, 0xfffffff4, 0xffffffff],
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.array(argument, { maxLength: 8 }).map((args) => concat(args.flatMap((arg) => [arg, new Uint8Array(1)]))),
    fc.integer({ min: 0, max: 130 }).map((length) => bytesOf("h".repeat(length))),
    fc.integer({ min: 60_000, max: 70_000 }).map((length) => noise(length, length)),
    fc.integer({ min: 60_000, max: 70_000 }).map((length) => bytesOf("h".repeat(length))),
  );
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(type, body).map(([t, b]) => concat([header(sender, t, b.length), b])) },
    { weight: 1, arbitrary: fc.tuple(type, size, body).map(([t, s, b]) => concat([header(sender, t, s), b])) },
  );
}

describe.each(SENDERS)("from a %s", (sender) => {
  const other = sender === "server" ? "client" : "server";
  const good = fc.array(packetFrom(sender, smallData), { minLength: 1, maxLength: 5 });

  test("bytes that were changed on the way", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(good, changes, cuts, (packets, flips, sizes) => {
        const stream = concat(packets.map((each) => write(sender, each)));
        for (const [at, mask] of flips) stream[at % stream.length] = (stream[at % stream.length] as number) ^ mask;
        check(sender, stream, sizes);
      }),
      { numRuns: 1_000 },
    );
  });

  test("bytes that were lost, or put in", () => {
    fc.assert(
      fc.property(good, fc.nat(), fc.nat(30), smallData, cuts, (packets, at, lost, more, sizes) => {
        const stream = concat(packets.map((each) => write(sender, each)));
        const cut = at % stream.length;
        check(sender, concat([stream.subarray(0, cut), more, stream.subarray(cut + lost)]), sizes, byWindow);
      }),
      { numRuns: 300 },
    );
  });

  test("packets that are wrong, between right ones", () => {
    fc.assert(
      fc.property(good, brokenPacket(sender), good, cuts, (before, broken, behind, sizes) => {
        const parts = [...before.map((each) => write(sender, each)), broken];
        check(sender, concat([...parts, ...behind.map((each) => write(sender, each))]), sizes);
      }),
      { numRuns: 1_000 },
    );
  });

  test("noise, with a right magic and without", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(), fc.boolean(), cuts, (size, seed, magic, sizes) => {
        const bytes = noise(size, seed);
        check(sender, magic ? concat([header(sender, 0, 0).subarray(0, 4), bytes]) : bytes, sizes);
      }),
      { numRuns: 200 },
    );
  });

  const oneByOne: readonly (readonly [what: string, stream: Uint8Array, fault: Reading["fault"]])[] = [
    ["another protocol", bytesOf("HTTP/1.1 400 Bad Request\r\n"), "magic"],
    ["a single wrong byte", bytesOf("\0S"), "magic"],
    ["the other direction's magic", header(other, 6, 0), "magic"],
    ["type 0", header(sender, 0, 0), "type"],
    ["type 43", header(sender, 43, 0), "type"],
    ["type 2^32 - 1, and no size yet", header(sender, 0xffffffff, 0).subarray(0, 8), "type"],
    ["a body one byte too large", header(sender, 16, MAX_PACKET_SIZE + 1), "size"],
    ["a body of 2^31 bytes", header(sender, 16, 0x80000000), "size"],
    ["a body of 2^32 - 1 bytes", header(sender, 16, 0xffffffff), "size"],
    ["a body where none can be", header(sender, 6, 1), "body"],
    ["SUBMIT_JOB without a NUL", concat([header(sender, 7, 3), bytesOf("abc")]), "argument"],
    ["SUBMIT_JOB with one NUL", concat([header(sender, 7, 4), bytesOf("abc\0")]), "argument"],
    ["SUBMIT_JOB with nothing", header(sender, 7, 0), "argument"],
    ["STATUS_RES with three NULs of four", concat([header(sender, 20, 6), bytesOf("\0\0\0abc")]), "argument"],
  ];
  test.each(oneByOne)("%s", (_, stream, fault) => {
    expect(read(sender, stream, MAX_PACKET_SIZE).fault).toBe(fault);
    for (const sizes of [[1 << 20], [1], [5, 3]]) check(sender, stream, sizes);
  });
});

describe("handles of a server", () => {
  const long = "h".repeat(64);
  const wrong: readonly (readonly [what: string, type: number, body: string])[] = [
    ["JOB_CREATED without one", 8, ""],
    ["JOB_CREATED with a NUL alone", 8, "\0"],
    ["JOB_CREATED with 64 bytes", 8, long],
    ["JOB_CREATED with two NULs behind it", 8, "H:a:1\0\0"],
    ["JOB_CREATED with a NUL inside", 8, "H:\0a:1"],
    ["WORK_FAIL with a NUL inside", 14, "H\0a"],
    ["WORK_COMPLETE with an empty one", 13, "\0result"],
    ["WORK_COMPLETE with 64 bytes", 13, `${long}\0result`],
    ["WORK_STATUS with an empty one", 12, "\x001\x002"],
    ["JOB_ASSIGN with an empty one", 11, "\0f\0"],
    ["JOB_ASSIGN_UNIQ with 64 bytes", 31, `${long}\0f\0u\0`],
    ["JOB_ASSIGN_ALL with 64 bytes", 40, `${long}\0f\0u\0r\0`],
  ];
  test.each(wrong)("%s", (_, type, body) => {
    const stream = concat([header("server", type, body.length), bytesOf(body)]);
    expect(read("server", stream).fault).toBe("handle");
    check("server", stream, [1 << 20]);
    check("server", stream, [1]);
  });

  test.each([8, 14])("lose the one NUL that some servers end type %i with, whatever its length", (type) => {
    for (const handle of ["H:a:1", "h".repeat(63), "x"]) {
      const sent = concat([header("server", type, handle.length + 1), bytesOf(`${handle}\0`)]);
      const came: (string | number)[] = [];
      const codec = new Codec({ peer: "server" }, (frame) => came.push(frame.text(0), frame.size(0)));
      codec.decoder.write(sent);
      codec.close();
      expect(came).toEqual([handle, handle.length]);
    }
  });

  test("are any bytes in the other direction: a server says itself what is wrong with a request", () => {
    const requests = [packet(13, [""], "x"), packet(14, ["h".repeat(100)]), packet(8, ["H:a:1\0"]), packet(8, [""])];
    const came: Packet[] = [];
    const numbers: number[] = [];
    const codec = new Codec({ peer: "client" }, (frame) => {
      came.push(copy(frame));
      numbers.push(frame.slot, frame.handleNumber);
    });
    for (const each of requests) codec.decoder.write(write("client", each));
    codec.close();
    expect(came).toEqual(requests);
    expect(numbers).toEqual([-1, 0, -1, 0, -1, 0, -1, 0]);
  });
});

test("the error for a wrong magic shows what came, and nothing that an earlier connection left in memory", () => {
  const secret = new Codec({ peer: "client" }, () => {});
  secret.decoder.window().fill(0x53);
  secret.close();
  const codec = new Codec({ peer: "client", name: "it" }, () => {});
  try {
    expect(() => codec.decoder.write(bytesOf("E"))).toThrow(/^it sent "E" where a packet begins/);
  } finally {
    codec.close();
  }
});
