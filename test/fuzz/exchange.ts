import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { concat, packet, type Reading, read, write } from "../codec/packets.ts";
import { Randoms } from "../support/faults/randoms.ts";

/*
 * One connection of a fuzzer to a server: what is said to it, what it answers, and how that ends.
 */

/** How many bytes of an input say how the others are sent. */
export const HEAD = 1;

export const MAX_PACKET_SIZE = 100_000;

const ECHO_REQ = 16;
const ECHO_RES = 17;
const ERROR = 19;

/** What an input came to. */
export interface Answer {
  /** `answered` when it was read to its end, `closed` by the server, `hung` when neither came in time. */
  readonly end: "answered" | "closed" | "hung";
  readonly reading: Reading;
  /** What was answered, in words: the packets' types, the errors' codes, lines of text. */
  readonly words: string[];
  /** The connection, while it is open. */
  readonly socket: Socket | undefined;
}

let markers = 0;

/**
 * Says something to a server, then, when that was whole packets, asks for an echo; or else ends its side.
 * @param patience milliseconds until it must have answered, or closed
 */
export async function exchange(port: number, input: Uint8Array, patience: number): Promise<Answer> {
  const stream = input.subarray(HEAD);
  const asked = read("client", stream, MAX_PACKET_SIZE, { textLines: true, lenient: true });
  const socket = connect(port, "127.0.0.1");
  let closed = false;
  let came: Uint8Array = new Uint8Array(0);
  let wake = () => {};
  socket.on("data", (chunk) => {
    came = came.length === 0 ? chunk : concat([came, chunk]);
    wake();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
    wake();
  });
  await Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => {});
  socket.setNoDelay(true);
  inPieces(socket, stream, input[0] ?? 0);
  const whole = asked.fault === undefined && asked.length === stream.length;
  const marker = new TextEncoder().encode(`fuzz ${++markers}`);
  const echo = Buffer.from(write("server", packet(ECHO_RES, [], marker)));
  if (whole) socket.write(write("client", packet(ECHO_REQ, [], marker)));
  else if (asked.fault === undefined) socket.end();
  const answered = () => whole && Buffer.from(came.buffer, came.byteOffset, came.length).includes(echo);
  const timer = setTimeout(() => wake(), patience);
  const deadline = performance.now() + patience - 5;
  while (!closed && !answered() && performance.now() < deadline) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  clearTimeout(timer);
  const end = answered() ? "answered" : closed ? "closed" : "hung";
  if (end === "hung") socket.destroy();
  const reading = read("server", came, undefined, { textLines: true });
  return { end, reading, words: reading.packets.map(inWords), socket: end === "answered" ? socket : undefined };
}

/** In one piece, or in many: what the first byte says. */
function inPieces(socket: Socket, stream: Uint8Array, cuts: number): void {
  const randoms = new Randoms(cuts);
  const most = cuts % 2 ? stream.length : 1 + cuts;
  for (let at = 0; at < stream.length; ) {
    const size = 1 + randoms.below(stream.length > 2_000 ? stream.length : most);
    socket.write(stream.subarray(at, at + size));
    at += size;
  }
}

function inWords({ type, args, data }: Reading["packets"][number]): string {
  const text = new TextDecoder();
  if (type === 0) return /^(OK|ERR \w+|\.)?/.exec(text.decode(data))?.[0] || "row";
  return type === ERROR ? `${type} ${text.decode(args[0])}` : String(type);
}
