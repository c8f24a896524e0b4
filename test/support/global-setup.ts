import type { TestProject } from "vitest/node";
import { babbling, silent, startFaultyServer } from "./faults.ts";
import { startGearmand } from "./gearmand.ts";
import type { TestServer } from "./provided.ts";
import { textCommand } from "./text-command.ts";
import { startWorkers } from "./workers.ts";

/** Starts what all tests share, once a run, and hands them the addresses. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await using stack = new AsyncDisposableStack();
  const gearmand = stack.use(await startGearmand());
  const servers: TestServer[] = [{ name: "gearmand", address: gearmand.address }];
  for (const { address } of servers) {
    const port = Number(address.split(":")[1]);
    stack.use(await startWorkers(port));
    await limitQueue(port);
  }
  project.provide("servers", servers);
  project.provide("silent", stack.use(await startFaultyServer(silent)).address);
  project.provide("babbling", stack.use(await startFaultyServer(babbling)).address);
  const all = stack.move();
  return () => all.disposeAsync();
}

/** Makes the function `full` take one job, which nobody works off. */
async function limitQueue(port: number): Promise<void> {
  await textCommand(port, "create function full");
  await textCommand(port, "maxqueue full 1");
}
