/** A job server that the shared suite runs against. */
export interface TestServer {
  /** What tests call it. */
  readonly name: string;
  /** `127.0.0.1:<port>` */
  readonly address: string;
}

declare module "vitest" {
  /** What global-setup.ts hands to the tests of all projects. */
  interface ProvidedContext {
    /** The servers of the shared suite, the real gearmand first. */
    servers: TestServer[];
    /** The addresses of servers that are not right, as the shared suite has them. */
    faulty: { silent: string; frozen: string };
    /** The URL of the switchboard, where tests on any runtime get lines that they can cut. */
    switchboard: string;
    /** The address of a server whose answers are no packets. */
    babbling: string;
    /** A folder of this run's, in which the package is installed once for all: test/runtimes/installed.ts. */
    installed: string;
    /** What workerd is of, which it doesn't say itself: its date. */
    workerd: string;
  }
}
