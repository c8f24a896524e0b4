import { expect, test } from "vitest";
// Both from inside: the bundle that ships has a Payload of its own.
import { Payload, toWire } from "../build/src/payload.js";

const bytes = (...values: number[]) => Uint8Array.from(values);

test("bytes are read as text, or as JSON", () => {
  const payload = new Payload(new TextEncoder().encode('{"é":[1,null]}'));
  expect(payload.text()).toBe('{"é":[1,null]}');
  expect(String(payload)).toBe('{"é":[1,null]}');
  expect(payload.json()).toEqual({ é: [1, null] });
  expect(new Payload(bytes(0x61, 0xff)).text()).toBe("a\ufffd");
  expect(() => new Payload(bytes()).json()).toThrow(SyntaxError);
});

test("text goes as it is", () => {
  for (const text of ["", "é", "\0", "😀"]) expect(toWire(text, "it")).toBe(text);
  expect(toWire(undefined, "it")).toBe("");
  for (const text of ["\ud800", "a\udc00"]) {
    expect(() => toWire(text, "the workload")).toThrow(
      new TypeError("the workload has a lone surrogate, which UTF-8 can't carry: send bytes instead"),
    );
  }
});

test("bytes go as they are, through whatever view", () => {
  const own = bytes(1, 2, 3);
  expect(toWire(own, "it")).toBe(own);
  expect(toWire(new Payload(own), "it")).toBe(own);
  expect(toWire(Buffer.from("é"), "it")).toEqual(Buffer.from([0xc3, 0xa9]));
  const { buffer } = bytes(0, 1, 2, 3, 4, 5, 6, 7);
  expect(toWire(buffer, "it")).toEqual(bytes(0, 1, 2, 3, 4, 5, 6, 7));
  expect(toWire(new DataView(buffer, 1, 3), "it")).toEqual(bytes(1, 2, 3));
  expect(toWire(new Uint16Array(buffer, 2, 2), "it")).toEqual(bytes(2, 3, 4, 5));
  expect(toWire(new Uint8Array(0), "it")).toEqual(bytes());
});

test("bytes that were transferred away are not taken for none", () => {
  const buffer = new ArrayBuffer(8);
  const views = [new Uint8Array(buffer), new DataView(buffer)];
  structuredClone(buffer, { transfer: [buffer] });
  for (const view of views) {
    expect(() => toWire(view, "the result")).toThrow(
      new TypeError("the result lies in an ArrayBuffer that was transferred away"),
    );
  }
  expect(() => toWire(buffer, "the result")).toThrow(
    new TypeError("the result is an ArrayBuffer that was transferred away"),
  );
});

test("anything else goes as JSON", () => {
  class Point {
    x = 1;
  }
  class Secret {
    toJSON() {
      return {};
    }
  }
  const values: [unknown, string][] = [
    [{ a: [1, "é"] }, '{"a":[1,"é"]}'],
    [[], "[]"],
    [{}, "{}"],
    [Object.create(null), "{}"],
    [{ gone: undefined }, "{}"],
    [null, "null"],
    [0, "0"],
    [false, "false"],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [new Point(), '{"x":1}'],
    [new Secret(), "{}"],
  ];
  for (const [value, json] of values) expect(toWire(value, "it")).toBe(json);
});

test("what JSON can't carry is refused in words", () => {
  const circle: { self?: object } = {};
  circle.self = circle;
  expect(() => toWire(circle, "the workload")).toThrow(/^the workload can't be sent as JSON: .*circular/);
  expect(() => toWire(7n, "the workload")).toThrow(/^the workload can't be sent as JSON: .*BigInt/);
  for (const [value, type] of [
    [() => {}, "function"],
    [Symbol("x"), "symbol"],
  ] as const) {
    expect(() => toWire(value, "the workload")).toThrow(
      new TypeError(
        `the workload is a ${type}, which can't be sent: give a string, bytes, undefined or a value that JSON can carry`,
      ),
    );
  }
});

test.each([
  ["Promise", Promise.resolve({ id: 7 })],
  ["Map", new Map([["id", 7]])],
  ["Set", new Set([7])],
  ["Blob", new Blob(["7"])],
  ["SharedArrayBuffer", new SharedArrayBuffer(7)],
  ["Error", new Error("7")],
])("a %s, of which JSON keeps nothing, isn't sent as an empty object", (name, value) => {
  expect(() => toWire(value, "the workload")).toThrow(
    new TypeError(`the workload is a ${name}, of which JSON keeps nothing: give a string, bytes or a plain object`),
  );
});
