import { readFile } from "node:fs/promises";
import path from "node:path";
import { root } from "../runtimes/installed.ts";

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly scripts?: Record<string, string>;
  readonly publishConfig?: Record<string, unknown>;
}

/** What package-lock.json says of a package. */
export interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly hasInstallScript?: boolean;
}

export async function read(file: string): Promise<string> {
  return readFile(path.join(root, file), "utf8");
}

export async function manifestOf(folder = "."): Promise<Manifest> {
  return JSON.parse(await read(path.join(folder, "package.json")));
}

/** All locked packages, by their place; not the project itself. */
export async function locked(): Promise<[place: string, locked: Locked][]> {
  const { packages } = JSON.parse(await read("package-lock.json")) as { packages: Record<string, Locked> };
  return Object.entries(packages).filter(([place]) => place !== "");
}

/** The section of a page, from its heading to the next. */
export function section(text: string, heading: string): string {
  const [, after = ""] = text.split(`\n## ${heading}\n`);
  return after.split("\n## ")[0] as string;
}
