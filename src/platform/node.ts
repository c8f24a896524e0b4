/*
 * Node, Deno and Bun: sockets of node:net and node:tls, and the codec inlined, so that any bundler can take it along.
 */
import { createConnection } from "node:net";
import { hostname as systemHostname } from "node:os";
import type { ConnectionOptions } from "node:tls";
import inlined from "../../codec.inline.js";
import { ConfigError } from "../errors.js";
import { transport } from "./socket.js";
import { SPEECHLESS } from "./speechless.js";
import { tlsReason } from "./tls.js";
import { type Address, deliver, type Receiver, type Transport } from "./transport.js";

export { refusalReason } from "./refused.js";

/** The codec, compiled. */
export function codecModule(): object {
  return new WebAssembly.Module(Uint8Array.from(atob(inlined), (character) => character.charCodeAt(0)));
}

/** Pages (64 KiB) of one instance's memory: some 120 connections. A page that was never used takes no memory. */
export const CODEC_PAGES = 256;

/** Bytes of events that readers of one connection may be behind by, while others wait for what comes over it. */
export const MOST_UNREAD = (1 << 26) as number;

/** Milliseconds that a closing client waits for what is in flight, unless it is told otherwise: as long as it takes. */
export const CLOSE_LIMIT = undefined as number | undefined;

/** What the runtime itself says when an I/O object is used from another request: nothing, here. */
export function isForeignRequest(_error: unknown): boolean {
  return false;
}

/** Whether it is called in the request that it was made in: that is no matter, here. */
export function requestScope(): () => boolean {
  return () => true;
}

/** What this machine is called. */
export function hostname(): string {
  try {
    return systemHostname() || "localhost";
  } catch {
    // Deno asks for a permission (--allow-sys=hostname) that isn't worth failing for.
    return "localhost";
  }
}

export { listen } from "./listen.js";
export { parseTls } from "./tls-options.js";

/** The number of the process. */
export function processId(): number {
  // Not by importing node:process, which has every stream and report of the process made at once.
  return process.pid;
}

/** Opens a stream. Rejects with the runtime's error when none can be had, and when the signal aborts first. */
export async function dial(address: Address, receiver: Receiver, signal: AbortSignal): Promise<Transport> {
  // Takes longer to load than the library: only whoever wants it is to pay for it.
  const connectTls = address.tls && (await import("node:tls")).connect;
  return new Promise((resolve, reject) => {
    const { host, port, tls } = address;
    let heard = false;
    let leaving = false;
    const socket = connectTls
      ? connectTls({ servername: isIp(host) ? "" : host, ...(tls as ConnectionOptions), host, port })
      : createConnection({
          host,
          port,
          // Reads straight into the codec's memory: no buffer is allocated, no stream machinery runs.
          onread: {
            buffer: () => receiver.window(),
            callback: (count) => {
              heard = true;
              receiver.received(count);
              return true;
            },
          },
        });
    if (tls) {
      socket.on("data", (chunk: Uint8Array) => {
        heard = true;
        deliver(receiver, chunk);
      });
    }
    const abort = () => socket.destroy(asError(signal.reason));
    let failure: Error | undefined;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.once(tls ? "secureConnect" : "connect", () => {
      signal.removeEventListener("abort", abort);
      const open = transport(socket, {
        onLeave() {
          leaving = true;
        },
      });
      socket.once("close", () => receiver.closed(leaving ? failure : lossOf(failure, heard, tls !== undefined)));
      resolve(open);
    });
    socket.once("close", () => {
      signal.removeEventListener("abort", abort);
      // After a connect this is too late to matter.
      reject(failure ?? new Error("the connection was closed before it was open"));
    });
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/** Why a connection was lost. With TLS 1.3 a server refuses a client's certificate only after the client has connected. */
function lossOf(failure: Error | undefined, heard: boolean, tls: boolean): Error | undefined {
  const reason = tlsReason(failure) ?? (heard ? undefined : SPEECHLESS[tls ? "tls" : "plain"]);
  return reason === undefined ? failure : new Error(reason, failure && { cause: failure });
}

function isIp(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(":");
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** Configurations are files. */
export const HAS_FILES = true;

/**
 * Loads a part of this package by its name, when it runs: bundlers don't follow.
 * @throws ConfigError (as a rejection) when it isn't there
 */
export async function loadPart(name: string): Promise<unknown> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ name);
  } catch (cause) {
    throw new ConfigError(
      `${name} could not be loaded, which reads edgear.config.*: a bundled program must import it itself, ` +
        `and pass the servers on: const { servers } = await loadConnection("…") of "${name}"`,
      undefined,
      [],
      { cause },
    );
  }
}
