/*
 * The tests' own writer and reader of packets. The table is written down anew from the protocol, and nothing here is
 * the library's, so that its encoder and decoder don't judge each other.
 */

/** Every packet type: its number, its name, how many arguments it has, and whether data follows them. */
export const TYPES: readonly (readonly [type: number, name: string, args: number, data: boolean])[] = [
  [1, "CAN_DO", 1, false],
  [2, "CANT_DO", 1, false],
  [3, "RESET_ABILITIES", 0, false],
  [4, "PRE_SLEEP", 0, false],
  [5, "UNUSED", 0, false],
  [6, "NOOP", 0, false],
  [7, "SUBMIT_JOB", 2, true],
  [8, "JOB_CREATED", 1, false],
  [9, "GRAB_JOB", 0, false],
  [10, "NO_JOB", 0, false],
  [11, "JOB_ASSIGN", 2, true],
  [12, "WORK_STATUS", 3, false],
  [13, "WORK_COMPLETE", 1, true],
  [14, "WORK_FAIL", 1, false],
  [15, "GET_STATUS", 1, false],
  [16, "ECHO_REQ", 0, true],
  [17, "ECHO_RES", 0, true],
  [18, "SUBMIT_JOB_BG", 2, true],
  [19, "ERROR", 2, false],
  [20, "STATUS_RES", 5, false],
  [21, "SUBMIT_JOB_HIGH", 2, true],
  [22, "SET_CLIENT_ID", 1, false],
  [23, "CAN_DO_TIMEOUT", 2, false],
  [24, "ALL_YOURS", 0, false],
  [25, "WORK_EXCEPTION", 1, true],
  [26, "OPTION_REQ", 1, false],
  [27, "OPTION_RES", 1, false],
  [28, "WORK_DATA", 1, true],
  [29, "WORK_WARNING", 1, true],
  [30, "GRAB_JOB_UNIQ", 0, false],
  [31, "JOB_ASSIGN_UNIQ", 3, true],
  [32, "SUBMIT_JOB_HIGH_BG", 2, true],
  [33, "SUBMIT_JOB_LOW", 2, true],
  [34, "SUBMIT_JOB_LOW_BG", 2, true],
  [35, "SUBMIT_JOB_SCHED", 7, true],
  [36, "SUBMIT_JOB_EPOCH", 3, true],
  [37, "SUBMIT_REDUCE_JOB", 4, true],
  [38, "SUBMIT_REDUCE_JOB_BACKGROUND", 4, true],
  [39, "GRAB_JOB_ALL", 0, false],
  [40, "JOB_ASSIGN_ALL", 4, true],
  [41, "GET_STATUS_UNIQUE", 1, false],
  [42, "STATUS_RES_UNIQUE", 6, false],
];

/** Types whose first argument, when a server sends them, is the handle of a job: 1 to 63 bytes. */
export const ABOUT_A_JOB: ReadonlySet<number> = new Set([8, 11, 12, 13, 14, 25, 28, 29, 31, 40]);

/** The two whose handle some servers close with a NUL, though nothing follows it. */
const CLOSED_BY_SOME: ReadonlySet<number> = new Set([8, 14]);

/** Who sent the bytes: that decides the magic, and which rules hold. */
export type Sender = "server" | "client";

export interface Packet {
  readonly type: number;
  readonly args: readonly Uint8Array[];
  readonly data: Uint8Array;
  /** Whether it came with the other direction's magic, and was let pass. */
  readonly foreign?: true;
}

/** The largest packet, header included, whose arguments need not fit a window of 64 KiB. */
const WINDOW = 65_536;

export function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? new TextEncoder().encode(value) : value;
}

export function packet(
  type: number,
  args: readonly (string | Uint8Array)[] = [],
  data: string | Uint8Array = "",
): Packet {
  return { type, args: args.map(bytesOf), data: bytesOf(data) };
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A header of any kind, right or wrong. */
export function header(sender: Sender, type: number, size: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sender === "server" ? 0x00524553 : 0x00524551);
  view.setUint32(4, type);
  view.setUint32(8, size);
  return bytes;
}

/** A packet as it travels. */
export function write(sender: Sender, { type, args, data }: Packet): Uint8Array {
  const [, name, count, withData] = TYPES[type - 1] ?? [0, "?", 0, false];
  if (args.length !== count || (data.length > 0 && !withData)) throw new Error(`the test writes a wrong ${name}`);
  const nul = new Uint8Array(1);
  const body = concat([
    ...args.flatMap((arg, index) => (withData || index < count - 1 ? [arg, nul] : [arg])),
    ...(withData ? [data] : []),
  ]);
  return concat([header(sender, type, body.length), body]);
}

export function writeAll(sender: Sender, packets: readonly Packet[]): Uint8Array {
  return concat(packets.map((each) => write(sender, each)));
}

/** JOB_CREATED packets, of the jobs H:a:0, H:a:1 and so on. */
export function created(count: number): Uint8Array {
  return writeAll(
    "server",
    Array.from({ length: count }, (_, number) => packet(8, [`H:a:${number}`])),
  );
}

/** What a stream is found to be: the packets before its first fault, or before its incomplete end. */
export interface Reading {
  readonly packets: Packet[];
  readonly fault:
    | "magic"
    | "type"
    | "size"
    | "body"
    | "argument"
    | "arguments too long"
    | "handle"
    | "line"
    | undefined;
  /** How many bytes make up those packets. */
  readonly length: number;
}

/** What is let pass: lines of text between packets; of clients, a server's magic, and bodies where none belong. */
export interface Leniency {
  readonly textLines?: boolean;
  readonly lenient?: boolean;
}

/** Reads a stream by the protocol's rules, one byte after the other. */
export function read(
  sender: Sender,
  stream: Uint8Array,
  maxPacketSize = 64 * 1024 * 1024,
  { textLines = false, lenient = false }: Leniency = {},
): Reading {
  const packets: Packet[] = [];
  let at = 0;
  const found = (fault?: Reading["fault"]): Reading => ({ packets, fault, length: at });
  const begins = (rest: Uint8Array, magic: Uint8Array) =>
    magic.every((byte, index) => index >= rest.length || rest[index] === byte);
  const magic = header(sender, 0, 0).subarray(0, 4);
  const letPass = header("server", 0, 0).subarray(0, 4);
  while (at < stream.length) {
    const rest = stream.subarray(at);
    if (textLines && rest[0] !== 0) {
      const limit = lenient ? 8_192 : WINDOW;
      const end = rest.subarray(0, limit).indexOf(0x0a);
      if (end < 0) return found(rest.length < limit ? undefined : "line");
      packets.push({ type: 0, args: [], data: rest.slice(0, end) });
      at += end + 1;
      continue;
    }
    const foreign = !begins(rest, magic);
    if (foreign && !(lenient && begins(rest, letPass))) return found("magic");
    if (rest.length < 8) return found();
    const view = new DataView(rest.buffer, rest.byteOffset, rest.length);
    const type = view.getUint32(4);
    const layout = TYPES.find(([number]) => number === type);
    if (!layout) return found("type");
    if (rest.length < 12) return found();
    const size = view.getUint32(8);
    if (size > maxPacketSize) return found("size");
    const [, , count, withData] = layout;
    if (size > 0 && count === 0 && !withData && !lenient) return found("body");
    const large = 12 + size > WINDOW;
    if (large && !withData) return found("arguments too long");
    if (!large && rest.length < 12 + size) return found();
    // The arguments of a large packet are read from the first window of it.
    const body = rest.subarray(12, Math.min(12 + size, large ? WINDOW : 12 + size));
    const args: Uint8Array[] = [];
    let begin = 0;
    while (args.length < (withData ? count : count - 1)) {
      const end = body.indexOf(0, begin);
      if (end < 0) {
        if (large && rest.length < WINDOW) return found();
        return found(large ? "arguments too long" : "argument");
      }
      args.push(body.slice(begin, end));
      begin = end + 1;
    }
    if (args.length < count) args.push(body.slice(begin));
    if (sender === "server" && ABOUT_A_JOB.has(type)) {
      if (CLOSED_BY_SOME.has(type) && args[0]?.at(-1) === 0) args[0] = args[0].slice(0, -1);
      const handle = args[0] ?? new Uint8Array();
      if (handle.length < 1 || handle.length > 63 || handle.includes(0)) return found("handle");
    }
    if (rest.length < 12 + size) return found();
    const data = withData ? rest.slice(12 + begin, 12 + size) : new Uint8Array();
    packets.push({ type, args, data, ...(foreign && { foreign }) });
    at += 12 + size;
  }
  return found();
}
