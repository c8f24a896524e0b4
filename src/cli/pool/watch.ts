import { type FSWatcher, readdirSync, watch } from "node:fs";
import path from "node:path";

/** Editors write files in several steps. */
const SETTLE = 200;

/** So many folders are watched at the most. */
const MOST = 1_000;

/** Never of a handler's making. */
const SKIPPED = new Set(["node_modules", "dist", "build", "coverage"]);

/** Endings of what handlers are made of. */
const SOURCES = /\.([cm]?[jt]sx?|json|ya?ml|wasm)$/;

/** Watches folders, and calls back when something in them has changed and is left alone again. */
export class Watch {
  readonly #changed: (file: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(changed: (file: string) => void) {
    this.#changed = changed;
  }

  /** Watches the folders that files are in, and the folders in those. Called again, it finds those that are new. */
  add(files: readonly string[]): void {
    const seen = new Set<string>();
    for (const file of files) this.#walk(path.dirname(file), seen);
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
  }

  #walk(folder: string, seen: Set<string>): void {
    if (seen.has(folder)) return;
    seen.add(folder);
    try {
      if (!this.#watchers.has(folder)) this.#watch(folder);
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory() && !entry.name.startsWith(".") && !SKIPPED.has(entry.name))
          this.#walk(path.join(folder, entry.name), seen);
    } catch {
      // It went away, or isn't to be read.
    }
  }

  #watch(folder: string): void {
    if (this.#watchers.size >= MOST) return;
    const watcher = watch(folder, (_event, name) => {
      if (name === null || !SOURCES.test(name) || name.startsWith(".")) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#changed(path.join(folder, name)), SETTLE);
    });
    watcher.on("error", () => watcher.close());
    this.#watchers.set(folder, watcher);
  }
}
