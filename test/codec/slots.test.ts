/*
 * The table of job handles, against a plain Map: which handle has which slot, and when a slot may be given out again.
 */
import { Codec, type Frame, PacketType } from "edgear/codec";
import fc from "fast-check";
import { expect, test } from "vitest";
import { handle as anyHandle } from "./arbitraries.ts";
import { bytesOf, concat, packet, write } from "./packets.ts";

const { JOB_ASSIGN, JOB_ASSIGN_ALL, JOB_ASSIGN_UNIQ, JOB_CREATED, WORK_COMPLETE, WORK_FAIL, WORK_STATUS } = PacketType;

/** A packet of a type about a job. */
function about(type: PacketType, handle: Uint8Array | string): Uint8Array {
  const more: Partial<Record<PacketType, string[]>> = {
    [JOB_ASSIGN]: ["f"],
    [JOB_ASSIGN_UNIQ]: ["f", "u"],
    [JOB_ASSIGN_ALL]: ["f", "u", "r"],
    [WORK_STATUS]: ["1", "2"],
  };
  return write("server", packet(type, [handle, ...(more[type] ?? [])]));
}

/** A handle as the string of its bytes, one to a character, so that a Map finds it. */
const key = (handle: Uint8Array): string => String.fromCharCode(...handle);

/** Handles: a few of any kind; all lengths, each being the next one's beginning; many of one server. */
const pool: fc.Arbitrary<Uint8Array[]> = fc.oneof(
  fc.uniqueArray(anyHandle, { minLength: 1, maxLength: 30, selector: key }),
  fc
    .constantFrom(0x68, 0xff)
    .map((byte) => Array.from({ length: 63 }, (_, size) => new Uint8Array(size + 1).fill(byte))),
  fc
    .tuple(fc.integer({ min: 1, max: 2_000 }), fc.constantFrom("H:jobs1:", "x", "é:", `H:${"long".repeat(13)}:`))
    .map(([count, prefix]) => Array.from({ length: count }, (_, number) => bytesOf(prefix + number))),
);

const ASSIGNING = [JOB_ASSIGN, JOB_ASSIGN_UNIQ, JOB_ASSIGN_ALL];
const OTHERS = [JOB_CREATED, WORK_STATUS, WORK_COMPLETE, WORK_FAIL];

/** Packets that come together, and what is done when each is delivered. */
const batch = fc.constantFrom(ASSIGNING, OTHERS, OTHERS).chain((types) =>
  fc.array(
    fc.record({
      type: fc.constantFrom(...types),
      handle: fc.nat(),
      // A frame that assigns a job was bound when it was decoded: what that gave isn't known before it is delivered.
      act:
        types === ASSIGNING
          ? fc.constantFrom("look", "bind")
          : fc.constantFrom("look", "bind", "bind", "unbind", "other"),
    }),
    { minLength: 1, maxLength: 200 },
  ),
);

test("a Map would say the same", () => {
  fc.assert(
    fc.property(pool, fc.array(batch, { minLength: 1, maxLength: 10 }), (handles, batches) => {
      const slots = new Map<string, number>();
      const inUse = new Set<number>();
      const released = new Set<number>();
      let before = new Map<string, number>();
      const take = (handle: string, slot: number) => {
        expect(slot).toBeGreaterThanOrEqual(0);
        expect(slots.get(handle) ?? slot).toBe(slot);
        if (slots.has(handle)) return;
        // It is nobody else's, nor was it since this batch began: frames of the batch may still carry it.
        expect(inUse.has(slot) || released.has(slot)).toBe(false);
        slots.set(handle, slot);
        inUse.add(slot);
      };
      const release = (handle: string | undefined) => {
        const slot = slots.get(handle ?? "");
        if (handle === undefined || slot === undefined) return;
        codec.decoder.unbind(slot);
        slots.delete(handle);
        inUse.delete(slot);
        released.add(slot);
      };
      let steps: { handle: Uint8Array; type: PacketType; act: string }[] = [];
      let at = 0;
      const codec = new Codec({ peer: "server" }, (frame: Frame) => {
        const step = steps[at++] as (typeof steps)[number];
        const handle = key(step.handle);
        expect([frame.type, key(frame.bytes(0))]).toEqual([step.type, handle]);
        if (ASSIGNING.includes(frame.type)) take(handle, frame.slot);
        else expect(frame.slot).toBe(frame.type === JOB_CREATED ? -1 : (before.get(handle) ?? -1));
        expect(codec.decoder.lookUp(frame)).toBe(slots.get(handle) ?? -1);
        if (step.act === "bind") take(handle, codec.decoder.bind(frame));
        else if (step.act === "unbind") release(handle);
        else if (step.act === "other") release([...slots.keys()][at % Math.max(1, slots.size)]);
      });
      try {
        for (const each of batches) {
          steps = each.map((step) => ({ ...step, handle: handles[step.handle % handles.length] as Uint8Array }));
          at = 0;
          released.clear();
          before = new Map(slots);
          codec.decoder.write(concat(steps.map(({ type, handle }) => about(type, handle))));
          expect(at).toBe(steps.length);
        }
      } finally {
        codec.close();
      }
    }),
    { numRuns: 120 },
  );
});

/** Runs `use` with a codec, and a way to deliver packets to a function. */
function delivering(
  use: (codec: Codec, deliver: (stream: Uint8Array, onFrame: (frame: Frame) => void) => void) => void,
): void {
  let current: (frame: Frame) => void = () => {};
  const codec = new Codec({ peer: "server" }, (frame) => current(frame));
  try {
    use(codec, (stream, onFrame) => {
      current = onFrame;
      codec.decoder.write(stream);
    });
  } finally {
    codec.close();
  }
}

test("a job that is assigned has its slot at once, and packets behind it in the batch find it", () => {
  for (const type of ASSIGNING) {
    delivering((codec, deliver) => {
      const found: number[] = [];
      const batch = [about(type, "H:a:1"), about(WORK_STATUS, "H:a:1"), about(type, "H:a:2"), about(type, "H:a:1")];
      deliver(concat(batch), (frame) => found.push(frame.slot, codec.decoder.lookUp(frame), codec.decoder.bind(frame)));
      const [first, second] = [found[0] as number, found[6] as number];
      expect(second).not.toBe(first);
      expect(found).toEqual([first, first, first, first, first, first, second, second, second, first, first, first]);
    });
  }
});

test("a frame of a job given up earlier in its batch never meets the slot's next job", () => {
  delivering((codec, deliver) => {
    let slot = -1;
    deliver(about(JOB_CREATED, "H:a:1"), (frame) => {
      slot = codec.decoder.bind(frame);
    });
    const seen: number[] = [];
    const batch = [about(WORK_COMPLETE, "H:a:1"), about(JOB_CREATED, "H:a:2"), about(WORK_FAIL, "H:a:1")];
    deliver(concat(batch), (frame) => {
      seen.push(frame.slot);
      if (frame.type === WORK_COMPLETE) codec.decoder.unbind(frame.slot);
      else if (frame.type === JOB_CREATED) expect(codec.decoder.bind(frame)).not.toBe(slot);
      else expect(codec.decoder.lookUp(frame)).toBe(-1);
    });
    expect(seen).toEqual([slot, -1, slot]);
    deliver(about(JOB_CREATED, "H:a:3"), (frame) => expect(codec.decoder.bind(frame)).toBe(slot));
  });
});

test("a slot given up twice is given out once", () => {
  delivering((codec, deliver) => {
    const slots: number[] = [];
    const bind = (frame: Frame) => slots.push(codec.decoder.bind(frame));
    for (let number = 0; number < 4; number++) deliver(about(JOB_CREATED, `H:a:${number}`), bind);
    for (const slot of [slots[2], slots[2], slots[1], slots[1], slots[2], 99, -1, 16, 2 ** 30]) {
      codec.decoder.unbind(slot as number);
    }
    for (let number = 4; number < 9; number++) deliver(about(JOB_CREATED, `H:a:${number}`), bind);
    expect(new Set([slots[0], slots[3], ...slots.slice(4)]).size).toBe(7);
    deliver(about(WORK_STATUS, "H:a:0"), (frame) => expect(frame.slot).toBe(slots[0]));
    deliver(about(WORK_STATUS, "H:a:3"), (frame) => expect(frame.slot).toBe(slots[3]));
  });
});

/** Packets in a test that sends very many. */
const MANY = 100_000;

function stream(type: PacketType, prefix: string, count = MANY): Uint8Array {
  return concat(Array.from({ length: count }, (_, number) => about(type, `${prefix}${number}`)));
}

test.each(["H:a:", "H:jobs1:", "x"])("a job of %s... isn't looked for among all the others", (prefix) => {
  /** The shortest time that a job's bind took, of some tries. */
  const cost = (count: number, tries: number): number => {
    const jobs = stream(JOB_CREATED, prefix, count);
    let best = Number.POSITIVE_INFINITY;
    for (let time = 0; time < tries; time++) {
      delivering((codec, deliver) => {
        const begin = performance.now();
        deliver(jobs, (frame) => codec.decoder.bind(frame));
        best = Math.min(best, (performance.now() - begin) / count);
      });
    }
    return best;
  };
  // With a hash that leaves the last digits out, this was thirty times as much.
  expect(cost(30_000, 3)).toBeLessThan(cost(500, 30) * 8);
});

test("100,000 jobs at once, more than the codec's memory takes", () => {
  delivering((codec, deliver) => {
    const slots: number[] = [];
    const created = stream(JOB_CREATED, "H:a:");
    deliver(created, (frame) => slots.push(codec.decoder.bind(frame)));
    expect(new Set(slots).size).toBe(MANY);
    expect(slots.findIndex((slot) => slot < 0 || slot >= 2 ** 30)).toBe(-1);

    // Asked for again, each is where it was: also those that found room only outside.
    let at = 0;
    let wrong = 0;
    deliver(created, (frame) => {
      if (codec.decoder.bind(frame) !== slots[at++]) wrong++;
    });
    at = 0;
    const status = stream(WORK_STATUS, "H:a:");
    deliver(status, (frame) => {
      const slot = frame.slot < 0 ? codec.decoder.lookUp(frame) : frame.slot;
      if (slot !== slots[at++]) wrong++;
    });
    expect([wrong, at]).toEqual([0, MANY]);

    for (const slot of slots) codec.decoder.unbind(slot);
    deliver(status, (frame) => {
      if (frame.slot >= 0 || codec.decoder.lookUp(frame) >= 0) wrong++;
    });
    const again: number[] = [];
    const known = new Set(slots);
    deliver(stream(JOB_CREATED, "H:b:"), (frame) => again.push(codec.decoder.bind(frame)));
    expect([wrong, new Set(again).size, again.filter((slot) => !known.has(slot)).length]).toEqual([0, MANY, 0]);
  });
});

test("a job followed outside the codec's memory is followed in one place only, and found by its very bytes", () => {
  delivering((codec, deliver) => {
    deliver(stream(JOB_CREATED, "H:a:"), (frame) => codec.decoder.bind(frame));
    const handles = [Uint8Array.of(0xfe), Uint8Array.of(0xff), bytesOf("�"), bytesOf("\uFEFF"), bytesOf("H:a:+")];
    const bind = () => {
      const slots: number[] = [];
      for (const handle of handles) {
        deliver(about(JOB_CREATED, handle), (frame) => slots.push(codec.decoder.bind(frame)));
      }
      return slots;
    };
    const slots = bind();
    expect(new Set(slots).size).toBe(handles.length);
    // Now there is room inside.
    for (let slot = 0; slot < 1_000; slot++) codec.decoder.unbind(slot);
    expect(bind()).toEqual(slots);
    handles.forEach((handle, index) => {
      deliver(about(WORK_STATUS, handle), (frame) => expect(codec.decoder.lookUp(frame)).toBe(slots[index]));
    });
  });
});
