import { PhpEnum, PhpFloat, PhpObject, serialize, unserialize } from "edgear/php";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { php, told } from "./php.ts";

const text = (value: unknown) => Buffer.from(serialize(value)).toString();

describe("serialize", () => {
  test.for<[unknown, string]>([
    [null, "N;"],
    [undefined, "N;"],
    [true, "b:1;"],
    [-7, "i:-7;"],
    [0.5, "d:0.5;"],
    [-0, "d:-0;"],
    [1e100, "d:1E+100;"],
    [Number.NEGATIVE_INFINITY, "d:-INF;"],
    [Number.NaN, "d:NAN;"],
    [new PhpFloat(2), "d:2;"],
    [2n ** 63n - 1n, "i:9223372036854775807;"],
    ["ä", 's:2:"ä";'],
    [["a", [undefined]], 'a:2:{i:0;s:1:"a";i:1;a:1:{i:0;N;}}'],
    [{ b: 1, 5: 2, "05": 3, gone: undefined }, 'a:3:{i:5;i:2;s:1:"b";i:1;s:2:"05";i:3;}'],
    [
      new Map<unknown, unknown>([
        ["x", 1],
        [-3, 2],
      ]),
      'a:2:{s:1:"x";i:1;i:-3;i:2;}',
    ],
    [new PhpObject("A\\B", { x: 1, "\0*\0y": 2 }), 'O:3:"A\\B":2:{s:1:"x";i:1;s:4:"\0*\0y";i:2;}'],
    [new PhpObject("Old", {}, Buffer.from("any}")), 'C:3:"Old":4:{any}}'],
    [new PhpEnum("Suit", "Hearts"), 'E:11:"Suit:Hearts";'],
  ])("%s", ([value, expected]) => {
    expect(text(value)).toBe(expected);
  });

  test("keeps bytes as they are, and what is read is a copy", () => {
    const bytes = Buffer.of(0, 255, 34);
    const written = Buffer.from(serialize({ bytes }));
    bytes.fill(1);
    const read = [unserialize(written, { strings: "bytes" }), unserialize(written)];
    written.fill(2);
    expect(read).toEqual([{ bytes: Uint8Array.of(0, 255, 34) }, { bytes: Uint8Array.of(0, 255, 34) }]);
  });

  test("says what can't be written", () => {
    const circle: unknown[] = [];
    circle.push([circle]);
    class Own {}
    expect(() => serialize(circle)).toThrow("within itself");
    expect(() => serialize(new Own())).toThrow("a Own can't be serialized");
    expect(() => serialize(new Date())).toThrow("a Date can't be serialized");
    expect(() => serialize(() => 1)).toThrow("a function can't be serialized");
    expect(() => serialize(Symbol("x"))).toThrow("a symbol can't be serialized");
    expect(() => serialize("\ud800")).toThrow("lone surrogate");
    expect(() => serialize(2n ** 63n)).toThrow("64 bits");
    expect(() => serialize(new Map([[0.5, 1]]))).toThrow("0.5 can't be a key");
    expect(() => serialize([[[]]], { maxDepth: 2 })).toThrow("deeper than maxDepth, 2");
    expect(() => serialize("x".repeat(100), { maxSize: 100 })).toThrow("larger than maxSize, 100 bytes");
    expect(() => serialize(1, { depth: 2 } as never)).toThrow('serialize has no option "depth"');
    expect(() => new PhpObject('A";s:1')).toThrow("no name of a PHP class");
    expect(() => new PhpEnum("A", "b:c")).toThrow("no name of an enum's case");
    // Small to hold, and without end to write.
    let wide: unknown = "x";
    for (let level = 0; level < 60; level++) wide = [wide, wide];
    expect(() => serialize(wide, { maxSize: 1_000_000 })).toThrow("larger than maxSize");
  });
});

describe("with PHP", () => {
  const leaf = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.double(),
    fc.double({ noInteger: true }).map((value) => new PhpFloat(value)),
    fc.string({ unit: "binary" }).filter((value) => value.isWellFormed()),
    fc.uint8Array({ maxLength: 20 }),
    fc.constant(new PhpEnum("Suit", "Spades")),
  );
  const key = fc.oneof(
    fc.string({ unit: "binary" }).filter((value) => value.isWellFormed()),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.integer().map(String),
  );
  const name = fc.stringMatching(/^[a-z]\w{0,5}$/);
  const { value: anything } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 5 }),
      fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map(distinct),
      fc.dictionary(name, tie("value"), { maxKeys: 4 }).map((all) => new PhpObject("Known", { x: 1, ...all })),
    ),
  }));

  /** PHP takes "5" and 5 for one key. */
  function distinct(entries: [unknown, unknown][]): Map<unknown, unknown> {
    const seen = new Set<string>();
    return new Map(entries.filter(([each]) => !seen.has(String(each)) && seen.add(String(each))));
  }

  test("what we write, PHP reads as the same; and what it writes of that, we do", async () => {
    const values = fc.sample(anything, { numRuns: 1_500, seed: Number(process.env.EDGEAR_SEED ?? Date.now() % 1e9) });
    const views = await php(values.map((value) => serialize(value)));
    expect(views).toHaveLength(values.length);
    for (const [index, value] of values.entries()) {
      const view = views[index];
      const mine = told(value);
      expect(view).toMatchObject({ taken: true, value: mine });
      const back = unserialize(view?.again as Buffer, { arrays: "map" });
      // Whole floats are numbers as any, once they are read.
      expect(told(back)).toEqual(wholes(mine));
    }
  }, 60_000);

  function wholes(value: unknown): unknown {
    if (!Array.isArray(value)) return value;
    if (value[0] === "float" && value.length === 2 && value[1] !== "NAN") {
      const number = Buffer.from(value[1], "hex").readDoubleBE();
      return told(number);
    }
    return value.map(wholes);
  }

  test("what PHP refuses, we refuse: values with something wrong somewhere", async () => {
    const seed = Number(process.env.EDGEAR_SEED ?? Date.now() % 1e9);
    const samples = fc.sample(fc.tuple(anything, fc.nat(), fc.nat(), fc.nat({ max: 3 })), { numRuns: 3_000, seed });
    const damaged = samples.map(([value, place, byte, how]) => {
      const bytes = Buffer.from(serialize(value));
      const at = place % bytes.length;
      const alphabet = Buffer.from('abisdOCENrR0123456789:;"{}-+. ');
      const other = alphabet.subarray(byte % alphabet.length, (byte % alphabet.length) + 1);
      if (how === 0) return bytes.subarray(0, at);
      if (how === 1) return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
      if (how === 2) return Buffer.concat([bytes.subarray(0, at), other, bytes.subarray(at)]);
      return Buffer.concat([bytes.subarray(0, at), other, bytes.subarray(at + 1)]);
    });
    const views = await php(damaged);
    let read = 0;
    for (const [index, bytes] of damaged.entries()) {
      let mine: unknown;
      try {
        mine = told(unserialize(bytes, { arrays: "map" }));
      } catch (error) {
        // Nothing else ever comes out of it.
        expect(error).toSatisfy((thrown) => thrown instanceof SyntaxError || thrown instanceof RangeError);
        continue;
      }
      read++;
      // Of classes that it knows, and enums, PHP knows more than the text says.
      if (/[OE]:\d/.test(bytes.toString("latin1"))) continue;
      expect({ bytes: bytes.toString("latin1"), taken: views[index]?.taken }).toMatchObject({ taken: true });
      expect({ bytes: bytes.toString("latin1"), value: wholes(views[index]?.value) }).toMatchObject({ value: mine });
    }
    expect(read).toBeGreaterThan(10);
  }, 60_000);

  test("any bytes at all give a value, a SyntaxError or a RangeError, in no time", () => {
    const piece = fc.constantFrom(
      ...[
        "a:1:{",
        "a:2:{",
        'O:1:"A":1:{',
        'C:1:"A":2:{',
        "i:0;",
        "i:-1;",
        's:1:"x";',
        "R:1;",
        "r:2;",
        "R:3;",
        "}",
        "N;",
        "b:1;",
      ],
      ...[
        "a:99999999:{",
        "s:-1:",
        's:4294967296:"',
        "i:9223372036854775808;",
        "d:1e999;",
        'E:3:"A:B";',
        's:9:"__proto__";',
      ],
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.array(piece, { maxLength: 12 }).map((all) => Buffer.from(all.join(""))),
        ),
        (bytes) => {
          for (const options of [{}, { arrays: "map", cycles: true, strings: "bytes" }] as const) {
            try {
              unserialize(bytes, options);
            } catch (error) {
              if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
            }
          }
          expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
        },
      ),
      { numRuns: 20_000 },
    );
  }, 60_000);
});
