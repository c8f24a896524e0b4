import assert from "node:assert/strict";

import {
  type ClientOptions,
  type Connect,
  Admin as PlainAdmin,
  Client as PlainClient,
  Worker as PlainWorker,
} from "edgear";

/** How the cases' clients and workers make their sockets; by default the runtime does. */
let connect: Connect | undefined;

/** Has all clients and workers that are made from now on use these sockets. */
export function connectBy(injected: Connect): void {
  connect = injected;
}

/** The library's, with the sockets that the run wants. */
export class Client extends PlainClient {
  constructor(servers: ConstructorParameters<typeof PlainClient>[0], options: ClientOptions = {}) {
    super(servers, connect ? { connect, ...options } : options);
  }
}

export class Worker extends PlainWorker {
  constructor(...[servers, options = {}]: ConstructorParameters<typeof PlainWorker>) {
    super(servers, connect ? { connect, ...options } : options);
  }
}

export class Admin extends PlainAdmin {
  constructor(...[server, options = {}]: ConstructorParameters<typeof PlainAdmin>) {
    super(server, connect ? { connect, ...options } : options);
  }
}

/** What not every runtime can do. A case is run all the same: what it asks for is then another thing. */
export interface Capabilities {
  /** To take TCP connections. */
  readonly listen: boolean;
}

/** What a case is run against. */
export interface Environment {
  readonly capabilities: Capabilities;
  /** A job server, as `host:port`, with the workers of test/support/workers.ts. */
  readonly server: string;
  /** All of them, this one first. */
  readonly servers: readonly string[];
  /** A server that acknowledges jobs, and then says nothing more, whatever it is asked. */
  readonly frozen: string;
  /** A server that takes connections and never answers. */
  readonly silent: string;
}

/** An environment for each of the servers. */
export function environments(
  servers: readonly { readonly name: string; readonly address: string }[],
  others: Pick<Environment, "silent" | "frozen">,
  capabilities: Capabilities = { listen: true },
): { name: string; environment: Environment }[] {
  return servers.map(({ name, address }) => {
    const all = [address, ...servers.map((server) => server.address).filter((each) => each !== address)];
    return { name, environment: { server: address, servers: all, ...others, capabilities } };
  });
}

/**
 * One thing that holds on every runtime and against every server. Cases are data, and import nothing but the library
 * and node:assert, so that any runtime can run them with a loop.
 */
export interface Case {
  readonly name: string;
  run(environment: Environment): Promise<void>;
}

/** Waits until it is so. Fails when that takes too long. */
export async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, `${what} took more than 10 seconds`);
    await pause(20);
  }
}

/** All that an iterable gives. Node 20 has no `Array.fromAsync`. */
export async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) items.push(item);
  return items;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What a promise rejects with. Fails when it doesn't, or with something else. */
export async function rejection<T extends Error>(
  promise: Promise<unknown>,
  kind: abstract new (...args: never[]) => T,
): Promise<T> {
  const error = await promise.then(
    (value) => assert.fail(`resolved with ${String(value)}, and should have rejected with a ${kind.name}`),
    (error: unknown) => error,
  );
  assert.ok(error instanceof kind, `rejected with ${String(error)}, and not with a ${kind.name}`);
  return error;
}
