/**
 * The Gearman codec as one writes it in plain JavaScript, with care: nothing is copied that need not be, separators are
 * found by `indexOf`, handles and names become strings, payloads are views. It is what Edgear's codec is measured against.
 */

const REQUEST = 0x00524551;
const HEADER = 12;

export const Type = {
  CAN_DO: 1,
  PRE_SLEEP: 4,
  NOOP: 6,
  SUBMIT_JOB: 7,
  JOB_CREATED: 8,
  GRAB_JOB: 9,
  NO_JOB: 10,
  JOB_ASSIGN: 11,
  WORK_STATUS: 12,
  WORK_COMPLETE: 13,
  WORK_FAIL: 14,
  GET_STATUS: 15,
  ECHO_RES: 17,
  SUBMIT_JOB_BG: 18,
  ERROR: 19,
  STATUS_RES: 20,
};

/** How many arguments come before the data, by packet type; of those with no data the last argument has no NUL behind. */
const ARGUMENTS = new Uint8Array(64);
/** Whether data follows them. */
const DATA = new Uint8Array(64);
for (const [type, count, data] of [
  [Type.JOB_CREATED, 1, 0],
  [Type.JOB_ASSIGN, 2, 1],
  [Type.WORK_STATUS, 3, 0],
  [Type.WORK_COMPLETE, 1, 1],
  [Type.WORK_FAIL, 1, 0],
  [Type.ECHO_RES, 0, 1],
  [Type.ERROR, 2, 0],
  [Type.STATUS_RES, 5, 0],
]) {
  ARGUMENTS[type ?? 0] = count ?? 0;
  DATA[type ?? 0] = data ?? 0;
}

/**
 * One packet of a request: arguments, and data behind them when it has some.
 * @param {number} type
 * @param {string[]} args
 * @param {Uint8Array} [data]
 * @returns {Buffer}
 */
export function encode(type, args, data) {
  let size = data ? data.length + args.length : Math.max(0, args.length - 1);
  for (const arg of args) size += Buffer.byteLength(arg);
  const packet = Buffer.allocUnsafe(HEADER + size);
  packet.writeUInt32BE(REQUEST, 0);
  packet.writeUInt32BE(type, 4);
  packet.writeUInt32BE(size, 8);
  let at = HEADER;
  for (let index = 0; index < args.length; index++) {
    at += packet.write(/** @type {string} */ (args[index]), at);
    if (data || index < args.length - 1) packet[at++] = 0;
  }
  if (data) packet.set(data, at);
  return packet;
}

/** Takes a byte stream apart. */
export class Decoder {
  /** @type {Buffer | undefined} */
  #rest;
  #onPacket;

  /** @param {(type: number, args: string[], data: Buffer | undefined) => void} onPacket */
  constructor(onPacket) {
    this.#onPacket = onPacket;
  }

  /** @param {Buffer} chunk */
  write(chunk) {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= HEADER) {
      const end = at + HEADER + bytes.readUInt32BE(at + 8);
      if (end > bytes.length) break;
      const type = bytes.readUInt32BE(at + 4);
      const count = ARGUMENTS[type] ?? 0;
      const withData = DATA[type] === 1;
      const args = [];
      let begin = at + HEADER;
      for (let index = 0; index < count; index++) {
        const last = !withData && index === count - 1;
        const stop = last ? end : bytes.indexOf(0, begin);
        if (stop < 0 || stop > end) throw new Error(`a packet of type ${type} misses an argument`);
        args.push(bytes.toString("latin1", begin, stop));
        begin = stop + 1;
      }
      this.#onPacket(type, args, withData ? bytes.subarray(begin, end) : undefined);
      at = end;
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined;
  }
}
