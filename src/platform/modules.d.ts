// Modules that aren't TypeScript's: the build makes the first two, workerd has the third.

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

/** Two ends of a WebSocket, on workerd. */
declare const WebSocketPair: new () => { readonly 0: { readonly readyState: number } };
