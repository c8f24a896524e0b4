/* Reads metrics as strictly as the text format is written down, and more strictly than Prometheus does. */
import assert from "node:assert/strict";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: Sample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;

/** @throws AssertionError that names the line where the text is no such format */
export function parseMetrics(text: string): Map<string, Family> {
  assert.ok(text.endsWith("\n"), "the last line ends");
  const families = new Map<string, Family>();
  let family: Family | undefined;
  let help: [string, string] | undefined;
  const seen = new Set<string>();
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const [, kind, name = "", rest = ""] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line) ?? [];
    if (kind === "HELP") {
      assert.ok(!families.has(name), `${name} comes in one piece: ${line}`);
      assert.doesNotMatch(rest, /\\(?![\\n])/, line);
      help = [name, rest];
      family = undefined;
    } else if (kind === "TYPE") {
      assert.equal(help?.[0], name, `the help stands before the type: ${line}`);
      assert.match(rest, /^(counter|gauge|histogram)$/, line);
      family = { name, help: help?.[1] ?? "", type: rest as Family["type"], samples: [] };
      families.set(name, family);
      help = undefined;
    } else {
      assert.doesNotMatch(line, /^#/, "no other comments");
      assert.ok(family, `a sample has a type: ${line}`);
      const sample = parseSample(line);
      const { name, type } = family;
      const names = type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
      assert.ok(names.includes(sample.name), `${sample.name} is of another family than ${name}`);
      const key = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
      assert.ok(!seen.has(key), `twice: ${line}`);
      seen.add(key);
      family.samples.push(sample);
    }
  }
  for (const each of families.values()) check(each);
  return families;
}

function parseSample(line: string): Sample {
  const [, name = "", braces = "", value = ""] = new RegExp(`^(${NAME})(\\{.*\\})? (\\S+)$`).exec(line) ?? [];
  assert.ok(name, `a sample: ${line}`);
  assert.match(value, VALUE, line);
  const labels: Record<string, string> = {};
  let rest = braces.slice(1, -1);
  while (rest !== "") {
    const [whole = "", label = "", escaped = ""] = LABEL.exec(rest) ?? [];
    assert.ok(label, `labels, at ${rest}: ${line}`);
    assert.ok(!Object.hasOwn(labels, label), `the label ${label} stands once: ${line}`);
    labels[label] = escaped.replaceAll(/\\(.)/g, (_, after: string) => (after === "n" ? "\n" : after));
    rest = rest.slice(whole.length);
  }
  return { name, labels, value: Number(value.replace("Inf", "Infinity")) };
}

/** What holds of every family. */
function check({ name, help, type, samples }: Family): void {
  assert.ok(help.length > 10, `${name} has a help`);
  if (type === "counter") {
    assert.match(name, /_total$/, "a counter's name");
    for (const { value } of samples) assert.ok(value >= 0, name);
  } else assert.doesNotMatch(name, /_total$/, "a name of what is no counter");
  if (type !== "histogram") return;
  const series = new Map<string, { buckets: [number, number][]; count?: number; sum?: number }>();
  for (const { name: full, labels, value } of samples) {
    const { le, ...others } = labels;
    const key = JSON.stringify(Object.entries(others).sort());
    const one = series.get(key) ?? { buckets: [] };
    series.set(key, one);
    if (full.endsWith("_bucket")) one.buckets.push([Number(le?.replace("Inf", "Infinity")), value]);
    else if (full.endsWith("_count")) one.count = value;
    else one.sum = value;
  }
  for (const { buckets, count, sum } of series.values()) {
    const [last = [0, 0]] = buckets.slice(-1);
    assert.deepEqual(last, [Number.POSITIVE_INFINITY, count], `${name} ends with all of them`);
    assert.ok((sum ?? -1) >= 0, `${name} has a sum`);
    for (const [index, [le, value]] of buckets.entries()) {
      const [before, fewer] = buckets[index - 1] ?? [Number.NEGATIVE_INFINITY, 0];
      assert.ok(le > before && value >= fewer, `${name} adds up`);
    }
  }
}

/** The value of the one sample that has these labels among its own; undefined when there is none. */
export function sampled(
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
  const found = (family?.samples ?? []).filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  assert.ok(found.length <= 1, `${name} with ${JSON.stringify(labels)} is ambiguous`);
  return found[0]?.value;
}
