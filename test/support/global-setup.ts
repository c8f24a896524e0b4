import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { JobServer } from "edgear/server";
import type { TestProject } from "vitest/node";
import { command } from "./command.ts";
import { babbling, frozen, silent, startFaultyServer } from "./faults.ts";
import { startGearmand } from "./gearmand.ts";
import type { TestServer } from "./provided.ts";
import { startSwitchboard } from "./switchboard.ts";
import { limitQueue, startWorkers } from "./workers.ts";

/** Starts what all tests share, once a run, and hands them the addresses. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await build();
  await using stack = new AsyncDisposableStack();
  const gearmand = stack.use(await startGearmand());
  const server = stack.use(await JobServer.listen({ port: 0 }));
  const servers: TestServer[] = [
    { name: "gearmand", address: gearmand.address },
    { name: "JobServer", address: server.address },
  ];
  for (const { address } of servers) {
    const port = Number(address.split(":")[1]);
    stack.use(await startWorkers(port));
    await limitQueue(port);
  }
  project.provide("servers", servers);
  project.provide("faulty", {
    silent: stack.use(await startFaultyServer(silent)).address,
    frozen: stack.use(await startFaultyServer(frozen)).address,
  });
  project.provide("switchboard", stack.use(await startSwitchboard()).url);
  project.provide("babbling", stack.use(await startFaultyServer(babbling)).address);
  const installed = await mkdtemp(path.join(tmpdir(), "edgear-installed-once-"));
  stack.defer(() => rm(installed, { recursive: true, force: true }));
  project.provide("installed", installed);
  const { version } = JSON.parse(await readFile("node_modules/workerd/package.json", "utf8"));
  project.provide("workerd", version);
  const all = stack.move();
  return () => all.disposeAsync();
}

/** Tests are of what ships: what is built is made anew when it is older than its source. */
async function build(): Promise<void> {
  const { code, stdout, stderr } = await command(process.execPath, ["scripts/build.mjs", "--if-stale"]);
  if (code !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`);
}
