import type { TlsEnvironment } from "./environment.ts";

/** One thing that holds with TLS on every runtime of node:tls. Like the shared suite's, cases are data. */
export interface TlsCase {
  readonly name: string;
  run(environment: TlsEnvironment): Promise<void>;
}
