import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { Client } from "edgear";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { ExitCode } from "../../build/src/cli/exit.js";
import type { Folder } from "../config/folder.ts";
import { fresh } from "../conformance/names.ts";
import { command } from "../support/command.ts";
import { makeApp, recipe } from "./app.ts";

const address = inject("servers")[0]?.address ?? "";
const prefix = fresh("systemd");
let app: Folder;
let unit: string;

beforeAll(async () => {
  app = await makeApp(prefix, address);
  // Where an application is on this machine.
  unit = (await recipe("edgear-pool@.service")).replaceAll("/srv/app", app.path);
  await app.write("units/edgear-pool@.service", unit);
});

afterAll(() => app?.[Symbol.asyncDispose]());

/** The value of a setting of the unit. */
function setting(name: string): string {
  const found = unit.split("\n").filter((line) => line.startsWith(`${name}=`));
  expect(found, name).toHaveLength(1);
  return found[0]?.slice(name.length + 1) ?? "";
}

test("systemd-analyze finds nothing wrong with the unit, and something with one that is", async () => {
  const verify = (file: string) => command("systemd-analyze", ["verify", "--man=no", app.at(file)]);
  const good = await verify("units/edgear-pool@images.service");
  expect(good).toEqual({ code: 0, stdout: "", stderr: "" });
  const wrong = unit.replace("KillMode=mixed", "KillMod=mixed").replace(/^ExecStart=/m, "ExecStart=/nowhere");
  await app.write("wrong/edgear-pool@.service", wrong);
  const { code, stderr } = await verify("wrong/edgear-pool@images.service");
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/Unknown key( name)? 'KillMod'/);
  expect(stderr).toMatch(/Command \/nowhere.* is not executable/);
});

test("what it starts is a pool that a SIGTERM ends with 0, in the time that it is given", async () => {
  await mkdir(app.at("runtime/edgear-images"), { recursive: true });
  const [program = "", ...args] = setting("ExecStart")
    .replaceAll("%t", app.at("runtime"))
    .replaceAll("%i", "images")
    .split(" ");
  const child = spawn(program, args, { cwd: setting("WorkingDirectory"), stdio: "ignore" });
  const ended = once(child, "exit");
  try {
    await using client = new Client(address);
    expect((await client.run(`${prefix}-reverse`, "abc", { timeout: 15_000 })).text()).toBe("cba");
    const task = client.submit(`${prefix}-slow`, "", { timeout: 15_000 });
    for await (const event of task) if (event.type === "status") break;
    child.kill("SIGTERM");
    expect((await task.result).text()).toMatch(/^finished by \d+$/);
    expect(await ended).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
  const grace = Number(/--grace (\d+)s/.exec(setting("ExecStart"))?.[1]);
  expect(Number(setting("TimeoutStopSec"))).toBeGreaterThan(grace);
  // The codes that a restart doesn't mend, and no others.
  expect(setting("RestartPreventExitStatus")).toBe(`${ExitCode.USAGE} ${ExitCode.NOT_LOADED}`);
});
