/**
 * The same work by both codecs, the plain JavaScript one and Edgear's: each case is done once by calling it, and says
 * what it has seen, so that nobody can leave anything out.
 */
import { PacketType } from "../../build/assembly/protocol.js";
import { Codec } from "../../build/src/codec/index.js";
import { Decoder, encode, Type } from "../plain/codec.mjs";
import { completed, created, IN_FLIGHT, mixed } from "./streams.mjs";

/** Packets of a batch, which one write carries. */
export const BATCH = 1_000;

const small = Buffer.alloc(16, "x");
const large = Buffer.alloc(1024, "x");

/**
 * @typedef {object} Case
 * @property {number} packets of one call
 * @property {number} bytes
 * @property {() => number} plain what it gives must be the same on both sides
 * @property {() => number} edgear
 */

/** @type {Record<string, Case>} */
export const CASES = {
  "decode JOB_CREATED": { ...size(created), ...decodeCreated() },
  "decode WORK_COMPLETE 16 B": { ...size(completed), ...decodeCompleted() },
  "decode mixed": { ...size(mixed), ...decodeMixed() },
  "encode SUBMIT_JOB_BG 16 B": { packets: BATCH, bytes: 0, ...encodeSubmits(small) },
  "encode SUBMIT_JOB_BG 1 KiB": { packets: BATCH, bytes: 0, ...encodeSubmits(large) },
};

function size(/** @type {{ packets: number, bytes: number }} */ { packets, bytes }) {
  return { packets, bytes };
}

/** Answers to background submits: whoever waits is given the handle. */
function decodeCreated() {
  let seen = 0;
  const decoder = new Decoder((type, args) => {
    if (type === Type.JOB_CREATED && args[0]) seen++;
  });
  const codec = new Codec({ peer: "server" }, (frame) => {
    if (frame.type === PacketType.JOB_CREATED && codec.decoder.handle(frame).number) seen++;
  });
  return sides(created.chunks, decoder, codec, () => seen);
}

/** Results: the job is looked up by its handle, and the payload handed out. */
function decodeCompleted() {
  let seen = 0;
  /** @type {Map<string, { done: number }>} */
  const jobs = new Map();
  const decoder = new Decoder((type, args, data) => {
    const [handle = ""] = args;
    if (type === Type.JOB_CREATED) jobs.set(handle, { done: 0 });
    const job = jobs.get(handle);
    if (type === Type.WORK_COMPLETE && job && data) seen += data.length;
  });
  /** @type {{ done: number }[]} */
  const slots = [];
  const codec = new Codec({ peer: "server" }, (frame) => {
    if (frame.type === PacketType.JOB_CREATED) slots[codec.decoder.bind(frame)] = { done: 0 };
    else {
      const job = slots[frame.slot];
      if (frame.type === PacketType.WORK_COMPLETE && job) seen += frame.data().length;
    }
  });
  for (const chunk of created.chunks) {
    decoder.write(chunk);
    feed(codec, chunk);
  }
  return sides(completed.chunks, decoder, codec, () => seen);
}

/** Whole lives of jobs: bound, told of, ended and forgotten. */
function decodeMixed() {
  let seen = 0;
  /** @type {Map<string, { progress: number }>} */
  const jobs = new Map();
  const decoder = new Decoder((type, args, data) => {
    const [handle = ""] = args;
    if (type === Type.JOB_CREATED) jobs.set(handle, { progress: 0 });
    else if (type === Type.WORK_STATUS) {
      const job = jobs.get(handle);
      if (job) job.progress = Number(args[1]) / Number(args[2]);
    } else if (type === Type.WORK_COMPLETE) {
      const job = jobs.get(handle);
      jobs.delete(handle);
      if (job && data) seen += data.length;
    }
  });
  /** @type {({ progress: number } | undefined)[]} */
  const slots = Array(IN_FLIGHT);
  const codec = new Codec({ peer: "server" }, (frame) => {
    const { type } = frame;
    if (type === PacketType.JOB_CREATED) {
      slots[codec.decoder.bind(frame)] = { progress: 0 };
      return;
    }
    const slot = frame.slot < 0 ? codec.decoder.lookUp(frame) : frame.slot;
    const job = slots[slot];
    if (type === PacketType.WORK_STATUS) {
      if (job) job.progress = frame.integer(1) / frame.integer(2);
    } else if (type === PacketType.WORK_COMPLETE) {
      slots[slot] = undefined;
      codec.decoder.unbind(slot);
      if (job) seen += frame.data().length;
    }
  });
  return sides(mixed.chunks, decoder, codec, () => seen);
}

/**
 * @param {Buffer[]} chunks
 * @param {Decoder} decoder
 * @param {Codec} codec
 * @param {() => number} seen counts on from call to call
 */
function sides(chunks, decoder, codec, seen) {
  const counted = (/** @type {(chunk: Buffer) => void} */ write) => () => {
    const before = seen();
    for (const chunk of chunks) write(chunk);
    return seen() - before;
  };
  return { plain: counted((chunk) => decoder.write(chunk)), edgear: counted((chunk) => feed(codec, chunk)) };
}

/** As a socket does it: the bytes are copied into the window, as the kernel would, and told of. */
function feed(/** @type {Codec} */ { decoder }, /** @type {Buffer} */ chunk) {
  decoder.write(chunk);
}

/** Submits with generated uniques, as a batch that a socket could write. */
function encodeSubmits(/** @type {Buffer} */ workload) {
  const prefix = "0123456789ab";
  let plainSerial = 0;
  let serial = 0;
  const codec = new Codec({ peer: "server", uniquePrefix: prefix }, () => {});
  const total = (/** @type {Uint8Array[]} */ parts) => parts.reduce((sum, { length }) => sum + length, 0);
  // A serial number of one length, so that both sides write as many bytes.
  const next = (/** @type {number} */ last) => (last % 30_000) + 1;
  return {
    plain() {
      const parts = [];
      for (let each = 0; each < BATCH; each++) {
        plainSerial = next(plainSerial);
        parts.push(encode(Type.SUBMIT_JOB_BG, ["resize", prefix + plainSerial.toString(32)], workload));
      }
      return total(parts);
    },
    edgear() {
      for (let each = 0; each < BATCH; each++) {
        serial = next(serial);
        codec.encoder.submit(PacketType.SUBMIT_JOB_BG, "resize", serial, workload);
      }
      return total(codec.encoder.take());
    },
  };
}
