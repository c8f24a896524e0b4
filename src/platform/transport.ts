/*
 * What the library asks of a runtime: a byte stream to a server. Everything above this folder is the same everywhere.
 */

/**
 * TLS, as `node:tls` takes it. Unless it is told otherwise, a connection is made only to a server whose certificate is
 * valid now, for the server's name, and signed by an authority that is trusted. What fails is a `ConnectionError` that
 * says why. An option that isn't listed here, or that can't be what it is, is a `TypeError` when a client or worker is made.
 *
 * On Cloudflare Workers there is nothing to set (`tls: true`): certificates must be publicly trusted and for the host's
 * name, and a client can't show one. The options are refused there.
 */
export interface TlsOptions {
  /**
   * Certificates of the authorities to trust, PEM: the contents of their files, several in one or in a list. They take
   * the place of the default: the authorities that the runtime trusts. A self-signed certificate is its own authority.
   */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** The client's certificate, PEM, and those between it and its authority behind it; needs `key`. Default: none is shown. */
  cert?: string | Uint8Array;
  /** The private key of `cert`, PEM. */
  key?: string | Uint8Array;
  /** What `key` is encrypted with. Default: it isn't. */
  passphrase?: string;
  /**
   * The name that the server's certificate must have, and that the server is asked for (SNI): a host's name, no IP
   * address. Default: the host, which may be an IP address that the certificate then must have.
   */
  servername?: string;
  /** `false` takes any certificate, anybody's: what is sent can then be read and changed on its way. Default `true`. */
  rejectUnauthorized?: boolean;
  /** The oldest version of TLS that is spoken. Default: the runtime's, 1.2. */
  minVersion?: "TLSv1.2" | "TLSv1.3";
  /** Names of protocols, for servers that share one port among several by ALPN; one must be the server's. Default: none. */
  ALPNProtocols?: readonly string[];
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

/** Who takes what a connection brings that was accepted. */
export interface Server extends Receiver {
  /** The peer has ended its side, and may still read the answers. `closed` follows. */
  ended(): void;
}

/** A byte stream that is open. */
export interface Transport {
  /** Bytes that were written, and not yet taken by the system. Of a large write, it shrinks as its parts are taken. */
  readonly pending: number;
  /** Whether anything that is written can still go out. */
  readonly writable: boolean;
  /** Whether `write` says when the parts are read no more. Without it they must stay as they are for good. */
  readonly tellsTaken?: boolean;
  /** Sends the parts in order, as one write where the runtime can. They must not change until `taken` is called. */
  write(parts: readonly Uint8Array[], taken?: () => void): void;
  /** Reads nothing until `resume()`; a little that was read already may still come. */
  pause(): void;
  resume(): void;
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
