// Modules that aren't TypeScript's: the build makes the first two, workerd has the others.

declare module "*/codec.inline.js" {
  const base64: string;
  export default base64;
}

declare module "*/codec.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "cloudflare:sockets" {
  interface Socket {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array>;
    readonly opened: Promise<unknown>;
    readonly closed: Promise<unknown>;
    close(): Promise<void>;
  }
  export function connect(
    address: { hostname: string; port: number },
    options: { secureTransport: "off" | "on"; allowHalfOpen: boolean },
  ): Socket;
}

declare module "cloudflare:workers" {
  export abstract class DurableObject<Env> {
    protected ctx: {
      readonly storage: {
        setAlarm(at: number, options?: { allowUnconfirmed: boolean }): Promise<void>;
        transactionSync<T>(work: () => T): T;
        readonly sql: {
          exec(statement: string, ...values: unknown[]): { toArray(): Record<string, unknown>[] };
        };
      };
      waitUntil(promise: Promise<unknown>): void;
    };
    protected env: Env;
    constructor(ctx: DurableObjectState, env: Env);
  }
  export function waitUntil(promise: Promise<unknown>): void;
}

/** What workerd gives a Durable Object: users have its type from Cloudflare's. */
interface DurableObjectState {
  readonly id: unknown;
}

/** Two ends of a WebSocket, on workerd. */
declare const WebSocketPair: new () => { readonly 0: { readonly readyState: number } };
