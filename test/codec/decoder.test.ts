import { Codec, type CodecOptions, type Frame, PacketType } from "edgear/codec";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byChunks, byWindow, copy, cuts, type Feed, noise, packetFrom, smallData } from "./arbitraries.ts";
import { bytesOf, concat, header, type Packet, packet, type Sender, write, writeAll } from "./packets.ts";

const SENDERS: readonly Sender[] = ["server", "client"];
const FEEDS: readonly (readonly [name: string, feed: Feed])[] = [
  ["chunks", byChunks],
  ["the window", byWindow],
];

/** Runs `use` with a codec that collects what it decodes, and closes it. */
function decoding(options: CodecOptions, use: (codec: Codec, packets: Packet[]) => void): Packet[] {
  const packets: Packet[] = [];
  const codec = new Codec(options, (frame) => packets.push(copy(frame)));
  try {
    use(codec, packets);
  } finally {
    codec.close();
  }
  return packets;
}

describe.each(SENDERS)("what a %s sends", (sender) => {
  test.each(FEEDS)("comes out the same however it is cut, fed by %s", (_, feed) => {
    fc.assert(
      fc.property(fc.array(packetFrom(sender), { maxLength: 12 }), cuts, (packets, sizes) => {
        const stream = writeAll(sender, packets);
        expect(decoding({ peer: sender }, (codec) => feed(codec, stream, sizes))).toEqual(packets);
      }),
      { numRuns: 120 },
    );
  });

  test("comes out the same byte by byte", () => {
    fc.assert(
      fc.property(fc.array(packetFrom(sender, smallData), { maxLength: 6 }), (packets) => {
        const stream = writeAll(sender, packets);
        expect(decoding({ peer: sender }, (codec) => byWindow(codec, stream, [1]))).toEqual(packets);
      }),
      { numRuns: 40 },
    );
  });

  test("comes out as far as it is complete, and the rest when that comes", () => {
    fc.assert(
      fc.property(fc.array(packetFrom(sender, smallData), { minLength: 1, maxLength: 4 }), fc.nat(), (packets, at) => {
        const wholes = packets.map((each) => write(sender, each));
        const stream = concat(wholes);
        const cut = at % stream.length;
        let complete = 0;
        for (let end = 0; complete < wholes.length; complete++) {
          end += (wholes[complete] as Uint8Array).length;
          if (end > cut) break;
        }
        decoding({ peer: sender }, (codec, came) => {
          codec.decoder.write(stream.subarray(0, cut));
          expect(came).toEqual(packets.slice(0, complete));
          codec.decoder.write(stream.subarray(cut));
          expect(came).toEqual(packets);
        });
      }),
      { numRuns: 300 },
    );
  });
});

test("a stream cut at every single place", () => {
  const packets = [
    packet(8, ["H:a:1"]),
    packet(12, ["H:a:1", "1", "2"]),
    packet(17, [], "\0\0"),
    packet(10),
    packet(31, ["H:a:2", "reverse", "", ""].slice(0, 3), noise(20, 1)),
  ];
  const stream = writeAll("server", packets);
  for (let cut = 0; cut <= stream.length; cut++) {
    const came = decoding({ peer: "server" }, (codec) => {
      codec.decoder.write(stream.subarray(0, cut));
      codec.decoder.write(stream.subarray(cut));
    });
    expect(came).toEqual(packets);
  }
});

describe("frames", () => {
  test("more of them in one chunk than one call of the codec yields", () => {
    const packets = Array.from({ length: 5_000 }, () => packet(PacketType.NOOP));
    packets[3_333] = packet(PacketType.ECHO_RES, [], "x");
    expect(decoding({ peer: "server" }, (codec) => codec.decoder.write(writeAll("server", packets)))).toEqual(packets);
  });

  test("give arguments as text, as numbers and by size", () => {
    const seen: unknown[] = [];
    const codec = new Codec({ peer: "server" }, (frame) => {
      seen.push(frame.text(0), frame.size(0), frame.integer(1), frame.integer(2), frame.argumentCount, frame.data());
      expect(() => frame.text(3)).toThrow(new RangeError("WORK_STATUS has no argument 3"));
      expect(() => frame.bytes(-1)).toThrow(RangeError);
    });
    codec.decoder.write(write("server", packet(PacketType.WORK_STATUS, ["H:ä:1", "4294967295", "12x"])));
    codec.decoder.write(write("server", packet(PacketType.WORK_STATUS, ["H:ä:1", "", "-1"])));
    codec.close();
    expect(seen).toEqual([
      ...["H:ä:1", 6, 4294967295, 12, 3, new Uint8Array()],
      ...["H:ä:1", 6, 0, 0, 3, new Uint8Array()],
    ]);
  });

  test("give the same text as their bytes are, of every length, with or without a byte order mark", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "é", "漢", "😀", "\uFEFF"), maxLength: 90 }),
        fc.nat(80_000),
        (text, more) => {
          const long = text + "é".repeat(more % 7 === 0 ? more : more % 100);
          const texts: string[] = [];
          const codec = new Codec({ peer: "client" }, (frame) => texts.push(frame.text(1), frame.dataText()));
          codec.decoder.write(write("client", packet(PacketType.SUBMIT_JOB, ["f", text], long)));
          codec.close();
          expect(texts).toEqual([text, long]);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("are what was copied from them, after their memory is written over", () => {
    const packets = [packet(13, ["H:a:1"], noise(60_000, 1)), packet(13, ["H:a:2"], noise(60_000, 2))];
    const came = decoding({ peer: "server" }, (codec) => {
      for (const each of packets) codec.decoder.write(write("server", each));
    });
    expect(came).toEqual(packets);
  });
});

test("text of every length is read, with a character beyond ASCII at any place", () => {
  const names = Array.from({ length: 70 }, (_, size) => "abcdefghijklmnopqrstuvwxyz".repeat(3).slice(0, size + 1));
  const foreign = names.flatMap((name) =>
    [0, 7, 8, 12, name.length - 1].map((at) => `${name.slice(0, at)}ü${name.slice(at + 1)}`),
  );
  for (const name of [...names, ...foreign]) {
    const seen: unknown[] = [];
    const codec = new Codec({ peer: "client" }, (each) => {
      const frame = each as Frame & { is(index: number, text: string): boolean };
      seen.push(
        frame.text(0),
        frame.is(0, name),
        frame.is(0, `${name}x`),
        frame.is(0, name.slice(1)),
        frame.is(0, `${name.slice(1)}?`),
      );
    });
    codec.decoder.write(write("client", packet(PacketType.CAN_DO, [name])));
    codec.close();
    expect(seen).toEqual([name, true, false, false, false]);
  }
});

describe("data larger than the window", () => {
  test("is collected, up to 64 MiB", () => {
    const big = packet(PacketType.WORK_COMPLETE, ["H:a:1"], noise(1 << 16, 3));
    const size = 64 * 1024 * 1024;
    const data = new Uint8Array(size - 6).map((_, index) => index >> 12);
    let sum = 0;
    const types: number[] = [];
    const codec = new Codec({ peer: "server" }, (frame) => {
      types.push(frame.type);
      if (frame.data().length === data.length) {
        expect(frame.text(0)).toBe("H:a:9");
        expect(Buffer.compare(frame.data(), data)).toBe(0);
        sum++;
      }
    });
    codec.decoder.write(write("server", big));
    byWindow(codec, concat([header("server", 13, size), bytesOf("H:a:9\0"), data]), [1_000_000]);
    codec.decoder.write(write("server", packet(PacketType.NOOP)));
    codec.close();
    expect([types, sum]).toEqual([[13, 13, 6], 1]);
  });

  test("costs little memory while it is only announced", () => {
    const codecs = Array.from({ length: 50 }, () => new Codec({ peer: "client" }, () => {}));
    const before = process.memoryUsage().arrayBuffers;
    for (const codec of codecs) codec.decoder.write(concat([header("client", 16, 64 * 1024 * 1024), noise(70_000, 1)]));
    const cost = process.memoryUsage().arrayBuffers - before;
    for (const codec of codecs) codec.close();
    expect(cost).toBeLessThan(codecs.length * 2 * 1024 * 1024);
  });

  test("may have arguments up to the window's end", () => {
    const room = 65_536 - 12;
    // The last NUL is the last byte of the window, or one behind it.
    const fits = packet(PacketType.SUBMIT_JOB, ["f".repeat(room - 3), "u"], noise(10, 1));
    expect(decoding({ peer: "client" }, (codec) => byChunks(codec, write("client", fits), [777]))).toEqual([fits]);
    const late = write("client", packet(PacketType.SUBMIT_JOB, ["f".repeat(room - 2), "u"], noise(10, 1)));
    for (const sizes of [[1 << 20], [777]]) {
      expect(() => decoding({ peer: "client" }, (codec) => byChunks(codec, late, sizes))).toThrow(
        "the client sent a SUBMIT_JOB packet whose arguments don't end within 65536 bytes",
      );
    }
  });

  test("is no excuse for arguments that large", () => {
    const fits = packet(PacketType.ERROR, ["code", "e".repeat(65_536 - 12 - 5)]);
    expect(decoding({ peer: "server" }, (codec) => codec.decoder.write(write("server", fits)))).toEqual([fits]);
    expect(() =>
      decoding({ peer: "server" }, (codec) => codec.decoder.write(header("server", PacketType.ERROR, 65_525))),
    ).toThrow("the server sent an ERROR packet whose arguments don't end within 65536 bytes");
  });
});

describe("lines of text", () => {
  const line = (text: string): Packet => ({ type: PacketType.TEXT, args: [], data: bytesOf(text) });

  test("come between packets, however they are cut", () => {
    const text = fc
      .string({ unit: fc.constantFrom("a", " ", "\t", "\r", "é", "漢", "."), maxLength: 200 })
      .map((content) => line(`x${content}`));
    const either = fc.oneof(text, packetFrom("client"));
    fc.assert(
      fc.property(fc.array(either, { maxLength: 12 }), cuts, (items, sizes) => {
        const stream = concat(
          items.map((item) =>
            item.type === PacketType.TEXT ? concat([item.data, bytesOf("\n")]) : write("client", item),
          ),
        );
        const came = decoding({ peer: "client", textLines: true }, (codec) => byWindow(codec, stream, sizes));
        expect(came).toEqual(items);
      }),
      { numRuns: 120 },
    );
  });

  test("may be empty, and are text", () => {
    const seen: unknown[] = [];
    const codec = new Codec({ peer: "server", textLines: true }, (frame) =>
      seen.push(frame.type, frame.dataText(), frame.argumentCount, frame.slot),
    );
    codec.decoder.write(bytesOf("\nréverse\t1\n.\n"));
    codec.close();
    expect(seen).toEqual([...[0, "", 0, -1], ...[0, "réverse\t1", 0, -1], ...[0, ".", 0, -1]]);
  });

  test("are refused where they aren't expected", () => {
    expect(() => decoding({ peer: "server" }, (codec) => codec.decoder.write(bytesOf("OK 1\n")))).toThrow(
      `the server sent "OK 1" where a packet begins`,
    );
  });

  test("may be as long as the window, and not longer", () => {
    const longest = bytesOf(`${"a".repeat(65_535)}\n`);
    const came = decoding({ peer: "client", textLines: true }, (codec) => byChunks(codec, longest, [10_000]));
    expect(came).toEqual([line("a".repeat(65_535))]);
    expect(() =>
      decoding({ peer: "client", textLines: true }, (codec) => byChunks(codec, bytesOf("b".repeat(65_536)), [10_000])),
    ).toThrow("the client sent a line of text of more than 65536 bytes");
  });
});
