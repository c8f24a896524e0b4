import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";

/** What stays to be seen of an output: the last of what was written over. */
function shown(output: string): string[] {
  return output.split("\n").map((line) => (line.split("\r").at(-1) ?? "").trimEnd());
}

test("the demo says what README.md shows", async () => {
  const readme = await readFile(path.join(root, "README.md"), "utf8");
  const [, transcript = ""] = /npm run demo\n```\n\n```text\nbuilt .*\n([^`]*)\n```/.exec(readme) ?? [];
  const { code, stdout, stderr } = await command(process.execPath, [path.join(root, "examples/demo.ts")]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  // The port and the machine's name are not ours to choose.
  const same = (lines: string[]) =>
    lines.map((line) => line.replace(/:\d{2,}\.$/, ":0.").replace(/H:[^:]+:(\d+),? */g, "H:vm:$1 "));
  const given = same(shown(stdout));
  expect(transcript).toContain("reverse said");
  expect(given.slice(0, transcript.split("\n").length)).toEqual(same(transcript.split("\n")));
});
