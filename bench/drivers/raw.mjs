/** What raw.c does, in JavaScript: what the runtime's sockets let through. It runs on Node, Deno and Bun. */
import { once } from "node:events";
import { connect } from "node:net";
import { encode, Type } from "../plain/codec.mjs";
import { cannot, measure, task, workerStopwatch } from "./harness.mjs";

/** Packets with a larger workload are few in a batch. */
const BATCH_BYTES = 1 << 20;
/** A larger packet's workload isn't copied. */
const SHARED = 4_096;
const UNIQUE_SIZE = 16;
const DIGITS = Buffer.from("0123456789abcdefghijklmnopqrstuv");
let serial = 0;

const asked = task();
const { job, port, window, size, grabs, function: name } = asked;
const socket = connect({ port, host: "127.0.0.1", noDelay: true });
await once(socket, "connect");

/** @type {(type: number, bytes: Buffer, begin: number, end: number) => void} */
let onPacket = () => {};
let onChunk = () => {};
let rest = Buffer.alloc(0);
socket.on("data", (chunk) => {
  const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
  let at = 0;
  while (bytes.length - at >= 12) {
    const end = at + 12 + bytes.readUInt32BE(at + 8);
    if (end > bytes.length) break;
    onPacket(bytes.readUInt32BE(at + 4), bytes, at + 12, end);
    at = end;
  }
  rest = bytes.subarray(at);
  onChunk();
});

if (job === "worker") work();
else if (job === "status") {
  const handle = await waitingJob();
  const packet = encode(Type.GET_STATUS, [handle]);
  await measure(asked, (count) => requests(count, packet, 0, Type.STATUS_RES));
} else if (job === "background" || job === "foreground") {
  const background = job === "background";
  const type = background ? Type.SUBMIT_JOB_BG : Type.SUBMIT_JOB;
  const unique = Math.random().toString(32).slice(2).padEnd(12, "0").slice(0, 12).padEnd(UNIQUE_SIZE, "0");
  const packet = encode(type, [name, unique], Buffer.alloc(size, "x"));
  const run = (/** @type {number} */ count) =>
    requests(count, packet, 12 + name.length + 1 + UNIQUE_SIZE, background ? Type.JOB_CREATED : Type.WORK_COMPLETE);
  await measure(asked, run, () => run(1));
} else cannot(`no ${job}`);

/**
 * Sends so many copies of a packet, and counts the answers.
 * @param {number} count
 * @param {Buffer} packet
 * @param {number} uniqueEnd where the digits of its unique end; 0: it has none
 * @param {number} answer
 * @returns {Promise<void>}
 */
function requests(count, packet, uniqueEnd, answer) {
  const batch = Math.max(1, Math.min(window, Math.floor(BATCH_BYTES / packet.length)));
  let sent = 0;
  let answered = 0;
  // As raw.c does: many small writes take gearmand half of its speed.
  const least = Math.min(window >> 1, batch);
  const send = () => {
    for (;;) {
      const left = count - sent;
      const packets = Math.min(batch, left, window - (sent - answered));
      if (packets === 0 || (packets < least && packets < left)) return;
      sent += packets;
      if (packet.length > SHARED) sendParts(packet, packets, uniqueEnd);
      else sendCopies(packet, packets, uniqueEnd);
    }
  };
  return new Promise((resolve) => {
    onPacket = (type) => {
      if (type === answer) answered++;
    };
    onChunk = () => {
      if (answered === count) resolve();
      else send();
    };
    send();
  });
}

/**
 * @param {Buffer} packet
 * @param {number} count
 * @param {number} uniqueEnd
 */
function sendCopies(packet, count, uniqueEnd) {
  const bytes = Buffer.allocUnsafe(count * packet.length);
  for (let at = 0; at < bytes.length; at += packet.length) {
    packet.copy(bytes, at);
    if (uniqueEnd) stamp(bytes, at + uniqueEnd);
  }
  socket.write(bytes);
}

/**
 * All share the workload, which goes out as a part of its own.
 * @param {Buffer} packet
 * @param {number} count
 * @param {number} uniqueEnd
 */
function sendParts(packet, count, uniqueEnd) {
  const workload = packet.subarray(uniqueEnd + 1);
  socket.cork();
  for (let each = 0; each < count; each++) {
    const head = Buffer.from(packet.subarray(0, uniqueEnd + 1));
    stamp(head, uniqueEnd);
    socket.write(head);
    socket.write(workload);
  }
  socket.uncork();
}

/** Another unique for each job: seven digits. */
function stamp(/** @type {Buffer} */ bytes, /** @type {number} */ end) {
  serial++;
  for (let at = end - 1, value = serial; value > 0; at--, value >>>= 5) bytes[at] = DIGITS[value & 31] ?? 0;
}
/** @returns {Promise<string>} the handle of a job that nobody works off */
function waitingJob() {
  return new Promise((resolve) => {
    onPacket = (_, bytes, begin, end) => resolve(bytes.toString("latin1", begin, end));
    socket.write(encode(Type.SUBMIT_JOB_BG, ["waiting", ""], Buffer.from("x")));
  });
}

function work() {
  const done = workerStopwatch(asked);
  const grab = encode(Type.GRAB_JOB, []);
  /** @type {Buffer[]} */
  let parts = [encode(Type.CAN_DO, [name]), ...Array(grabs).fill(grab)];
  let out = grabs;
  onPacket = (type, bytes, begin, end) => {
    if (type === Type.JOB_ASSIGN) {
      const handleEnd = bytes.indexOf(0, begin) + 1;
      const data = bytes.indexOf(0, handleEnd) + 1;
      const head = Buffer.allocUnsafe(12);
      head.writeUInt32BE(0x00524551, 0);
      head.writeUInt32BE(Type.WORK_COMPLETE, 4);
      head.writeUInt32BE(handleEnd - begin + end - data, 8);
      parts.push(head, bytes.subarray(begin, handleEnd), bytes.subarray(data, end), grab);
      done();
    } else if (type === Type.NO_JOB && --out === 0) parts.push(encode(Type.PRE_SLEEP, []));
    else if (type === Type.NOOP) for (; out < grabs; out++) parts.push(grab);
  };
  onChunk = () => {
    if (parts.length > 0) socket.write(Buffer.concat(parts));
    parts = [];
  };
  onChunk();
}
