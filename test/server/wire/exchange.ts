/*
 * Exchanges over the wire as data, and how one is run against a server: who says what, and what all connections got
 * after each step, byte for byte.
 */
import type { JobServerOptions } from "edgear/server";
import { header, TYPES } from "../../codec/packets.ts";
import { Raw } from "../../support/raw.ts";

/**
 * One step: a connection's name, what it does, and with what. A packet is named by its type, and followed by its
 * arguments and data. `TEXT` sends a line of the text protocol, `BYTES` bytes (one character each), `RES`
 * a packet with a response's magic, `BODY` a packet whose body is given as it stands. `CLOSE` closes the connection,
 * `WAIT` lets so many milliseconds pass, `END` expects the server to close it. `{in 600}` in an argument is the time in
 * 600 seconds, in seconds since 1970.
 */
export type Step = readonly [who: string, what: string, ...rest: string[]];

export interface Exchange {
  readonly steps: readonly Step[];
  /** More of gearmand's command line, and what it is for JobServer. */
  readonly gearmand?: readonly string[];
  readonly jobServer?: JobServerOptions;
  /** Whether handles begin with `PREFIX`, or as they do by default; default true. */
  readonly prefix?: boolean;
  /** By number of the step, from 0: where the servers answer differently on purpose, and what. */
  readonly differs?: Readonly<Record<number, Difference>>;
  /** Only JobServer is asked: gearmand would never answer, or crash. */
  readonly alone?: boolean;
}

export interface Difference {
  /** Not given: now this, now that. */
  readonly gearmand?: readonly string[];
  readonly jobServer: readonly string[];
}

/** What handles begin with, on both servers. */
export const PREFIX = "H:test";

const NUMBERS = new Map(TYPES.map(([number, name, args, data]) => [name, { number, args, data }]));
const NAMES = new Map(TYPES.map(([number, name]) => [number, name]));

/** The connection that watches others go. */
const WATCH = "WATCH";

/** Runs an exchange. For each step: what came, to whom. */
export async function run(port: number, steps: readonly Step[]): Promise<string[][]> {
  const connections = new Map<string, Raw>();
  const connection = async (who: string): Promise<Raw> => {
    const known = connections.get(who);
    if (known) return known;
    const opened = await Raw.connect(port);
    connections.set(who, opened);
    return opened;
  };
  try {
    const transcript: string[][] = [];
    const watch = await connection(WATCH);
    // Whoever saw that the server was up may not be gone yet.
    await untilThereAre(1, watch);
    const unfinished = new Set<string>();
    for (const [who, what, ...rest] of steps) {
      if (what === "BYTES") unfinished.add(who);
      else unfinished.delete(who);
      if (what === "WAIT") await new Promise((resolve) => setTimeout(resolve, Number(rest[0])));
      else if (what === "CLOSE") {
        const before = await count(watch);
        await (await connection(who)).close();
        connections.delete(who);
        await untilThereAre(before - 1, watch);
      } else if (what === "END") await (await connection(who)).end();
      else (await connection(who)).send(encode(what, rest));
      transcript.push(await collect(connections, unfinished, who));
    }
    return transcript;
  } finally {
    for (const each of connections.values()) await each.close();
  }
}

/**
 * What all connections got, the speaker first: once it has its echo, all that its packet causes is on its way. Those in
 * the middle of a packet can't be asked.
 */
async function collect(connections: Map<string, Raw>, unfinished: ReadonlySet<string>, speaker: string) {
  const got: string[] = [];
  const names = [...connections.keys()].filter((name) => name !== WATCH && name !== speaker);
  for (const name of [speaker, ...names]) {
    const connection = connections.get(name);
    if (!connection || unfinished.has(name)) continue;
    const bytes = await connection.received();
    got.push(...render(bytes).map((line) => `${name}: ${line}`));
    if (!connection.open) {
      got.push(`${name}: closed`);
      connections.delete(name);
    }
  }
  return got;
}

/** How many connections the server has. */
async function count(watch: Raw): Promise<number> {
  watch.send(latin1("workers\r\n"));
  return (await watch.received()).filter((byte) => byte === 0x0a).length - 1;
}

async function untilThereAre(connections: number, watch: Raw): Promise<void> {
  while ((await count(watch)) > connections) await new Promise((resolve) => setTimeout(resolve, 5));
}

export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function encode(what: string, given: readonly string[]): Uint8Array {
  const parts = given.map((part) =>
    part.replace(/\{in (-?\d+)\}/, (_, seconds) => String(Math.floor(Date.now() / 1000) + Number(seconds))),
  );
  if (what === "BYTES") return latin1(parts.join(""));
  if (what === "TEXT") return latin1(parts.join("").replace(/(?<!\n)$/, "\r\n"));
  if (what === "BODY" || what === "RES") {
    const [type = "", body = ""] = parts;
    const sender = what === "RES" ? "server" : "client";
    return join([header(sender, numberOf(type), body.length), latin1(body)]);
  }
  const layout = NUMBERS.get(what);
  if (!layout) throw new Error(`there is no packet ${what}`);
  const { number, args, data } = layout;
  if (parts.length < args || parts.length > args + (data ? 1 : 0)) throw new Error(`the test gives a wrong ${what}`);
  const body = data && parts.length === args ? `${parts.join("\0")}${args ? "\0" : ""}` : parts.join("\0");
  return join([header("client", number, body.length), latin1(body)]);
}

function numberOf(type: string): number {
  return NUMBERS.get(type)?.number ?? Number(type);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** Bytes from a server as lines that show each of them: a packet's type and body, or a line of text. */
function render(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  const text = Buffer.from(bytes).toString("latin1");
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at);
      if (text.slice(at, at + 4) !== "\0RES") throw new Error(`no packet: ${text.slice(at)}`);
      const end = at + 12 + view.getUint32(8);
      const body = text.slice(at + 12, end);
      lines.push(`${NAMES.get(view.getUint32(4))}${body && " "}${body}`);
      at = end;
    } else {
      const end = text.indexOf("\n", at) + 1;
      // gearmand shows a file descriptor there, JobServer a number of its own.
      lines.push(text.slice(at, end).replace(/^\d+ (127\.0\.0\.1 )/, "FD $1"));
      at = end;
    }
  }
  return inOrder(lines);
}

/** Lists of the text protocol are in an order of no meaning, that of gearmand's hash tables: here they are sorted. */
function inOrder(lines: readonly string[]): string[] {
  const end = lines.indexOf(".\n");
  return end < 0 ? [...lines] : [...lines.slice(0, end).sort(), ".\n", ...lines.slice(end + 1)];
}
