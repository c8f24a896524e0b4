import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
// Nothing outside shows in which portions bytes go out.
import { Outbox } from "../../build/src/platform/outbox.js";

/** Pushes parts of some sizes, or takes some bytes. */
const step = fc.oneof(
  fc.record({ push: fc.array(fc.nat(20), { maxLength: 5 }) }),
  fc.record({ take: fc.integer({ min: 1, max: 30 }) }),
);

test("what is pushed is taken in order, each time as much as there is, up to the limit", () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const outbox = new Outbox();
      let next = 0;
      let expected = 0;
      for (const each of steps) {
        if ("push" in each) outbox.push(each.push.map((size) => Uint8Array.from({ length: size }, () => next++)));
        else {
          const waiting = outbox.size;
          const taken = outbox.take(each.take).flatMap((part) => [...part]);
          assert.equal(taken.length, Math.min(waiting, each.take));
          for (const byte of taken) assert.equal(byte, expected++ & 0xff);
        }
        assert.equal(outbox.size, next - expected);
      }
    }),
  );
});
