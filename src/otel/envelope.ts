/*
 * The envelope in which a trace travels with a workload:
 *
 *     16 bytes   the marker
 *      1 byte    the version, 1
 *      2 bytes   the length of the header, big end first
 *      header    JSON in UTF-8: an object of strings, e.g. {"traceparent":"00-…","tracestate":"…"}
 *      the rest  the workload, byte for byte
 *
 * No text begins as the marker does: 0xFF is in no UTF-8. Bytes of another kind do so once in 2^112, or because somebody
 * means to: what begins with a marker before it is sent always gets an envelope, so that it comes out as it went in.
 */
import { byteLength } from "../connection/check.js";

/** What the propagators of OpenTelemetry write into and read from. */
export type Carrier = Record<string, string>;

const MARKER = Uint8Array.of(
  ...[0xff, 0x00, 0x72, 0x40, 0x45, 0xea, 0x43, 0xf4, 0x66, 0x69, 0xd1, 0x6e, 0x31, 0xb3, 0x69, 0x18],
);
const VERSION = 1;
const FIXED_SIZE = MARKER.length + 3;
const MAX_HEADER_SIZE = 0xffff;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Puts a workload into an envelope, if there is something to put on it. One that would be too large with it goes without:
 * a job is worth more than its trace.
 * @param room how many bytes it may have
 * @throws TypeError when it goes without, and would be taken for an envelope
 */
export function seal(carrier: Carrier, workload: string | Uint8Array, room: number): string | Uint8Array {
  const marked = typeof workload !== "string" && isMarked(workload);
  const some = Object.keys(carrier).length > 0;
  if (!some && !marked) return workload;
  let header = encoder.encode(JSON.stringify(carrier));
  if (header.length > MAX_HEADER_SIZE) {
    if (!marked) return workload;
    header = encoder.encode("{}");
  }
  const size = typeof workload === "string" ? byteLength(workload) : workload.length;
  const begin = FIXED_SIZE + header.length;
  if (begin + size > room) {
    if (!marked) return workload;
    throw new TypeError("the workload begins like the envelope of a trace, and is too large to get one of its own");
  }
  const sealed = new Uint8Array(begin + size);
  sealed.set(MARKER);
  sealed.set([VERSION, header.length >> 8, header.length & 0xff], MARKER.length);
  sealed.set(header, FIXED_SIZE);
  if (typeof workload === "string") encoder.encodeInto(workload, sealed.subarray(begin));
  else sealed.set(workload, begin);
  return sealed;
}

/** An envelope that was taken off. */
export interface Opened {
  readonly carrier: Carrier;
  /** The envelope's bytes, without the workload. */
  readonly envelope: Uint8Array;
  readonly workload: Uint8Array;
}

/**
 * Takes a workload out of its envelope; undefined when it is in none.
 * @throws Error when it is in one that can't be read: its bytes are no workload
 */
export function open(bytes: Uint8Array): Opened | undefined {
  if (!isMarked(bytes)) return undefined;
  const version = bytes[MARKER.length];
  if (version !== undefined && version !== VERSION)
    throw new Error(
      `the workload is in a trace's envelope of version ${version}, and this Edgear reads ${VERSION} only`,
    );
  const [high = 0, low = 0] = bytes.subarray(MARKER.length + 1);
  const begin = FIXED_SIZE + (high << 8) + low;
  if (bytes.length < begin) throw new Error("the workload is in a trace's envelope that is cut off");
  return {
    carrier: readHeader(bytes.subarray(FIXED_SIZE, begin)),
    envelope: bytes.slice(0, begin),
    // A buffer of its own, as every workload has.
    workload: bytes.slice(begin),
  };
}

/** What a header says; nothing when it makes no sense. That costs a trace, and no job. */
function readHeader(header: Uint8Array): Carrier {
  try {
    const read: unknown = JSON.parse(decoder.decode(header));
    if (typeof read !== "object" || read === null) return {};
    return Object.fromEntries(Object.entries(read).filter(([, value]) => typeof value === "string"));
  } catch {
    return {};
  }
}

function isMarked(bytes: Uint8Array): boolean {
  return bytes.length >= MARKER.length && MARKER.every((byte, index) => bytes[index] === byte);
}
