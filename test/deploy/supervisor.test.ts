import { Client } from "edgear";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findProgram } from "../../scripts/programs.mjs";
import type { Folder } from "../config/folder.ts";
import { fresh } from "../conformance/names.ts";
import { command } from "../support/command.ts";
import { freePort } from "../support/ports.ts";
import { BackgroundProcess } from "../support/process.ts";
import { makeApp, recipe, until } from "./app.ts";

const address = inject("servers")[0]?.address ?? "";
const prefix = fresh("supervisor");
let app: Folder;
let supervisord: BackgroundProcess;

beforeAll(async () => {
  const program = findProgram("supervisord");
  if (!program) throw new Error("supervisord is not installed: run node scripts/peers.mjs");
  app = await makeApp(prefix, address);
  const conf = await recipe("supervisord.conf");
  await app.write(
    "conf.d/edgear-images.conf",
    conf
      .replaceAll("/srv/app", app.path)
      .replace("startsecs=3", "startsecs=1")
      .replace("127.0.0.1:9464", `127.0.0.1:${await freePort()}`),
  );
  // What Debian's own says, for a user of the tests.
  await app.write(
    "supervisord.conf",
    `[unix_http_server]
file=${app.at("run/control.sock")}
[supervisord]
nodaemon=true
user=root
logfile=/dev/null
logfile_maxbytes=0
pidfile=${app.at("run/supervisord.pid")}
childlogdir=${app.at("log")}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${app.at("run/control.sock")}
[include]
files = ${app.at("conf.d/*.conf")}
`.replace(process.getuid?.() === 0 ? "" : "user=root\n", ""),
  );
  supervisord = await BackgroundProcess.start(program, ["-c", app.at("supervisord.conf")], app.path);
}, 30_000);

afterAll(async () => {
  await supervisord?.stop();
  await app?.[Symbol.asyncDispose]();
});

/** `supervisorctl`, and what it says. */
async function ctl(...args: string[]): Promise<string> {
  const { stdout, stderr } = await command("supervisorctl", ["-c", app.at("supervisord.conf"), ...args]);
  return stdout + stderr;
}

/** The pool's process, once supervisord says that it runs, and it is another than before. */
function running(before?: number): Promise<number> {
  return until("supervisord says RUNNING", async () => {
    const pid = Number(/RUNNING +pid (\d+)/.exec(await ctl("status", "edgear-images"))?.[1]);
    return Number.isNaN(pid) || pid === before ? undefined : pid;
  });
}

test("supervisord runs the pool, starts it again when it is killed, and stops it when its jobs are done", {
  timeout: 60_000,
}, async () => {
  const timeout = 15_000;
  await using client = new Client(address);
  const first = await running();
  expect((await client.run(`${prefix}-reverse`, "abc", { timeout })).text()).toBe("cba");
  process.kill(first, "SIGKILL");
  const second = await running(first);
  expect((await client.run(`${prefix}-reverse`, "def", { timeout })).text()).toBe("fed");
  const task = client.submit(`${prefix}-slow`, "", { timeout });
  for await (const event of task) if (event.type === "status") break;
  const stopped = ctl("stop", "edgear-images");
  expect((await task.result).text()).toMatch(/^finished by \d+$/);
  expect(await stopped).toBe("edgear-images: stopped\n");
  expect(await ctl("status", "edgear-images")).toMatch(/STOPPED/);
  expect(() => process.kill(second, 0)).toThrow("ESRCH");
});
