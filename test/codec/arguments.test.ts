/*
 * What the encoder's `packet` takes, and what it refuses: gearmand waits for ever for a NUL that is missing, and takes
 * one too many for the end of an argument.
 */
import { PacketType } from "edgear/codec";
import { expect, test } from "vitest";
import { open } from "./open.ts";
import { concat, header, packet, TYPES, write } from "./packets.ts";

test.each(TYPES)("type %i, %s, takes %i arguments; data: %s", (type, name, count, withData) => {
  const { encoder } = open();
  const args = (length: number) => Array.from({ length }, () => "a");
  for (const length of [count - 1, count + 1]) {
    if (length < 0) continue;
    expect(() => encoder.packet(type, args(length))).toThrow(
      new TypeError(`${name} takes ${count} ${count === 1 ? "argument" : "arguments"}, not ${length}`),
    );
  }
  if (!withData) expect(() => encoder.packet(type, args(count), "")).toThrow(new TypeError(`${name} takes no data`));
  for (let index = 0; index < count; index++) {
    for (const wrong of ["a\0b", Uint8Array.of(1, 0)]) {
      expect(() => encoder.packet(type, args(count).with(index, wrong as string))).toThrow(
        new TypeError(`an argument of ${name} has a NUL, which would end it early`),
      );
    }
  }
  expect(encoder.take()).toEqual([]);
});

test("refuses what is no packet type, argument or data", () => {
  const { encoder } = open();
  for (const type of [0, 43, -1, 1.5, Number.NaN]) {
    expect(() => encoder.packet(type)).toThrow(new TypeError(`there is no packet of type ${type}`));
  }
  const wrong: unknown[] = [
    5,
    true,
    null,
    {},
    [1],
    new ArrayBuffer(8),
    new Uint16Array(2),
    new DataView(new ArrayBuffer(2)),
  ];
  for (const value of wrong) {
    expect(() => encoder.packet(PacketType.CAN_DO, [value as string])).toThrow(TypeError);
    expect(() => encoder.packet(PacketType.ECHO_REQ, [], value as string)).toThrow(TypeError);
    expect(() => encoder.submit(PacketType.SUBMIT_JOB, "f", 1, value as string)).toThrow(TypeError);
  }
  expect(encoder.take()).toEqual([]);
});

test("takes arguments that fill the arena, counted in bytes, and says when there are more", () => {
  const { encoder } = open(undefined, "client");
  const most = 65_536 - 12;
  for (const [code, content] of [
    ["code", "e".repeat(most - 6)],
    ["", "漢".repeat((most - 4) / 3)],
  ] as const) {
    encoder.packet(PacketType.ERROR, [code, content]);
    expect(concat(encoder.take())).toEqual(write("server", packet(PacketType.ERROR, [code, content])));
  }
  expect(() => encoder.packet(PacketType.ERROR, ["code", "e".repeat(most)])).toThrow(
    new TypeError("the arguments of ERROR have more than 65524 bytes"),
  );
  // Data isn't counted: there is always another part for it.
  const name = "f".repeat(60_000);
  encoder.packet(PacketType.SUBMIT_JOB, [name, ""], "漢".repeat(8_000));
  encoder.packet(PacketType.NOOP);
  expect(concat(encoder.take())).toEqual(
    concat([write("server", packet(PacketType.SUBMIT_JOB, [name, ""], "漢".repeat(8_000))), header("server", 6, 0)]),
  );
});

test("refuses a function's name with a NUL, also where names are kept", () => {
  const { encoder } = open();
  for (let time = 0; time < 2; time++) {
    expect(() => encoder.submit(PacketType.SUBMIT_JOB, "f\0g", 1, "")).toThrow(
      new TypeError("an argument of SUBMIT_JOB has a NUL, which would end it early"),
    );
  }
  expect(encoder.take()).toEqual([]);
});
