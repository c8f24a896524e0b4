/*
 * What a connection holds in the codec's memory must be free for the next one when it closes.
 */
import { Codec, PacketType } from "edgear/codec";
import { describe, expect, test } from "vitest";
import { noise } from "./arbitraries.ts";
import { closeAll, memoriesMade, open } from "./open.ts";
import { concat, created, packet, write, writeAll } from "./packets.ts";

/** Uses all that a connection has: its window, its arena, its slots. */
function exercise(codec: Codec): void {
  codec.decoder.write(
    write("server", packet(PacketType.JOB_ASSIGN, ["H:a:1", "f"], noise(30_000, 1))).subarray(0, 20_000),
  );
  codec.encoder.submit(PacketType.SUBMIT_JOB, "f", 1, noise(4_000, 2));
}

describe("memory", () => {
  test("is free again after many jobs", () => {
    const stream = created(6_000);
    const jobs = (): Codec => {
      const codec = open((frame) => codec.decoder.bind(frame));
      codec.decoder.write(stream);
      return codec;
    };
    jobs().close();
    const made = memoriesMade(() => {
      for (let round = 0; round < 150; round++) jobs().close();
    });
    expect(made).toBe(0);
    // Where there is no more room in it, frames carry no slot.
    const slots: number[] = [];
    const codec = open((frame) => {
      slots.push(frame.type === PacketType.JOB_CREATED ? codec.decoder.bind(frame) : frame.slot);
    });
    codec.decoder.write(stream);
    codec.decoder.write(write("server", packet(PacketType.WORK_FAIL, ["H:a:5999"])));
    expect(slots.at(-1)).toBe(slots[5_999]);
  });

  test("is taken by a connection when it opens, and free for the next when it closes", () => {
    const thousands = () => {
      for (let round = 0; round < 3_000; round++) {
        const codec = open();
        exercise(codec);
        codec.close();
      }
    };
    thousands();
    expect(memoriesMade(thousands)).toBe(0);
  });

  test("is there for as many as are open at once, and is used again by the next as many", () => {
    const many = () => {
      for (let number = 0; number < 500; number++) exercise(open());
      closeAll();
    };
    // Some 120 of them in 16 MiB.
    const made = memoriesMade(many);
    expect(made).toBeGreaterThanOrEqual(3);
    expect(made).toBeLessThanOrEqual(5);
    expect(memoriesMade(many)).toBe(0);
  });

  test("may be cut up by a crowd that has left: a worker still takes thousands of jobs at once", () => {
    for (let number = 0; number < 500; number++) open();
    closeAll();
    const jobs = Array.from({ length: 5_000 }, (_, number) => `H:a:${number}`);
    const slots: number[] = [];
    const codec = open((frame) => {
      slots.push(codec.decoder.bind(frame));
      expect(codec.decoder.lookUp(frame)).toBe(slots.at(-1));
    });
    codec.decoder.write(
      writeAll(
        "server",
        jobs.map((handle) => packet(PacketType.JOB_ASSIGN, [handle, "f"])),
      ),
    );
    expect(new Set(slots).size).toBe(jobs.length);
    for (const slot of slots) codec.encoder.work(PacketType.WORK_COMPLETE, slot, [], "done");
    expect(concat(codec.encoder.take())).toEqual(
      writeAll(
        "client",
        jobs.map((handle) => packet(PacketType.WORK_COMPLETE, [handle], "done")),
      ),
    );
    for (const slot of slots) codec.decoder.unbind(slot);
    for (const slot of [slots[0], slots[4_999]]) {
      expect(() => codec.encoder.work(PacketType.WORK_FAIL, slot as number)).toThrow("which is no job's");
    }
  });

  test("isn't taken when an option is wrong", () => {
    const wrong: readonly (readonly [options: unknown, message: string])[] = [
      [{ peer: "worker" }, 'peer must be "server" or "client", not "worker"'],
      [{}, 'peer must be "server" or "client", not undefined'],
      [{ peer: "server", uniquePrefix: "short" }, 'uniquePrefix must be 12 ASCII characters, not "short"'],
      [{ peer: "server", uniquePrefix: "éééééé" }, 'uniquePrefix must be 12 ASCII characters, not "éééééé"'],
      [
        { peer: "server", uniquePrefix: "abcdefghijk\0" },
        'uniquePrefix must be 12 ASCII characters, not "abcdefghijk\\u0000"',
      ],
      ...[1023, 0x60000001, 1024.5, Number.NaN, Number.POSITIVE_INFINITY, "2048"].map(
        (maxPacketSize) =>
          [
            { peer: "server", maxPacketSize },
            `maxPacketSize must be a whole number of bytes from 1024 to 1610612736, not ${maxPacketSize}`,
          ] as const,
      ),
    ];
    const made = memoriesMade(() => {
      for (let round = 0; round < 100; round++) {
        for (const [options, message] of wrong) {
          expect(() => new Codec(options as { peer: "server" }, () => {})).toThrow(new TypeError(message));
        }
      }
    });
    expect(made).toBe(0);
  });
});
