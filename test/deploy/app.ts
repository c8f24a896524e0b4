import { chmod, mkdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { Folder } from "../config/folder.ts";
import { main } from "../support/cli.ts";

/** How long what is waited for may take, in milliseconds. */
const PATIENCE = 15_000;

/** A recipe of docs/deploy, as it is. */
export function recipe(name: string): Promise<string> {
  return readFile(new URL(`../../docs/deploy/${name}`, import.meta.url), "utf8");
}

/** What the recipes run: an application with the group "images", whose functions are named after a prefix. */
export async function makeApp(prefix: string, connection: string): Promise<Folder> {
  const folder = await Folder.make({
    "edgear.config.json": {
      connections: { default: connection },
      groups: {
        images: { functions: { [`${prefix}-reverse`]: "./images.js#reverse", [`${prefix}-slow`]: "./images.js#slow" } },
      },
    },
    "images.js": `
      import { setTimeout as delay } from "node:timers/promises";
      export const reverse = (job) => [...job.workload.text()].reverse().join("");
      export async function slow(job) {
        job.status(0, 1);
        await delay(1_500);
        return "finished by " + process.pid;
      }`,
    // As npm would link it.
    "node_modules/.bin/edgear": `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`,
  });
  await chmod(folder.at("node_modules/.bin/edgear"), 0o755);
  for (const name of ["run", "log"]) await mkdir(folder.at(name));
  return folder;
}

/** Asks until there is an answer that isn't undefined. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await delay(50);
  }
}
