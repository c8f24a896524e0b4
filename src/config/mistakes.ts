/* Mistakes are collected, and said at once: who mends one wants to know of the others. */
import type { z } from "zod";
import { ConfigError, type ConfigMistake } from "../errors.js";

/** A key's way from the top. */
export type KeyPath = readonly PropertyKey[];

/** What is wrong in one configuration. Each key is complained of once, by the first who does. */
export class Mistakes {
  readonly #file: string;
  readonly #found = new Map<string, ConfigMistake>();

  constructor(file: string) {
    this.#file = file;
  }

  add(path: KeyPath, message: string): void {
    const name = pathName(path);
    if (!this.#found.has(name)) this.#found.set(name, { path: name, message });
  }

  /**
   * Adds what a schema has found.
   * @param raw what stands in the file: a path ends where that does, if it has `"./a.ts#b"` for `{ handler: "./a.ts#b" }`
   * @param prefix where in the file that is
   * @param over a part of the file that stands over `raw`: what was said there isn't said again
   */
  addIssues(issues: readonly z.core.$ZodIssue[], raw: unknown, prefix: KeyPath, over = ""): void {
    for (const issue of issues) {
      const path = [...prefix, ...cut(issue.path, raw)];
      if (this.#found.has(pathName([over, ...path]))) continue;
      if (issue.code !== "unrecognized_keys") this.add(path, issue.message);
      else for (const key of issue.keys) this.add([...path, key], unknownWords(key, issue.message.split(", ")));
    }
  }

  /** @throws ConfigError when there is any */
  throwIfAny(): void {
    if (this.#found.size > 0) throw this.error();
  }

  /** What to throw. */
  error(): ConfigError {
    return mistaken(this.#file, [...this.#found.values()]);
  }
}

/** The error of mistakes in a file. */
export function mistaken(file: string, mistakes: readonly ConfigMistake[]): ConfigError {
  const lines = mistakes.map(({ path, message }) => (path ? `${path}: ${message}` : message));
  const message =
    lines.length === 1
      ? `${file}: ${lines[0]}`
      : `${file} has ${lines.length} mistakes:\n${lines.map((line) => `  ${line}`).join("\n")}`;
  return new ConfigError(message, file, mistakes);
}

/** What is said of a key that there isn't. */
function unknownWords(key: string, known: readonly string[]): string {
  const meant = didYouMean(key, known);
  return `there is no such key${meant}; allowed: ${known.join(", ")}`;
}

/** ` (did you mean "…"?)`, or nothing when no name is like it. */
export function didYouMean(name: string, known: readonly string[]): string {
  const [best] = known
    .map((other) => ({ other, distance: distance(name.toLowerCase(), other.toLowerCase()) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return best ? ` (did you mean ${JSON.stringify(best.other)}?)` : "";
}

/** How many letters must be put in, taken out, replaced or swapped with their neighbour to make one word of another. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i++) {
    const [before = [], last = []] = [rows[i - 2], rows[i - 1]];
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] as number) + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}

/** `groups.text.functions["a b"].timeout` */
function pathName(path: KeyPath): string {
  return path
    .map((key) =>
      typeof key === "number"
        ? `[${key}]`
        : /^[\w$-]+$/.test(String(key))
          ? `.${String(key)}`
          : `[${JSON.stringify(key)}]`,
    )
    .join("")
    .replace(/^\./, "");
}

/** As far as a path leads through what there is, and one key further where that is an object. */
function cut(path: KeyPath, raw: unknown): KeyPath {
  let value = raw;
  const end = path.findIndex((key) => {
    if (typeof value !== "object" || value === null) return true;
    value = (value as Record<PropertyKey, unknown>)[key];
    return false;
  });
  return end === -1 ? path : path.slice(0, end);
}
