/*
 * Connections share an instance of the codec, and its one frame table: none may disturb another, nor read what is
 * no longer its own.
 */
import { ProtocolError } from "edgear";
import { Codec, type Frame, PacketType } from "edgear/codec";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { copy, noise, packetFrom } from "./arbitraries.ts";
import { memoriesMade, open } from "./open.ts";
import { bytesOf, concat, created, type Packet, packet, write, writeAll } from "./packets.ts";

test("500 connections with unfinished packets don't disturb each other", () => {
  const packets = fc.array(packetFrom("server", fc.uint8Array({ maxLength: 300 })), { minLength: 3, maxLength: 3 });
  const lists = fc.sample(packets, { numRuns: 500, seed: 1 });
  const streams = lists.map((list) => writeAll("server", list));
  const came: Packet[][] = lists.map(() => []);
  const codecs = came.map((list) => open((frame) => list.push(copy(frame))));
  for (let at = 0, more = true; more; at += 37) {
    more = false;
    streams.forEach((stream, index) => {
      if (at >= stream.length) return;
      more = true;
      const { decoder } = codecs[index] as Codec;
      const piece = stream.subarray(at, at + 37);
      if (index % 2) decoder.write(piece);
      else {
        decoder.window().set(piece);
        decoder.received(piece.length);
      }
    });
  }
  expect(came).toEqual(lists);
});

describe("while frames are delivered", () => {
  const twice = created(2);

  test("no connection takes bytes: the frame table is in use", () => {
    const errors: unknown[] = [];
    const other = open();
    const codec = open(() => {
      // Asking for a window is harmless there, and would move what is being read here.
      other.decoder.window();
      for (const feed of [
        () => codec.decoder.write(twice),
        () => codec.decoder.window(),
        () => codec.decoder.received(0),
        () => other.decoder.received(0),
      ]) {
        try {
          feed();
        } catch (error) {
          errors.push((error as Error).message);
        }
      }
    });
    codec.decoder.write(created(1));
    expect(new Set(errors)).toEqual(
      new Set(["the codec was entered while it delivers frames: bytes must be fed from the event loop"]),
    );
    expect(errors.length).toBe(4);
    codec.decoder.write(created(1));
    expect(errors.length).toBe(8);
  });

  test("others may open, close and send", () => {
    const texts: string[] = [];
    const victim = open();
    const codec = open((frame) => {
      victim.close();
      const fresh = open(undefined, "client");
      fresh.decoder.window().fill(0xff);
      fresh.encoder.packet(PacketType.ECHO_RES, [], noise(4_000, 3));
      texts.push(frame.text(0));
    });
    codec.decoder.write(created(20));
    expect(texts).toEqual(Array.from({ length: 20 }, (_, number) => `H:a:${number}`));
  });

  test("the connection may be closed: the frame stays good until it was delivered, and no other follows", () => {
    const texts: string[] = [];
    const codec = open((frame) => {
      codec.close();
      codec.close();
      const next = open(undefined, "client");
      next.decoder.window().fill(0xff);
      texts.push(frame.text(0), codec.decoder.handle(frame).prefix);
      expect(() => codec.decoder.bind(frame)).toThrow("this codec was closed");
      expect(codec.decoder.lookUp(frame)).toBe(-1);
    });
    codec.decoder.write(created(3));
    expect(texts).toEqual(["H:a:0", "H:a:0"]);
    const stream = created(1);
    const made = memoriesMade(() => {
      for (let round = 0; round < 1_000; round++) {
        const closing: Codec = new Codec({ peer: "server" }, () => closing.close());
        closing.decoder.write(stream);
      }
    });
    expect(made).toBe(0);
  });

  test("what is thrown comes out, ends the decoding, and is thrown again for what still comes", () => {
    let calls = 0;
    const codec = open(() => {
      calls++;
      throw new RangeError("mine");
    });
    for (let time = 0; time < 3; time++) expect(() => codec.decoder.write(twice)).toThrow(new RangeError("mine"));
    expect(calls).toBe(1);
    expect(codec.decoder.window().length).toBeGreaterThan(0);
    const fine: string[] = [];
    open((frame) => fine.push(frame.text(0))).decoder.write(twice);
    expect(fine).toEqual(["H:a:0", "H:a:1"]);
  });

  test("a table that grows leaves the frames of the batch as they are", () => {
    const [count, texts, slots]: [number, string[], number[]] = [1_000, [], []];
    const codec: Codec = open((frame) => {
      slots.push(codec.decoder.bind(frame));
      texts.push(frame.text(0));
    });
    codec.decoder.write(created(count));
    expect(texts).toEqual(Array.from({ length: count }, (_, number) => `H:a:${number}`));
    expect(new Set(slots).size).toBe(count);
  });
});

describe("a frame", () => {
  const stale = "a frame is good only while its decoder delivers it";

  test("is no longer good when it was delivered, and never with another decoder", () => {
    const kept: Frame[] = [];
    const other = open((frame) => {
      expect(() => codec.decoder.bind(frame)).toThrow(stale);
      expect(() => codec.decoder.lookUp(frame)).toThrow(stale);
      expect(() => codec.decoder.handle(frame)).toThrow(stale);
    });
    const codec = open((frame) => kept.push(frame));
    codec.decoder.write(created(1));
    other.decoder.write(created(1));
    const [frame] = kept as [Frame];
    expect(() => codec.decoder.bind(frame)).toThrow(stale);
    expect(() => codec.decoder.lookUp(frame)).toThrow(stale);
    expect(() => codec.decoder.handle(frame)).toThrow(stale);
  });

  test("is bound by its first argument, if that can be a handle", () => {
    const [errors, slots]: [unknown[], number[]] = [[], []];
    const codec = open((frame) => {
      try {
        slots.push(codec.decoder.bind(frame));
      } catch (error) {
        errors.push(error);
      }
    }, "client");
    const requests = [
      packet(PacketType.WORK_FAIL, ["H:a:1"]),
      packet(PacketType.WORK_FAIL, ["h".repeat(64)]),
      packet(PacketType.CAN_DO, ["f".repeat(8_000)]),
      packet(PacketType.GET_STATUS, [""]),
      packet(PacketType.ECHO_REQ, [], noise(50_000, 1)),
      packet(PacketType.WORK_COMPLETE, ["H:a:1"]),
    ];
    codec.decoder.write(writeAll("client", requests));
    expect(slots[1]).toBe(slots[0]);
    expect(slots.length).toBe(2);
    expect(errors).toEqual([
      new TypeError("a job handle has 1 to 63 bytes, and this WORK_FAIL has 64"),
      new TypeError("a job handle has 1 to 63 bytes, and this CAN_DO has 8000"),
      new TypeError("a job handle has 1 to 63 bytes, and this GET_STATUS has 0"),
      new RangeError("ECHO_REQ has no argument 0"),
    ]);
  });
});

describe("a window", () => {
  test("holds no more than it said", () => {
    const codec = open();
    const { length } = codec.decoder.window();
    for (const count of [length + 1, -1, 1.5, Number.NaN, 2 ** 32]) {
      expect(() => codec.decoder.received(count)).toThrow(RangeError);
    }
    codec.decoder.received(0);
    // Where the next bytes go may be elsewhere by now.
    expect(() => codec.decoder.received(1)).toThrow(RangeError);
    expect(codec.decoder.window().length).toBe(65_536);
  });

  test("of a large body reaches to its end at the most", () => {
    const [data, bodies]: [Uint8Array, Uint8Array[]] = [noise(3_000_000, 1), []];
    const codec = open((frame) => bodies.push(frame.data()));
    const stream = write("server", packet(PacketType.WORK_DATA, ["H:a:1"], data));
    for (let at = 0; at < stream.length; ) {
      const window = codec.decoder.window();
      expect(window.length).toBeGreaterThan(0);
      expect(window.length).toBeLessThanOrEqual(Math.max(65_536, stream.length - at));
      expect(() => codec.decoder.received(window.length + 1)).toThrow(RangeError);
      const piece = stream.subarray(at, at + window.length);
      window.set(piece);
      codec.decoder.received(piece.length);
      at += piece.length;
    }
    expect(bodies).toEqual([data]);
  });
});

describe("a closed codec", () => {
  test("ignores bytes, gives nothing out, and refuses packets", () => {
    const [seen, slots]: [string[], number[]] = [[], []];
    const codec = open((frame) => {
      seen.push(frame.text(0));
      slots.push(codec.decoder.bind(frame));
    });
    codec.decoder.write(created(1));
    codec.encoder.packet(PacketType.NOOP);
    codec.close();
    // What takes its place must be left alone.
    const next = open(undefined, "server");
    next.encoder.packet(PacketType.CAN_DO, ["next"]);
    codec.decoder.window().fill(0xff);
    codec.decoder.received(10);
    codec.decoder.write(created(3));
    codec.decoder.unbind(slots[0] as number);
    expect(seen).toEqual(["H:a:0"]);
    expect([codec.encoder.size, codec.encoder.take()]).toEqual([0, []]);
    for (const put of [
      () => codec.encoder.packet(PacketType.NOOP),
      () => codec.encoder.submit(PacketType.SUBMIT_JOB, "f", 1, ""),
      () => codec.encoder.submit(PacketType.SUBMIT_JOB, "f".repeat(1_000), 1, ""),
      () => codec.encoder.work(PacketType.WORK_FAIL, 0),
      () => codec.encoder.text("status\n"),
      () => codec.encoder.text(""),
    ]) {
      expect(put).toThrow("this codec was closed");
    }
    codec.close();
    expect(concat(next.encoder.take())).toEqual(write("client", packet(PacketType.CAN_DO, ["next"])));
  });

  test("leaves a fault of its peer behind", () => {
    const codec = open();
    expect(() => codec.decoder.write(bytesOf("HTTP"))).toThrow(ProtocolError);
    codec.close();
    codec.decoder.write(bytesOf("HTTP"));
    const fine: string[] = [];
    open((frame) => fine.push(frame.text(0))).decoder.write(created(1));
    expect(fine).toEqual(["H:a:0"]);
  });
});
