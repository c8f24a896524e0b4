import { Payload } from "edgear";
import { PhpEnum, PhpObject, serialize, unserialize } from "edgear/php";
import { describe, expect, test } from "vitest";
import { php } from "./php.ts";

test.for<[string, unknown]>([
  ["N;", null],
  ["b:0;", false],
  ["i:-007;", -7],
  ["i:+5;", 5],
  ["i:9223372036854775807;", 2n ** 63n - 1n],
  ["i:-9223372036854775808;", -(2n ** 63n)],
  ["d:0.1;", 0.1],
  ["d:-1.5E-7;", -1.5e-7],
  ["d:INF;", Number.POSITIVE_INFINITY],
  ["d:NAN;", Number.NaN],
  ['s:4:"a"b;";', 'a"b;'],
  ['s:3:"\ufeff";', "\ufeff"],
  ["a:0:{}", []],
  ["a:2:{i:0;i:1;i:1;i:2;}", [1, 2]],
  ['a:2:{s:1:"0";i:1;i:1;i:2;}', [1, 2]],
  ["a:2:{i:1;i:1;i:0;i:2;}", { 0: 2, 1: 1 }],
  ['a:2:{s:1:"a";i:1;s:1:"a";i:2;}', { a: 2 }],
  ['E:11:"Suit:Hearts";', new PhpEnum("Suit", "Hearts")],
])("%s", ([data, expected]) => {
  expect(unserialize(data)).toEqual(expected);
  expect(unserialize(new Payload(Buffer.from(data)))).toEqual(expected);
});

test("bytes that are no text stay bytes", () => {
  const bytes = Buffer.from('s:2:"\xff\xfe";', "latin1");
  expect(unserialize(bytes)).toEqual(Uint8Array.of(255, 254));
  expect(unserialize('s:1:"a";', { strings: "bytes" })).toEqual(Uint8Array.of(97));
});

test("a Map keeps PHP's order, and integers for keys", () => {
  const map = unserialize('a:3:{i:9;N;s:1:"x";N;i:-9223372036854775808;N;}', { arrays: "map" }) as Map<
    unknown,
    unknown
  >;
  expect([...map.keys()]).toEqual([9, "x", -(2n ** 63n)]);
});

describe("objects", () => {
  const plain = 'O:5:"Plain":3:{s:1:"a";i:1;s:4:"\0*\0b";i:2;s:8:"\0Plain\0c";i:3;}';

  test("stay what they are, and run nothing", async () => {
    const object = unserialize(plain) as PhpObject;
    expect(object).toBeInstanceOf(PhpObject);
    expect(object.className).toBe("Plain");
    expect(["a", "b", "c", "d"].map((name) => object.get(name))).toEqual([1, 2, 3, undefined]);
    expect(Buffer.from(serialize(object)).toString()).toBe(plain);
    const [view] = await php([serialize(object)]);
    expect(view?.again.toString()).toBe(plain);
  });

  test("are made only of classes that are mapped", () => {
    const classes = { "App\\Point": (object: PhpObject) => ({ x: object.get("x") }) };
    expect(unserialize('O:9:"App\\Point":1:{s:1:"x";i:4;}', { classes })).toEqual({ x: 4 });
    // Names that every object of JavaScript's has are no classes.
    for (const name of ["constructor", "toString", "__proto__", "Date"])
      expect(unserialize(`O:${name.length}:"${name}":0:{}`, { classes })).toBeInstanceOf(PhpObject);
    expect(() => unserialize("N;", { classes: { "a b": () => 1 } })).toThrow("no name of a PHP class");
    expect(() => unserialize("N;", { classes: { A: 1 } as never })).toThrow("must be mapped to a function");
  });

  test("of the old kind keep what they wrote", () => {
    expect((unserialize('C:1:"A":3:{"};}') as PhpObject).data).toEqual(new Uint8Array(Buffer.from('"};')));
  });
});

describe("references", () => {
  test("are the same value", () => {
    const [one, two] = unserialize('a:2:{i:0;O:1:"A":0:{}i:1;r:2;}') as unknown[];
    expect(one).toBe(two);
    const [list, again, text] = unserialize('a:3:{i:0;a:1:{i:0;s:1:"x";}i:1;R:2;i:2;R:3;}') as unknown[];
    expect(list).toBe(again);
    expect(text).toBe("x");
  });

  test("have PHP's numbers", async () => {
    // Written by PHP itself: objects shared in all ways.
    const data = 'a:5:{i:0;O:5:"Known":1:{s:1:"x";i:1;}i:1;r:2;i:2;i:9;i:3;R:5;i:4;O:5:"Known":1:{s:1:"x";r:2;}}';
    const [view] = await php([Buffer.from(data)]);
    expect(view?.again.toString()).toBe(data);
    const [first, same, nine, alias, second] = unserialize(data) as [unknown, unknown, number, number, PhpObject];
    expect(same).toBe(first);
    expect([nine, alias]).toEqual([9, 9]);
    expect(second.get("x")).toBe(first);
  });

  test("to what isn't there, or to what they are in, are refused", () => {
    for (const wrong of ["R:1;", "r:1;", "a:1:{i:0;R:5;}", "a:1:{i:0;r:2;}", "a:1:{i:0;R:0;}", "a:1:{i:0;R:-1;}"])
      expect(() => unserialize(wrong)).toThrow(SyntaxError);
    const self = 'O:1:"A":1:{s:1:"x";r:1;}';
    expect(() => unserialize(self)).toThrow("a reference to what it is in");
    const object = unserialize(self, { cycles: true }) as PhpObject;
    expect(object.get("x")).toBe(object);
    expect(() => unserialize("a:1:{i:0;R:1;}", { cycles: true })).toThrow("a reference to what it is in");
    expect(() => unserialize(self, { cycles: true, classes: { A: (each) => each.get("x") } })).toThrow("what it is in");
  });

  test("of references of references count for what they are", () => {
    // Each level is two of the one before: some 2^30 values in all, in 500 bytes.
    let bomb = "a:1:{i:0;N;}";
    let slot = 2;
    const levels: string[] = [];
    for (let level = 0; level < 30; level++) {
      levels.push(`i:${level + 1};a:2:{i:0;R:${slot};i:1;R:${slot};}`);
      slot = level === 0 ? 4 : slot + 1;
    }
    bomb = `a:31:{i:0;${bomb}${levels.join("")}}`;
    expect(bomb.length).toBeLessThan(1_000);
    expect(() => unserialize(bomb)).toThrow("more values than maxItems, 1000000");
  });
});

describe("what means harm", () => {
  test("prototypes stay what they are", () => {
    const polluting = 'a:1:{s:9:"__proto__";a:1:{s:1:"x";i:1;}}';
    expect(() => unserialize(polluting)).toThrow('the key "__proto__"');
    expect(() => unserialize('a:1:{s:11:"constructor";a:1:{s:9:"prototype";N;}}')).toThrow('the key "constructor"');
    expect(unserialize('a:1:{s:11:"constructor";s:7:"Ferrari";}')).toEqual({ constructor: "Ferrari" });
    expect(Object.getPrototypeOf(unserialize('a:1:{s:8:"toString";i:1;}'))).toBe(null);
    expect(unserialize(polluting, { arrays: "map" })).toEqual(
      new Map([["__proto__", { x: 1 }]].map(([key]) => [key, new Map([["x", 1]])] as never)),
    );
    const object = unserialize('O:1:"A":1:{s:9:"__proto__";a:1:{s:1:"x";i:1;}}') as PhpObject;
    expect(Object.getPrototypeOf(object)).toBe(PhpObject.prototype);
    expect(({} as { x?: number }).x).toBe(undefined);
  });

  test.for([
    ["a:99999999:{}", "a length beyond the end"],
    ["a:-1:{}", "no length"],
    ['s:-5:"hello";', "no length"],
    ['s:9999999999:"x";', "a length beyond the end"],
    ['s:99999999999999999999:"x";', 'no ":"'],
    ['s:1e3:"x";', "no length"],
    ['s:6:"hello";', 'no "\\""'],
    ["i:9223372036854775808;", "64 bits"],
    [`i:${"9".repeat(5_000)};`, 'no ";"'],
    ["i:0x10;", "no whole number"],
    ["i:1.5;", "no whole number"],
    ["i:;", "no whole number"],
    ["d:1,5;", "no number"],
    ["b:2;", "no boolean"],
    ["b:true;", 'no ";"'],
    ['S:1:"\\61";', "escaped form"],
    ["N", 'no ";"'],
    ["", "no value begins here"],
    ["x:1;", "no value begins here"],
    ["N;N;", "something follows the value"],
    ["a:1:{d:1;N;}", "no key"],
    ["a:1:{i:0;N;", "no"],
    ['O:3:"a b":0:{}', "no name of a class"],
    ['O:1:"A":1:{i:0;N;', "no"],
    ['E:4:"Suit";', "no case of an enum"],
    ['C:1:"A":99:{}', "a length beyond the end"],
    ['a:1:{s:1:"\xff";N;}', "a key that isn't UTF-8"],
  ])("%s", ([data = "", words = ""]) => {
    expect(() => unserialize(Buffer.from(data, "latin1"))).toThrow(SyntaxError);
    expect(() => unserialize(Buffer.from(data, "latin1"))).toThrow(words);
  });

  test("depth, number and size have limits", () => {
    const deep = (levels: number) => `${"a:1:{i:0;".repeat(levels)}N;${"}".repeat(levels)}`;
    expect(unserialize(deep(128))).toBeDefined();
    expect(() => unserialize(deep(129))).toThrow("deeper than maxDepth, 128");
    expect(unserialize(deep(1_000), { maxDepth: 1_000 })).toBeDefined();
    expect(() => unserialize(deep(100_000), { maxDepth: 1_000 })).toThrow(RangeError);
    expect(() => unserialize("N;", { maxDepth: 1_001 })).toThrow("maxDepth may be 1000 at most");
    expect(() => unserialize("a:3:{i:0;N;i:1;N;i:2;N;}", { maxItems: 3 })).toThrow("more values than maxItems, 3");
    expect(() => unserialize("N;", { maxSize: 1 })).toThrow("has 2 bytes, and maxSize is 1");
    expect(() => unserialize("N;", { maxItems: 0 })).toThrow("maxItems must be a whole number from 1");
    expect(() => unserialize("N;", { depth: 1 } as never)).toThrow('unserialize has no option "depth"');
    expect(() => unserialize(7 as never)).toThrow("only bytes or text can be unserialized, not 7");
  });
});
