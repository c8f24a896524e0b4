import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { root } from "../runtimes/installed.ts";

/** The address that examples have. */
const WRITTEN = "127.0.0.1:4730";

/**
 * Writes a page's examples into a folder: the blocks of code that begin with a comment that is a file's name. Where the
 * page has the address of a job server on this machine, they get that of one that runs.
 */
export async function writeExamples(page: string, folder: string, address: string): Promise<string[]> {
  const text = await readFile(path.join(root, "docs", page), "utf8");
  const names: string[] = [];
  for (const [, code = "", name = ""] of text.matchAll(/^```\w+\n((?:\/\/|#) ([\w.-]+)\n.*?)^```$/gms)) {
    await writeFile(path.join(folder, name), code.replaceAll(WRITTEN, address));
    names.push(name);
  }
  return names;
}
