import { describe, expect, test } from "vitest";
import {
  checkFunction,
  checkHandle,
  checkMilliseconds,
  checkOptions,
  checkReducer,
  checkUnique,
  checkWord,
  show,
} from "../../build/src/connection/check.js";

describe.each([
  ["a function name", checkFunction, 1, 8_000],
  ["a unique id", checkUnique, 0, 63],
  ["a job handle", checkHandle, 1, 63],
  ["a reducer name", checkReducer, 1, 64],
] as const)("%s", (what, check, least, most) => {
  test(`has ${least} to ${most} bytes`, () => {
    const euros = "€".repeat(Math.floor(most / 3));
    const faces = "😀".repeat(Math.floor(most / 4));
    for (const text of ["a", "a b", "a".repeat(most), euros, faces, "é".repeat(Math.floor(most / 2)), "\u07ff\u0800"]) {
      expect(() => check(text)).not.toThrow();
    }
    for (const text of [`${"a".repeat(most)}a`, `${euros}€`, `${faces}😀`, `${"é".repeat(Math.floor(most / 2))}é`]) {
      const size = new TextEncoder().encode(text).length;
      expect(() => check(text)).toThrow(
        new TypeError(`${what} may have ${most} bytes at most, and ${show(text)} has ${size}`),
      );
    }
    if (least === 0) expect(() => check("")).not.toThrow();
    else expect(() => check("")).toThrow(new TypeError(`${what} must not be empty`));
  });

  test("has no NUL and is text", () => {
    expect(() => check("a\0b")).toThrow(
      new TypeError(`${what} must not have a NUL, which would end it early: "a\\u0000b"`),
    );
    for (const text of ["a\ud800", "\udc00a", "\udc00\ud800"]) expect(() => check(text)).toThrow("a lone surrogate");
    for (const [value, shown] of [
      [undefined, "undefined"],
      [null, "null"],
      [7, "7"],
      [7n, "7"],
      [Symbol("x"), "Symbol(x)"],
      [{}, "an object"],
      [[], "an array"],
      [() => {}, "a function"],
    ] as const) {
      expect(() => check(value)).toThrow(new TypeError(`${what} must be a string, not ${shown}`));
    }
  });
});

test("a number of milliseconds", () => {
  for (const value of [0, 0.5, 2 ** 31 - 1]) expect(() => checkMilliseconds(value, "delay")).not.toThrow();
  for (const value of [-1, Number.NaN, 2 ** 31, Number.POSITIVE_INFINITY, "5", null, undefined, 5n]) {
    expect(() => checkMilliseconds(value, "delay")).toThrow(
      new TypeError(`delay must be a number of milliseconds from 0 to 2147483647, not ${show(value)}`),
    );
  }
  expect(() => checkMilliseconds(0, "timeout", 1)).toThrow(TypeError);
});

test("a word of several", () => {
  const priorities = ["high", "low"] as const;
  expect(() => checkWord("low", "priority", priorities)).not.toThrow();
  for (const value of ["LOW", "", undefined, 1]) {
    expect(() => checkWord(value, "priority", priorities)).toThrow(
      new TypeError(`priority must be one of "high", "low", not ${show(value)}`),
    );
  }
});

test("options that there are", () => {
  for (const options of [undefined, {}, { at: 1 }, { delay: undefined }]) {
    expect(() => checkOptions(options, "background", ["at", "delay"])).not.toThrow();
  }
  expect(() => checkOptions({ delai: 1 }, "background", ["at", "delay"])).toThrow(
    new TypeError('background has no option "delai"; it knows at, delay'),
  );
  for (const options of [null, 1, "at"]) {
    expect(() => checkOptions(options, "background", ["at"])).toThrow(
      new TypeError(`the options of background must be an object, not ${show(options)}`),
    );
  }
});

test("long text is shown by its beginning", () => {
  expect(show("a".repeat(80))).toBe(`"${"a".repeat(80)}"`);
  expect(show("a".repeat(81))).toBe(`"${"a".repeat(77)}..."`);
});
