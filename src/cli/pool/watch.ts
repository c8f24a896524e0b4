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

/**
 * Watches the folders that files are in, and the folders in those, and calls back when something in them has changed and
 * is left alone again. Returns what ends it.
 */
export function watchFolders(files: readonly string[], changed: (file: string) => void): () => void {
  const watchers = new Map<string, FSWatcher>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const add = (folder: string) => {
    if (watchers.has(folder) || watchers.size >= MOST) return;
    try {
      const watcher = watch(folder, (_event, name) => {
        if (name === null || !SOURCES.test(name) || name.startsWith(".")) return;
        clearTimeout(timer);
        timer = setTimeout(() => changed(path.join(folder, name)), SETTLE);
      });
      watcher.on("error", () => watcher.close());
      watchers.set(folder, watcher);
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory() && !entry.name.startsWith(".") && !SKIPPED.has(entry.name))
          add(path.join(folder, entry.name));
    } catch {
      // It went away, or isn't to be read.
    }
  };
  for (const file of files) add(path.dirname(file));
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
  };
}
