/*
 * Cloudflare Workers: sockets of cloudflare:sockets, and the codec by a static import, the only way workerd takes one.
 */
import { connect } from "cloudflare:sockets";
import module from "../../codec.wasm";
import { ConfigError } from "../errors.js";
import { SPEECHLESS } from "./speechless.js";
import { openStreams } from "./streams.js";
import type { Address, Receiver, TlsOptions, Transport } from "./transport.js";

/** The codec, compiled. */
export function codecModule(): object {
  return module;
}

/** Pages (64 KiB) of one instance's memory: some 30 connections, and 4 of the 128 MB that there are for everything. */
export const CODEC_PAGES = 64;

/** Bytes of events that readers of one connection may be behind by, while others wait for what comes over it. */
export const MOST_UNREAD = (1 << 24) as number;

/** Milliseconds that a closing client waits for what is in flight, unless it is told otherwise: a request is to end some time. */
export const CLOSE_LIMIT = 5_000 as number | undefined;

/** Whether an error is workerd's word that an I/O object belongs to another request. */
export function isForeignRequest(error: unknown): boolean {
  return error instanceof Error && error.message.includes("on behalf of a different request");
}

/**
 * Tells whether it is called in the request that it was made in. Whoever waits for another request's promise is ended by
 * the runtime without a word that could help, so that it must be known before. The runtime has no name for a request;
 * but an object that belongs to one throws when another one touches it, and of those a WebSocket that is never used is
 * the lightest.
 */
export function requestScope(): () => boolean {
  const probe = new WebSocketPair()[0];
  return () => {
    try {
      return probe.readyState >= 0;
    } catch {
      return false;
    }
  };
}

/**
 * The options that are given: none.
 * @throws TypeError when there is one: sockets here have none for TLS, and one that is passed over in silence would be
 * missed only when it is too late. `rejectUnauthorized: true` is what they do.
 */
export function parseTls(tls: TlsOptions): TlsOptions {
  for (const [name, value] of Object.entries(tls)) {
    if (value === undefined || (name === "rejectUnauthorized" && value === true)) continue;
    throw new TypeError(
      `tls.${name} can't be had on Cloudflare Workers: their sockets take publicly trusted certificates for the host's ` +
        "name, and show none. Give tls: true, or reach a private server through a VPC network or a tunnel",
    );
  }
  return {};
}

/** What workerd says of every connection that can't be made, and of a TLS handshake that fails, whatever the cause. */
const REFUSED = "cannot connect to the specified address";

const PLAIN_REFUSED =
  "nothing listens there, or Workers may not reach it (a private address, Cloudflare's own, or port 25): " +
  "start gearmand on it, or check the address";

const TLS_REFUSED =
  "nothing listens there, or Workers may not reach it (a private address, Cloudflare's own, or port 25), or the TLS " +
  "handshake failed: its certificate must be publicly trusted, valid now and for this host's name, and the port must " +
  "not be a plain one (gearman://). Workers aren't told which of these it is";

const SPEECHLESS_TLS =
  "it closed the connection before it had sent anything: it may ask for a client's certificate, which Workers can't " +
  "show, or the job server behind it is away";

/** Why a connection could not be made, as far as can be said. The sentence is about the server. */
export function refusalReason(error: unknown): string | undefined {
  return error instanceof Error && error.message.includes(REFUSED) ? PLAIN_REFUSED : undefined;
}

/** Opens a stream. Rejects with the runtime's error when none can be had, and when the signal aborts first. */
export async function dial(address: Address, receiver: Receiver, signal: AbortSignal): Promise<Transport> {
  const socket = connect(
    { hostname: address.host, port: address.port },
    { secureTransport: address.tls ? "on" : "off", allowHalfOpen: false },
  );
  try {
    return await openStreams(socket, receiver, signal, { speechless: address.tls ? SPEECHLESS_TLS : SPEECHLESS.plain });
  } catch (error) {
    const refused = address.tls && error instanceof Error && error.message.includes(REFUSED);
    throw refused ? new Error(TLS_REFUSED, { cause: error }) : error;
  }
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

/** There are no files. */
export const HAS_FILES = false;

/** @throws ConfigError, always, as a rejection */
export function loadPart(): Promise<never> {
  return Promise.reject(new ConfigError("Workers have no files, so no edgear.config: pass the servers on, from env"));
}
