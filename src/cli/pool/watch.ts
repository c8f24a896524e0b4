import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import path from "node:path";

/** Editors write files in several steps. */
const SETTLE = 200;

/** How often is looked whether the folders are still the same ones, in milliseconds. */
const LOOK = 1_000;

/** So many folders are watched at the most. */
const MOST = 1_000;

/** Never of a handler's making. */
const SKIPPED = new Set(["node_modules", "dist", "build", "coverage"]);

/** Endings of what handlers are made of. */
const SOURCES = /\.([cm]?[jt]sx?|json|ya?ml|wasm)$/;

/** A folder that is watched. */
interface Watched {
  readonly watcher: FSWatcher;
  readonly identity: string;
}

/** Watches folders, and calls back when something in them has changed and is left alone again. */
export class Watch {
  readonly #changed: (file: string) => void;
  readonly #watched = new Map<string, Watched>();
  /** Folders that are to be watched again once they are there, with their identity where they were there last. */
  readonly #gone = new Map<string, string | undefined>();
  readonly #looking: ReturnType<typeof setInterval>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(changed: (file: string) => void) {
    this.#changed = changed;
    // A folder that is removed takes its watcher along, and on Linux that one doesn't say so.
    this.#looking = setInterval(() => this.#look(), LOOK);
  }

  /** Watches the folders that files are in, and the folders in those. Called again, it finds those that are new. */
  add(files: readonly string[]): void {
    const seen = new Set<string>();
    for (const file of files) this.#walk(path.dirname(file), seen);
  }

  close(): void {
    clearInterval(this.#looking);
    clearTimeout(this.#timer);
    for (const { watcher } of this.#watched.values()) watcher.close();
  }

  #walk(folder: string, seen: Set<string>): void {
    if (seen.has(folder)) return;
    seen.add(folder);
    try {
      this.#watch(folder);
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory() && !entry.name.startsWith(".") && !SKIPPED.has(entry.name))
          this.#walk(path.join(folder, entry.name), seen);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") this.#lose(folder, undefined);
      // It isn't to be read, or the system watches no more.
    }
  }

  #watch(folder: string): void {
    const identity = identityOf(folder);
    this.#gone.delete(folder);
    const before = this.#watched.get(folder);
    // Another one's turn comes with a look: Deno watches nothing where it has just closed a watcher.
    if (before && before.identity !== identity) this.#lose(folder, before.identity);
    if (before || this.#watched.size >= MOST) return;
    const watcher = watch(folder, (_event, name) => {
      if (name !== null && SOURCES.test(name) && !name.startsWith(".")) this.#tell(path.join(folder, name));
    });
    // On Windows that is what a removed folder's watcher says.
    watcher.on("error", () => {
      if (this.#watched.get(folder)?.watcher === watcher) this.#lose(folder, identity);
      else watcher.close();
    });
    this.#watched.set(folder, { watcher, identity });
  }

  /** Gives a folder's watcher up, as it watches nothing any more, and waits for a folder to be there. */
  #lose(folder: string, identity: string | undefined): void {
    this.#watched.get(folder)?.watcher.close();
    this.#watched.delete(folder);
    this.#gone.set(folder, identity);
    if (this.#gone.size <= MOST) return;
    // Tools make folders, and remove them for good.
    const [oldest] = this.#gone.keys();
    if (oldest !== undefined) this.#gone.delete(oldest);
  }

  /** Finds folders that are others by now, are gone, or are there again: what is in those has changed. */
  #look(): void {
    const seen = new Set<string>();
    for (const [folder, before] of this.#gone) {
      const now = identityOrNone(folder);
      if (now === undefined) this.#gone.set(folder, undefined);
      else {
        this.#walk(folder, seen);
        if (this.#watched.has(folder) && now !== before) this.#tell(folder);
      }
    }
    for (const [folder, { identity }] of this.#watched) {
      const now = identityOrNone(folder);
      if (now !== identity) this.#lose(folder, now && identity);
    }
  }

  #tell(file: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#changed(file), SETTLE);
  }
}

/** What tells a folder from another one at its path. A number alone is given again, at once on some file systems. */
function identityOf(folder: string): string {
  const { dev, ino, birthtimeMs } = statSync(folder);
  return `${dev}:${ino}:${birthtimeMs}`;
}

function identityOrNone(folder: string): string | undefined {
  try {
    return identityOf(folder);
  } catch {
    return undefined;
  }
}
