import { dial } from "#platform";
import { openStreams, type StreamSocket } from "../platform/streams.js";
import type { Address, Receiver, Transport } from "../platform/transport.js";
import { abortable } from "./wait.js";

/** Opens a socket to a server, in place of the runtime's own way: a proxy, a private network, a pair in memory. */
export type Connect = (address: Address) => StreamSocket | Promise<StreamSocket>;

/** Opens a stream to a server, by `connect` where there is one. Rejects with the runtime's error, or the signal's reason. */
export async function dialServer(
  address: Address,
  receiver: Receiver,
  signal: AbortSignal,
  connect?: Connect,
): Promise<Transport> {
  if (!connect) return dial(address, receiver, signal);
  const connecting = Promise.resolve(connect(address));
  let socket: StreamSocket;
  try {
    socket = await abortable(connecting, signal);
  } catch (error) {
    // A socket that comes after all is nobody's.
    connecting.then((late) => late.close()).catch(() => {});
    throw error;
  }
  return openStreams(socket, receiver, signal);
}
