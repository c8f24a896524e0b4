/*
 * What the library asks of a runtime: a byte stream to a server. Everything above this folder is the same everywhere.
 */

/** TLS as `node:tls` takes it. On Cloudflare Workers only publicly trusted certificates work, and none of this is read. */
export interface TlsOptions {
  /** Certificate authorities to trust, PEM; default: the runtime's. */
  ca?: string | Uint8Array | (string | Uint8Array)[];
  /** The client's certificate, PEM. */
  cert?: string | Uint8Array;
  /** Its key, PEM. */
  key?: string | Uint8Array;
  /** The name that the server's certificate must have; default: the host. */
  servername?: string;
  /** `false` takes any certificate; default `true`. */
  rejectUnauthorized?: boolean;
}

/** TLS of a server, as `node:tls` takes it. */
export interface ServerTlsOptions {
  /** The server's certificate, PEM, with those that lead to a trusted one behind it. */
  cert?: string | Uint8Array;
  /** Its key, PEM. */
  key?: string | Uint8Array;
  /** What the key is encrypted with. */
  passphrase?: string;
  /** Whether clients are asked for a certificate; default `false`. */
  requestCert?: boolean;
  /** Whether clients without a certificate of these authorities are turned away; default `true` where they are asked for one. */
  rejectUnauthorized?: boolean;
  /** Certificate authorities of clients, PEM. */
  ca?: string | Uint8Array | (string | Uint8Array)[];
}

/** A peer that was accepted and leaves more bytes than these unread isn't read itself until it has caught up. */
export const MAX_UNREAD = 1 << 20;

/** Where a job server is. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; `undefined` is plain TCP. */
  readonly tls?: TlsOptions | undefined;
}

/** Who takes what a transport brings. None of these may throw. */
export interface Receiver {
  /** Where the next bytes go, at least one; asked anew before each read. */
  window(): Uint8Array;
  /** The first `count` bytes of the last window have arrived. */
  received(count: number): void;
  /** The stream has ended, for good. Called once, and only after `dial` resolved. */
  closed(cause: Error | undefined): void;
}

/** A byte stream that is open. */
export interface Transport {
  /** Bytes that were written, and not yet taken by the system. */
  readonly pending: number;
  /** Of a large write that `pending` counts whole, the bytes that are left, where the runtime can say; else 0. */
  readonly left: number;
  /** Sends the parts in order, as one write where the runtime can. They must not change until they were sent. */
  write(parts: readonly Uint8Array[]): void;
  /** Sends what was written, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
}

/** Hands a chunk that the runtime allocated to a receiver. */
export function deliver(receiver: Receiver, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length; ) {
    const window = receiver.window();
    const count = Math.min(window.length, chunk.length - at);
    window.set(chunk.subarray(at, at + count));
    receiver.received(count);
    at += count;
  }
}
