import { dial } from "#platform";
import { openStreams, type StreamSocket } from "../platform/streams.js";
import type { Address, Receiver, Transport } from "../platform/transport.js";
import { show } from "./check.js";
import { abortable } from "./wait.js";

/** Where an injected `connect` is to connect to; `connect` of `cloudflare:sockets` takes it as it is. */
export interface SocketAddress {
  readonly hostname: string;
  readonly port: number;
  /** `"on"` for a `gearmans://` server: the socket is to speak TLS from the first byte, and that is up to `connect`. */
  readonly secureTransport: "on" | "off";
}

/**
 * Makes the socket for a server: anything with `readable`, `writable` and `close()`, as WinterTC's Sockets API has it
 * (https://sockets-api.proposal.wintertc.org).
 */
export type Connect = (address: SocketAddress) => StreamSocket | Promise<StreamSocket>;

/**
 * Opens a stream to a server, by the runtime's sockets or by an injected `connect`.
 * Rejects with whatever went wrong, and when the signal aborts first.
 */
export async function dialServer(
  address: Address,
  receiver: Receiver,
  signal: AbortSignal,
  connect: Connect | undefined,
): Promise<Transport> {
  if (!connect) return dial(address, receiver, signal);
  const { host, port, tls } = address;
  const connecting = Promise.resolve(connect({ hostname: host, port, secureTransport: tls ? "on" : "off" }));
  let socket: StreamSocket;
  try {
    socket = await abortable(connecting, signal);
  } catch (error) {
    // One that comes too late is of no use to anybody.
    connecting.then((late) => late.close()).catch(() => {});
    throw error;
  }
  const { readable, writable, close } = Object(socket) as Partial<StreamSocket>;
  if (!(readable instanceof Object) || !(writable instanceof Object) || typeof close !== "function") {
    throw new TypeError("the connect option gave no socket: it must have readable, writable and close()");
  }
  return openStreams(socket, receiver, signal);
}

/** @throws TypeError when it can't be one */
export function checkConnect(connect: unknown): asserts connect is Connect | undefined {
  if (connect !== undefined && typeof connect !== "function")
    throw new TypeError(`connect must be a function that makes a socket, not ${show(connect)}`);
}
