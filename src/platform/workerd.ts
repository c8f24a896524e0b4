/*
 * Cloudflare Workers: sockets of cloudflare:sockets, and the codec by a static import, the only way workerd takes one.
 */
import { connect } from "cloudflare:sockets";
import module from "../../codec.wasm";
import { openStreams } from "./streams.js";
import type { Address, Receiver, Transport } from "./transport.js";

/** The codec, compiled. */
export function codecModule(): object {
  return module;
}

/** Pages (64 KiB) of one instance's memory: some 30 connections, and 4 of the 128 MB that there are for everything. */
export const CODEC_PAGES = 64;

/** Milliseconds that a closing client waits for what is in flight, unless it is told otherwise: a request is to end some time. */
export const CLOSE_LIMIT = 5_000 as number | undefined;

/** Whether an error is workerd's word that an I/O object belongs to another request. */
export function isForeignRequest(error: unknown): boolean {
  return error instanceof Error && error.message.includes("on behalf of a different request");
}

/** Opens a stream. Rejects with the runtime's error when none can be had, and when the signal aborts first. */
export async function dial(address: Address, receiver: Receiver, signal: AbortSignal): Promise<Transport> {
  const socket = connect(
    { hostname: address.host, port: address.port },
    { secureTransport: address.tls ? "on" : "off", allowHalfOpen: false },
  );
  return openStreams(socket, receiver, signal);
}

/** What this machine is called: here nobody can know. */
export function hostname(): string {
  return "workerd";
}

/** The number of the process: there is none. */
export function processId(): number {
  return 0;
}

/** Nothing can connect to a Cloudflare Worker by TCP. */
export function listen(): Promise<never> {
  return Promise.reject(
    new TypeError("Cloudflare Workers accept no TCP connections: run the embedded job server on Node, Deno or Bun"),
  );
}
