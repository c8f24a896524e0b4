/*
 * Each packet as it travels, in hex: the encoder must make these very bytes, and the decoder must take them apart again.
 */
import { Codec, PacketType } from "edgear/codec";
import { afterEach, describe, expect, test } from "vitest";
import { copy } from "./arbitraries.ts";
import { concat, type Packet, packet, read, type Sender, TYPES } from "./packets.ts";

/** The type, its arguments, its data, and the bytes that follow the magic. */
const GOLDEN: readonly (readonly [type: number, args: readonly string[], data: string | undefined, hex: string])[] = [
  [1, ["reverse"], undefined, "00000001 00000007 72657665727365"],
  [2, ["reverse"], undefined, "00000002 00000007 72657665727365"],
  [3, [], undefined, "00000003 00000000"],
  [4, [], undefined, "00000004 00000000"],
  [5, [], undefined, "00000005 00000000"],
  [6, [], undefined, "00000006 00000000"],
  [7, ["reverse", "u-1"], "h\0i", "00000007 0000000f 7265766572736500 752d3100 680069"],
  [8, ["H:a:1"], undefined, "00000008 00000005 483a613a31"],
  [9, [], undefined, "00000009 00000000"],
  [10, [], undefined, "0000000a 00000000"],
  [11, ["H:a:1", "reverse"], "h\0i", "0000000b 00000011 483a613a3100 7265766572736500 680069"],
  [12, ["H:a:1", "3", "10"], undefined, "0000000c 0000000a 483a613a3100 3300 3130"],
  [13, ["H:a:1"], "h\0i", "0000000d 00000009 483a613a3100 680069"],
  [14, ["H:a:1"], undefined, "0000000e 00000005 483a613a31"],
  [15, ["H:a:1"], undefined, "0000000f 00000005 483a613a31"],
  [16, [], "h\0i", "00000010 00000003 680069"],
  [17, [], "h\0i", "00000011 00000003 680069"],
  [18, ["reverse", "u-1"], "h\0i", "00000012 0000000f 7265766572736500 752d3100 680069"],
  [
    19,
    ["QUEUE_ERROR", "Job queue is full"],
    undefined,
    "00000013 0000001d 51554555455f4552524f5200 4a6f622071756575652069732066756c6c",
  ],
  [20, ["H:a:1", "1", "1", "3", "10"], undefined, "00000014 0000000e 483a613a3100 3100 3100 3300 3130"],
  [21, ["reverse", ""], "h\0i", "00000015 0000000c 7265766572736500 00 680069"],
  [22, ["thumbs-1"], undefined, "00000016 00000008 7468756d62732d31"],
  [23, ["reverse", "5000"], undefined, "00000017 0000000c 7265766572736500 35303030"],
  [24, [], undefined, "00000018 00000000"],
  [25, ["H:a:1"], "h\0i", "00000019 00000009 483a613a3100 680069"],
  [26, ["exceptions"], undefined, "0000001a 0000000a 657863657074696f6e73"],
  [27, ["exceptions"], undefined, "0000001b 0000000a 657863657074696f6e73"],
  [28, ["H:a:1"], "h\0i", "0000001c 00000009 483a613a3100 680069"],
  [29, ["H:a:1"], "h\0i", "0000001d 00000009 483a613a3100 680069"],
  [30, [], undefined, "0000001e 00000000"],
  [31, ["H:a:1", "reverse", "u-1"], "h\0i", "0000001f 00000015 483a613a3100 7265766572736500 752d3100 680069"],
  [32, ["reverse", "u-1"], "h\0i", "00000020 0000000f 7265766572736500 752d3100 680069"],
  [33, ["reverse", "u-1"], "h\0i", "00000021 0000000f 7265766572736500 752d3100 680069"],
  [34, ["reverse", "u-1"], "h\0i", "00000022 0000000f 7265766572736500 752d3100 680069"],
  [
    35,
    ["reverse", "u-1", "30", "12", "24", "12", "5"],
    "h\0i",
    "00000023 0000001d 7265766572736500 752d3100 333000 313200 323400 313200 3500 680069",
  ],
  [
    36,
    ["reverse", "u-1", "1767225600"],
    "h\0i",
    "00000024 0000001a 7265766572736500 752d3100 3137363732323536303000 680069",
  ],
  [37, ["reverse", "u-1", "join", ""], "h\0i", "00000025 00000015 7265766572736500 752d3100 6a6f696e00 00 680069"],
  [38, ["reverse", "u-1", "join", ""], "h\0i", "00000026 00000015 7265766572736500 752d3100 6a6f696e00 00 680069"],
  [39, [], undefined, "00000027 00000000"],
  [
    40,
    ["H:a:1", "reverse", "u-1", "join"],
    "h\0i",
    "00000028 0000001a 483a613a3100 7265766572736500 752d3100 6a6f696e00 680069",
  ],
  [41, ["u-1"], undefined, "00000029 00000003 752d31"],
  [42, ["u-1", "1", "0", "3", "10", "2"], undefined, "0000002a 0000000e 752d3100 3100 3000 3300 313000 32"],
];

const MAGICS: readonly (readonly [sender: Sender, hex: string])[] = [
  ["client", "00524551"],
  ["server", "00524553"],
];

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

let codecs: Codec[] = [];
afterEach(() => {
  for (const codec of codecs) codec.close();
  codecs = [];
});

function open(peer: "server" | "client"): { codec: Codec; packets: Packet[] } {
  const packets: Packet[] = [];
  const codec = new Codec({ peer }, (frame) => packets.push(copy(frame)));
  codecs.push(codec);
  return { codec, packets };
}

test("there are 42 of them, by the protocol's names", () => {
  expect(GOLDEN.map(([type]) => type)).toEqual(Array.from({ length: 42 }, (_, index) => index + 1));
  for (const [type, name] of TYPES) expect(PacketType[type]).toBe(name);
});

describe.each(MAGICS)("from a %s", (sender, magic) => {
  test.each(GOLDEN)("type %i %j %j", (type, args, data, hex) => {
    const golden = bytes(magic + hex);
    const { codec, packets } = open(sender);
    codec.decoder.write(golden);
    expect(packets).toEqual([packet(type, args, data)]);
    expect(packets).toEqual(read(sender, golden).packets);

    const { codec: other } = open(sender === "client" ? "server" : "client");
    other.encoder.packet(type, args, data);
    expect(concat(other.encoder.take())).toEqual(golden);
  });

  test("all of them in one stream", () => {
    const stream = concat(GOLDEN.map(([, , , hex]) => bytes(magic + hex)));
    const { codec, packets } = open(sender);
    codec.decoder.write(stream);
    expect(packets).toEqual(GOLDEN.map(([type, args, data]) => packet(type, args, data)));

    const { codec: other } = open(sender === "client" ? "server" : "client");
    for (const [type, args, data] of GOLDEN) other.encoder.packet(type, args, data);
    expect(concat(other.encoder.take())).toEqual(stream);
  });
});
