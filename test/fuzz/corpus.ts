import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fromWord, toWord } from "./inputs.ts";

/** Inputs that are kept: one a line, as words. */
function file(target: string): string {
  return fileURLToPath(new URL(`corpus/${target}.txt`, import.meta.url));
}

export function loadCorpus(target: string): Uint8Array[] {
  return readFileSync(file(target), "utf8").split("\n").filter(Boolean).map(fromWord);
}

export function saveCorpus(target: string, inputs: readonly Uint8Array[]): void {
  const words = inputs.map(toWord).sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  writeFileSync(file(target), `${words.join("\n")}\n`);
}

/** What is known of a target: inputs that each did something that none did before. */
export class Corpus {
  readonly #seen = new Set<number | string>();
  readonly #inputs: Uint8Array[] = [];
  readonly #features = new Map<Uint8Array, readonly (number | string)[]>();

  get inputs(): readonly Uint8Array[] {
    return this.#inputs;
  }

  /** As few of them as do all that they do, as far as taking the smallest first finds them. */
  get few(): Uint8Array[] {
    const done = new Set<number | string>();
    return this.#inputs
      .toSorted((a, b) => a.length - b.length)
      .filter((input) => {
        const before = done.size;
        for (const feature of this.#features.get(input) ?? []) done.add(feature);
        return done.size > before;
      });
  }

  /** How many different things they do. */
  get features(): number {
    return this.#seen.size;
  }

  /** Keeps an input that does something new. */
  offer(input: Uint8Array, features: readonly (number | string)[]): boolean {
    const before = this.#seen.size;
    for (const feature of features) this.#seen.add(feature);
    if (this.#seen.size === before) return false;
    this.#inputs.push(input);
    this.#features.set(input, features);
    return true;
  }
}
