import assert from "node:assert/strict";

/** What a case is run against. */
export interface Environment {
  /** A job server, as `host:port`, with the workers of test/support/workers.ts. */
  readonly server: string;
  /** A server that takes connections and never answers. */
  readonly silent: string;
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
