import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Fifo, Numbers } from "../../build/src/connection/fifo.js";

test("numbers come out as they went in, however many wait", () => {
  const step = fc.record({
    act: fc.constantFrom("push", "shift", "set", "drain"),
    count: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(fc.array(step), (script) => {
      const numbers = new Numbers();
      let model: number[] = [];
      let next = 0.5;
      for (const { act, count } of script) {
        if (act === "drain" && count < 10) {
          expect(numbers.drain()).toEqual(model);
          model = [];
        } else if (act === "set" && model.length > 0) {
          numbers.set(count % model.length, -next);
          model[count % model.length] = -next;
        } else {
          for (let time = 0; time < count; time++) {
            if (act === "shift") expect(numbers.shift()).toBe(model.shift() ?? 0);
            else if (act === "push") {
              numbers.push(next);
              model.push(next++);
            }
          }
        }
        expect([numbers.peek(), numbers.peek(count)]).toEqual([model[0] ?? 0, model[count] ?? 0]);
      }
      expect(numbers.drain()).toEqual(model);
    }),
    { numRuns: 200 },
  );
});

test("an array would say the same, also with thousands of items", () => {
  const push = fc.record({ act: fc.constant("push" as const), count: fc.integer({ min: 1, max: 700 }) });
  const shift = fc.record({ act: fc.constant("shift" as const), count: fc.integer({ min: 1, max: 700 }) });
  const peek = fc.record({ act: fc.constant("peek" as const), count: fc.nat(1_000) });
  const drain = fc.record({ act: fc.constant("drain" as const), count: fc.constant(1) });
  const steps = fc.array(
    fc.oneof({ weight: 4, arbitrary: fc.oneof(push, shift, peek) }, { weight: 1, arbitrary: drain }),
  );
  fc.assert(
    fc.property(steps, (script) => {
      const fifo = new Fifo<number>();
      let model: number[] = [];
      let next = 0;
      for (const { act, count } of script) {
        if (act === "peek") expect(fifo.peek(count)).toBe(model[count]);
        else if (act === "drain") {
          expect(fifo.drain()).toEqual(model);
          model = [];
        } else {
          for (let time = 0; time < count; time++) {
            if (act === "shift") expect(fifo.shift()).toBe(model.shift());
            else {
              fifo.push(next);
              model.push(next++);
            }
          }
        }
        expect([fifo.length, fifo.peek()]).toEqual([model.length, model[0]]);
      }
    }),
    { numRuns: 100 },
  );
});

test("what was taken is not held on to", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const fifo = new Fifo<object>();
  const taken = (() => {
    fifo.push({ first: true });
    fifo.push({ second: true });
    return new WeakRef(fifo.shift() as object);
  })();
  // A WeakRef holds on until the current task is over.
  await new Promise((resolve) => setTimeout(resolve));
  collect();
  expect(taken.deref()).toBeUndefined();
  expect(fifo.length).toBe(1);
});

test("what many numbers took is given back", () => {
  const filled = () => {
    const numbers = new Numbers();
    for (let number = 0; number < 100_000; number++) numbers.push(number);
    expect(numbers.room).toBeGreaterThanOrEqual(100_000);
    return numbers;
  };
  const drained = filled();
  drained.drain();
  expect(drained.room).toBeLessThan(100);
  const taken = filled();
  for (let number = 0; number < 100_000; number++) expect(taken.shift()).toBe(number);
  expect(taken.room).toBeLessThan(100);
  taken.push(7);
  expect(taken.drain()).toEqual([7]);
});
