import fc from "fast-check";
import { expect, test } from "vitest";
import { open, seal } from "../../build/src/otel/envelope.js";

const carriers = fc.dictionary(
  fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }),
  fc.string({ unit: "grapheme" }),
);
const ROOM = 1 << 20;
const bytesOf = (workload: string | Uint8Array) =>
  typeof workload === "string" ? new TextEncoder().encode(workload) : workload;

test("whatever goes in comes out: bytes, texts, and envelopes", () => {
  const workloads = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed()),
    fc.tuple(carriers, fc.uint8Array()).map(([carrier, bytes]) => seal({ ...carrier, a: "b" }, bytes, ROOM)),
  );
  fc.assert(
    fc.property(carriers, workloads, (carrier, workload) => {
      const sent = bytesOf(seal(carrier, workload, ROOM));
      const opened = open(sent);
      expect(opened ? opened.workload : sent).toEqual(bytesOf(workload));
      if (Object.keys(carrier).length > 0) expect({ ...opened?.carrier }).toEqual({ ...carrier });
      if (opened) expect(Buffer.concat([opened.envelope, opened.workload])).toEqual(Buffer.from(sent));
    }),
    { numRuns: 300 },
  );
});

test("opening never gives out something else than a workload, whatever the bytes are", () => {
  const sealed = bytesOf(seal({ traceparent: "x" }, "workload", ROOM));
  fc.assert(
    fc.property(fc.nat(sealed.length - 1), fc.nat(255), fc.nat(sealed.length), (at, byte, length) => {
      const bytes = sealed.slice(0, length);
      bytes[at] = byte;
      let opened: ReturnType<typeof open>;
      try {
        opened = open(bytes);
      } catch (error) {
        expect(String(error)).toMatch(/version|cut off/);
        return;
      }
      // Either it is no envelope, in the marker itself, or it is one, whole.
      if (opened) expect(opened.envelope.length + opened.workload.length).toBe(bytes.length);
      else expect(bytes.length < 16 || at < 16).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("what has no room for an envelope goes without, or not at all if it would be taken for one", () => {
  const carrier = { traceparent: "00-1-2-01" };
  expect(seal(carrier, "0123456789", 30)).toBe("0123456789");
  expect(open(bytesOf(seal(carrier, "0123456789", 29 + JSON.stringify(carrier).length)))).toBeDefined();
  expect(seal(carrier, "0123456789", 28 + JSON.stringify(carrier).length)).toBe("0123456789");
  expect(seal({ baggage: "x".repeat(70_000) }, "text", ROOM)).toBe("text");
  const marked = seal(carrier, "text", ROOM);
  expect(() => seal(carrier, marked, 40)).toThrow(/too large/);
  const twice = bytesOf(seal({ baggage: "x".repeat(70_000) }, marked, ROOM));
  expect(open(twice)).toMatchObject({ carrier: {}, workload: marked });
});
