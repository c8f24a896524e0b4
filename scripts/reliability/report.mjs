/**
 * Makes docs/reliability.md of docs/reliability/words.md, which is written by hand, and of docs/reliability/*.jsonl, which
 * runs have written; and the plot beside them.
 *
 *     npm run reliability -- report
 */

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { FOLDER, lines } from "./data.mjs";
import { plot } from "./plot.mjs";
import { lastSoak, sections } from "./sections.mjs";

/** @returns {Record<string, string>} the files that are made, by path, and their text */
export function files() {
  const all = lines();
  const made = sections(all);
  const words = readFileSync(path.join(FOLDER, "words.md"), "utf8");
  const page = words.replaceAll(/^\{\{(\w+)\}\}$/gm, (_, name) => {
    const text = made[name];
    if (text === undefined) throw new Error(`words.md asks for ${name}, which is not made`);
    return text;
  });
  const note = "<!-- Made by `npm run reliability -- report` of docs/reliability/. Not to be edited. -->\n\n";
  const samples = lastSoak(all.filter(({ suite }) => suite === "soak"));
  return {
    [path.join(path.dirname(FOLDER), "reliability.md")]: note + page,
    ...(samples.length > 0 && { [path.join(FOLDER, "soak.svg")]: plot(samples) }),
  };
}

export default async function report() {
  for (const [file, text] of Object.entries(files())) {
    writeFileSync(file, text);
    console.log(file);
  }
}
