import { LENIENT, REQUESTS, TEXT_LINES, UNIQUE_PREFIX_SIZE } from "../../assembly/layout.js";
import { Decoder } from "./decoder.js";
import { Encoder } from "./encoder.js";
import type { Frame } from "./frame.js";
import { claim } from "./instance.js";

/** How one connection's bytes are read. */
export interface CodecOptions {
  /** Who is at the other end: a `"server"` sends responses, a `"client"` (or worker) requests. */
  peer: "server" | "client";
  /** What errors call it, e.g. `127.0.0.1:4730`; default: the peer. */
  name?: string;
  /** The largest body that is accepted, in bytes; default 64 MiB. */
  maxPacketSize?: number;
  /** Whether lines of the text protocol may come as well; default false. */
  textLines?: boolean;
  /**
   * Whether a client's packets are taken as gearmand takes them: with a response's magic (`frame.foreign`), and with a
   * body where none belongs, which is passed over; default false: they break the protocol.
   */
  lenient?: boolean;
  /** Twelve ASCII characters that the uniques of `encoder.submit` begin with; without them it generates none. */
  uniquePrefix?: string;
}

/** The largest packet body that is accepted unless an option says otherwise: 64 MiB. */
export const DEFAULT_MAX_PACKET_SIZE = 64 * 1024 * 1024;

/** Addresses must fit 31 bits together with the largest body behind them. */
const LARGEST_MAX_PACKET_SIZE = 0x60000000;

/** Printable or not, but no NUL, which would end the unique early. */
const UNIQUE_PREFIX = new RegExp(`^[\\x01-\\x7f]{${UNIQUE_PREFIX_SIZE}}$`);

/** Reads and writes the packets of one connection. Close it: its memory in the codec is not garbage-collected. */
export class Codec {
  readonly decoder: Decoder;
  readonly encoder: Encoder;
  #close: (() => void) | undefined;

  /**
   * @param onFrame called for each packet, with a frame that is good only during the call. It must not feed any decoder.
   *   What it throws comes out of `decoder.received`, and ends the decoding: the packets behind are lost.
   * @throws TypeError when an option is wrong
   */
  constructor(options: CodecOptions, onFrame: (frame: Frame) => void) {
    const {
      peer,
      name = `the ${peer}`,
      maxPacketSize = DEFAULT_MAX_PACKET_SIZE,
      textLines = false,
      lenient = false,
      uniquePrefix = "",
    } = options;
    if (peer !== "server" && peer !== "client")
      throw new TypeError(`peer must be "server" or "client", not ${JSON.stringify(peer)}`);
    checkMaxPacketSize(maxPacketSize);
    if (uniquePrefix !== "" && !UNIQUE_PREFIX.test(uniquePrefix))
      throw new TypeError(
        `uniquePrefix must be ${UNIQUE_PREFIX_SIZE} ASCII characters, not ${JSON.stringify(uniquePrefix)}`,
      );
    const flags = (peer === "client" ? REQUESTS | (lenient ? LENIENT : 0) : 0) | (textLines ? TEXT_LINES : 0);
    const { instance, connection } = claim(({ exports }) => exports.open(flags, maxPacketSize));
    const { exports } = instance;
    instance.bytes.set(new TextEncoder().encode(uniquePrefix), exports.uniquePrefix(connection));
    this.decoder = new Decoder(instance, connection, name, onFrame);
    this.encoder = new Encoder(instance, connection, uniquePrefix, (slot) => this.decoder.handleElsewhere(slot));
    this.#close = () => {
      this.encoder.close();
      this.decoder.close(() => exports.close(connection));
    };
  }

  /** Gives its memory back. Bytes that still come are ignored; a packet put down afterwards throws. */
  close(): void {
    this.#close?.();
    this.#close = undefined;
  }
}

/** @throws TypeError when a `maxPacketSize` can't be one */
export function checkMaxPacketSize(value: unknown): void {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1024 || value > LARGEST_MAX_PACKET_SIZE) {
    throw new TypeError(
      `maxPacketSize must be a whole number of bytes from 1024 to ${LARGEST_MAX_PACKET_SIZE}, not ${String(value)}`,
    );
  }
}
