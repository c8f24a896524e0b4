import { Codec, PacketType } from "edgear/codec";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noise } from "./arbitraries.ts";
import { open, PREFIX } from "./open.ts";
import { bytesOf, concat, type Packet, packet, read, TYPES, write, writeAll } from "./packets.ts";

const sent = ({ encoder }: Codec): Uint8Array => concat(encoder.take());

/** Text of all widths, of lengths around the places where the way of writing it changes. */
const text = fc
  .tuple(
    fc.string({ unit: fc.constantFrom("a", "é", "漢", "😀", "\uFEFF"), maxLength: 12 }),
    fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      { weight: 3, arbitrary: fc.integer({ min: 55, max: 70 }) },
      { weight: 1, arbitrary: fc.integer({ min: 8_180, max: 8_200 }) },
    ),
    fc.constantFrom("a", "é", "漢", "😀"),
  )
  .map(([begin, more, character]) => begin + character.repeat(more / character.length));

const workload = fc.oneof(
  text,
  text.map((content) => `\0${content}\0`),
  fc
    .oneof(fc.nat(80), fc.constantFrom(4_095, 4_096, 4_097, 70_000))
    .chain((size) => fc.nat(100).map((seed) => noise(size, seed))),
);

const bytesArgument = fc
  .array(fc.integer({ min: 1, max: 255 }), { maxLength: 30 })
  .map((bytes) => Uint8Array.from(bytes));

const SUBMITS = [7, 18, 21, 32, 33, 34];

/** One call of the encoder, and the bytes that it is to add. */
interface Call {
  readonly make: (codec: Codec) => void;
  readonly bytes: Uint8Array;
}

const anyPacket: fc.Arbitrary<Call> = fc.constantFrom(...TYPES).chain(([type, , count, withData]) =>
  fc
    .tuple(
      fc.array(fc.oneof(text, bytesArgument), { minLength: count, maxLength: count }),
      withData ? fc.option(workload, { nil: undefined }) : fc.constant(undefined),
    )
    // Arguments that fill more than an arena are refused, which is another test's.
    .filter(([args]) => args.reduce((size, arg) => size + bytesOf(arg).length + 1, 0) < 60_000)
    .map(([args, data]) => ({
      make: ({ encoder }) => encoder.packet(type, args, data),
      bytes: write("client", packet(type, args, data)),
    })),
);

const anySubmit: fc.Arbitrary<Call> = fc
  .tuple(
    fc.constantFrom(...SUBMITS),
    fc.oneof(text, fc.constant("")),
    fc.oneof(fc.nat(40), fc.nat(0xffffffff)),
    workload,
  )
  .map(([type, name, serial, data]) => ({
    make: ({ encoder }) => encoder.submit(type, name, serial, data),
    bytes: write("client", packet(type, [name, serial ? PREFIX + serial.toString(32) : ""], data)),
  }));

const anyText: fc.Arbitrary<Call> = text.map((line) => ({
  make: ({ encoder }) => encoder.text(line),
  bytes: bytesOf(line),
}));

describe("what goes out", () => {
  test("is what the tests' own writer writes, through many arenas", () => {
    const calls = fc.array(fc.oneof(anyPacket, anyPacket, anySubmit, anySubmit, anyText), { maxLength: 60 });
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 30 }), (list, between) => {
        const codec = new Codec({ peer: "server", uniquePrefix: PREFIX }, () => {});
        try {
          const parts: Uint8Array[] = [];
          let waiting = 0;
          for (const [index, { make, bytes }] of list.entries()) {
            make(codec);
            waiting += bytes.length;
            expect(codec.encoder.size).toBe(waiting);
            if (index % between > 0) continue;
            parts.push(...codec.encoder.take());
            expect(codec.encoder.size).toBe(0);
            waiting = 0;
          }
          parts.push(...codec.encoder.take());
          expect(concat(parts)).toEqual(concat(list.map(({ bytes }) => bytes)));
          expect(codec.encoder.take()).toEqual([]);
        } finally {
          codec.close();
        }
      }),
      { numRuns: 150 },
    );
  });

  test("stays as it is when more follows", () => {
    const codec = open();
    const first = packet(PacketType.CAN_DO, ["first"]);
    codec.encoder.packet(first.type, first.args);
    const parts = codec.encoder.take();
    for (let number = 0; number < 20_000; number++) codec.encoder.packet(PacketType.CAN_DO, [`another ${number}`]);
    expect(concat(parts)).toEqual(write("client", first));
    const packets = Array.from({ length: 20_000 }, (_, number) => packet(PacketType.CAN_DO, [`another ${number}`]));
    expect(sent(codec)).toEqual(writeAll("client", packets));
  });

  test("is one part as long as it fits the arena", () => {
    const codec = open();
    for (let number = 0; number < 1_000; number++) codec.encoder.submit(PacketType.SUBMIT_JOB_BG, "f", number, "x");
    expect(codec.encoder.take().length).toBe(1);
    // 65,536 bytes fill it, one more begins another.
    codec.encoder.packet(PacketType.ECHO_REQ, [], noise(4_000, 1));
    for (const size of [4_084, ...Array.from({ length: 14 }, () => 4_084), 75]) {
      codec.encoder.packet(PacketType.ECHO_REQ, [], noise(size, 2));
    }
    const parts = codec.encoder.take();
    expect(parts.map(({ length }) => length)).toEqual([4_012 + 15 * 4_096, 87]);
  });

  test("has large data as a part of its own: the caller's bytes, not a copy", () => {
    const codec = open();
    const [large, small] = [noise(4_097, 1), noise(4_096, 1)];
    codec.encoder.packet(PacketType.NOOP);
    codec.encoder.submit(PacketType.SUBMIT_JOB, "f", 1, large);
    codec.encoder.packet(PacketType.ECHO_REQ, [], large);
    codec.encoder.submit(PacketType.SUBMIT_JOB, "f", 2, small);
    const parts = codec.encoder.take();
    expect(parts.length).toBe(5);
    expect([parts[1], parts[3]].every((part) => part === large)).toBe(true);
    small.fill(0);
    expect(read("client", concat(parts))).toMatchObject({
      fault: undefined,
      packets: [{ type: 6 }, { data: large }, { data: large }, { data: noise(4_096, 1) }],
    });
  });

  test("has the magic of a response on a server's side", () => {
    const codec = open(undefined, "client");
    codec.encoder.packet(PacketType.JOB_CREATED, ["H:a:1"]);
    codec.encoder.text("OK\n");
    expect(sent(codec)).toEqual(concat([write("server", packet(PacketType.JOB_CREATED, ["H:a:1"])), bytesOf("OK\n")]));
  });
});

describe("submit", () => {
  test("ends the unique in the serial, in base 32", () => {
    const codec = open();
    const serials = [1, 9, 10, 31, 32, 1023, 1024, 2 ** 30 - 1, 2 ** 30, 2 ** 31, 2 ** 32 - 1];
    for (const serial of serials) codec.encoder.submit(PacketType.SUBMIT_JOB_BG, "ƒ", serial, "");
    const expected = ["1", "9", "a", "v", "10", "vv", "100", "vvvvvv", "1000000", "2000000", "3vvvvvv"];
    expect(sent(codec)).toEqual(
      writeAll(
        "client",
        expected.map((digits) => packet(PacketType.SUBMIT_JOB_BG, ["ƒ", PREFIX + digits])),
      ),
    );
  });

  test("takes more names than are kept", () => {
    const codec = open();
    const names = Array.from({ length: 6_000 }, (_, number) => `ﬁlm-${number}`);
    for (let round = 0; round < 2; round++) {
      for (const [index, name] of names.entries()) codec.encoder.submit(PacketType.SUBMIT_JOB, name, index + 1, "x");
      const packets = names.map((name, index) =>
        packet(PacketType.SUBMIT_JOB, [name, PREFIX + (index + 1).toString(32)], "x"),
      );
      expect(sent(codec)).toEqual(writeAll("client", packets));
    }
  });

  test("takes names of every length", () => {
    const codec = open();
    const names = ["", "f", "f".repeat(511), "é".repeat(512), "é".repeat(513), "f".repeat(8_000), "漢".repeat(8_000)];
    const loads = ["x".repeat(8_192), "漢".repeat(8_192)];
    const packets: Packet[] = [];
    for (const name of names) {
      for (const load of loads) {
        codec.encoder.submit(PacketType.SUBMIT_JOB, name, 7, load);
        packets.push(packet(PacketType.SUBMIT_JOB, [name, `${PREFIX}7`], load));
      }
    }
    expect(sent(codec)).toEqual(writeAll("client", packets));
  });

  test("refuses what would come out wrong", () => {
    const { encoder } = open();
    const unprefixed = new Codec({ peer: "server" }, () => {});
    expect(() => encoder.submit(PacketType.SUBMIT_JOB_EPOCH, "f", 1, "")).toThrow(
      new TypeError("SUBMIT_JOB_EPOCH isn't made of a function, a unique and a workload"),
    );
    for (const serial of [-1, 2 ** 32, 1.5, Number.NaN]) {
      expect(() => encoder.submit(PacketType.SUBMIT_JOB, "f", serial, "")).toThrow(TypeError);
    }
    expect(() => unprefixed.encoder.submit(PacketType.SUBMIT_JOB, "f", 1, "")).toThrow(
      new TypeError("a codec without uniquePrefix generates no uniques"),
    );
    unprefixed.encoder.submit(PacketType.SUBMIT_JOB, "f", 0, "");
    expect(sent(unprefixed)).toEqual(write("client", packet(PacketType.SUBMIT_JOB, ["f", ""])));
    unprefixed.close();
    expect(encoder.take()).toEqual([]);
  });
});

describe("work", () => {
  test("writes the handle of a slot", () => {
    const handles = [bytesOf("H:a:1"), noise(63, 5).map((byte) => byte || 1), Uint8Array.of(0xff)];
    const slots: number[] = [];
    const codec = open((frame) => slots.push(frame.slot));
    for (const handle of handles) codec.decoder.write(write("server", packet(PacketType.JOB_ASSIGN, [handle, "f"])));
    const packets: Packet[] = [];
    const work = (type: PacketType, index: number, args: string[] = [], data?: string | Uint8Array) => {
      codec.encoder.work(type, slots[index] as number, args, data);
      packets.push(packet(type, [handles[index] as Uint8Array, ...args], data));
    };
    for (let round = 0; round < 300; round++) {
      for (let index = 0; index < handles.length; index++) {
        work(PacketType.WORK_STATUS, index, ["1", "4294967295"]);
        work(PacketType.WORK_DATA, index, [], "é\0");
        work(PacketType.WORK_WARNING, index, [], noise(round, 1));
        work(PacketType.WORK_COMPLETE, index);
        work(PacketType.WORK_COMPLETE, index, [], noise(4_090 + (round % 20), 1));
        work(PacketType.WORK_EXCEPTION, index, [], "漢".repeat(round % 7 === 0 ? 8_193 : 100));
        work(PacketType.WORK_FAIL, index);
      }
    }
    expect(sent(codec)).toEqual(writeAll("client", packets));
  });

  test("refuses a slot that is no job's, rather than send another's handle", () => {
    const slots: number[] = [];
    const codec = open((frame) => slots.push(frame.slot));
    for (const handle of ["H:a:1", "H:a:2"]) {
      codec.decoder.write(write("server", packet(PacketType.JOB_ASSIGN, [handle, "f"])));
    }
    codec.decoder.unbind(slots[0] as number);
    for (const slot of [slots[0] as number, -1, 2, 16, 1 << 24, -(2 ** 31)]) {
      expect(() => codec.encoder.work(PacketType.WORK_COMPLETE, slot, [], "x")).toThrow(
        new TypeError(`WORK_COMPLETE is to be about slot ${slot}, which is no job's`),
      );
    }
    expect(codec.encoder.take()).toEqual([]);
    codec.encoder.work(PacketType.WORK_FAIL, slots[1] as number);
    expect(sent(codec)).toEqual(write("client", packet(PacketType.WORK_FAIL, ["H:a:2"])));
  });

  test("refuses what would come out wrong", () => {
    const slots: number[] = [];
    const codec = open((frame) => slots.push(frame.slot));
    codec.decoder.write(write("server", packet(PacketType.JOB_ASSIGN, ["H:a:1", "f"])));
    const { encoder } = codec;
    const slot = slots[0] as number;
    expect(() => encoder.work(PacketType.WORK_FAIL, slot, [], "why")).toThrow(new TypeError("WORK_FAIL takes no data"));
    expect(() => encoder.work(PacketType.WORK_STATUS, slot, ["1"])).toThrow(TypeError);
    expect(() => encoder.work(PacketType.WORK_STATUS, slot, ["1\0", "2"])).toThrow("has a NUL");
    expect(() => encoder.work(PacketType.WORK_STATUS, slot, ["1", "2".repeat(30_000)])).toThrow(TypeError);
    expect(encoder.take()).toEqual([]);
  });
});
