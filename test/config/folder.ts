import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A project's folder, in which the package is found by its name. */
export class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @param files their paths, and what is in them */
  static async make(files: Readonly<Record<string, string | object>> = {}): Promise<Folder> {
    const folder = new Folder(await realpath(await mkdtemp(path.join(tmpdir(), "edgear-config-"))));
    await mkdir(folder.at("node_modules"));
    await symlink(root, folder.at("node_modules/edgear"), "dir");
    await folder.write("package.json", { private: true, type: "module", dependencies: { edgear: "*" } });
    for (const [name, content] of Object.entries(files)) await folder.write(name, content);
    return folder;
  }

  /** Where a file of it is. */
  at(name: string): string {
    return path.join(this.path, name);
  }

  /** Writes a file; what is no text, as JSON. */
  async write(name: string, content: string | object): Promise<void> {
    await mkdir(path.dirname(this.at(name)), { recursive: true });
    await writeFile(this.at(name), typeof content === "string" ? content : JSON.stringify(content));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
