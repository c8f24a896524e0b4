import { bytesOf, concat, header, packet, write } from "../codec/packets.ts";
import type { Hostile, Hostility } from "./turncoat.ts";

// Packet types, by the protocol's numbers.
export const NOOP = 6;
export const SUBMIT_JOB = 7;
export const JOB_CREATED = 8;
export const NO_JOB = 10;
export const WORK_COMPLETE = 13;
export const ECHO_RES = 17;
export const ERROR = 19;
export const STATUS_RES = 20;
export const OPTION_RES = 27;
export const WORK_DATA = 28;
export const JOB_ASSIGN_UNIQ = 31;
export const JOB_ASSIGN_ALL = 40;

const OPTION_REQ = 26;

/** A packet of a server, as it travels. */
export function sent(type: number, args: readonly string[] = [], data: string | Uint8Array = ""): Uint8Array {
  return write("server", packet(type, args, data));
}

/** The same many times, in some 64 KiB. */
export function many(bytes: Uint8Array): Uint8Array {
  return concat(Array.from({ length: Math.ceil(65_536 / bytes.length) }, () => bytes));
}

/** Is nice about options, so that the attack is what the test's own call meets. */
export function onceGreeted(attack: Hostility): Hostility {
  return (socket, each) => {
    if (each.type === OPTION_REQ) socket.send(sent(OPTION_RES, ["exceptions"]));
    else attack(socket, each);
  };
}

/** Attacks that break the protocol, whoever they meet, and what is said of them. */
export const BREACHES: Readonly<Record<string, readonly [attack: (socket: Hostile) => void, words: RegExp]>> = {
  "a length of 4 GiB": [
    (socket) => socket.send(header("server", WORK_DATA, 0xffffffff)),
    /sent a packet of 4294967295 bytes, more than is accepted \(maxPacketSize\)/,
  ],
  "a length of 2 GiB, and as much as goes of what was announced": [
    (socket) => {
      socket.send(header("server", WORK_DATA, 0x80000000));
      socket.flood(new Uint8Array(65_536));
    },
    /sent a packet of 2147483648 bytes, more than is accepted/,
  ],
  "arguments without end": [
    (socket) => {
      socket.send(header("server", WORK_DATA, 60_000_000));
      socket.flood(new Uint8Array(65_536).fill(0x68));
    },
    /sent a WORK_DATA packet whose arguments don't end within 65536 bytes/,
  ],
  "arguments without end, of a packet that has nothing else": [
    (socket) => {
      socket.send(header("server", OPTION_RES, 60_000_000));
      socket.flood(new Uint8Array(65_536).fill(0x68));
    },
    /sent an? OPTION_RES packet whose arguments don't end within 65536 bytes/,
  ],
  "a handle of no bytes": [
    (socket) => socket.send(sent(JOB_CREATED, [""])),
    /JOB_CREATED packet whose job handle isn't/,
  ],
  "a handle of 64 bytes": [
    (socket) => socket.send(sent(WORK_COMPLETE, ["h".repeat(64)], "x")),
    /WORK_COMPLETE packet whose job handle isn't one of 1 to 63 bytes/,
  ],
  "text where packets belong": [
    (socket) => socket.flood(many(bytesOf("HTTP/1.1 400 Bad Request\r\n"))),
    /sent "HTTP" where a packet begins: it doesn't speak Gearman's binary protocol/,
  ],
  "requests where responses belong": [
    (socket) => socket.flood(many(write("client", packet(16)))),
    /sent a request, but only a server's responses can come/,
  ],
  "a type that there is not": [(socket) => socket.send(header("server", 99, 0)), /packet of type 99/],
  "an answer that nobody asked for": [
    (socket) => socket.flood(many(sent(STATUS_RES, ["H:x:1", "1", "1", "0", "0"]))),
    /sent a STATUS_RES packet, but (no request waits|the first request that waits wants)/,
  ],
};
