/** What a job server sends, as it comes in: in chunks of 64 KiB, cut wherever that is. */

export const CHUNK = 65536;
/** Jobs in flight at once. */
export const IN_FLIGHT = 1_000;

const RESPONSE = 0x00524553;
const [JOB_CREATED, WORK_STATUS, WORK_COMPLETE] = [8, 12, 13];

const handle = (/** @type {number} */ job) => `H:server-1.example:${100_001 + job}`;
const jobs = Array.from({ length: IN_FLIGHT }, (_, job) => job);

/** The answers to submits: they bind the handles. */
export const created = chunks(jobs.map((job) => packet(JOB_CREATED, handle(job))));

/** Results of 16 bytes, of jobs in another order than they were submitted in. */
export const completed = chunks(jobs.map((job) => packet(WORK_COMPLETE, `${handle((job * 7) % IN_FLIGHT)}\0`, 16)));

/** Whole lives of jobs: created, told of, and ended, by 16 bytes and by 1 KiB in turn. */
export const mixed = chunks([
  ...jobs.map((job) => packet(JOB_CREATED, handle(job))),
  ...jobs.flatMap((job) => [
    packet(WORK_STATUS, `${handle(job)}\0${job}\x001000`),
    packet(WORK_COMPLETE, `${handle(job)}\0`, job % 2 ? 1024 : 16),
  ]),
]);

/**
 * @param {number} type
 * @param {string} args
 * @param {number} [data] bytes of data behind them
 */
function packet(type, args, data = 0) {
  const bytes = Buffer.alloc(12 + args.length + data, "x");
  bytes.writeUInt32BE(RESPONSE, 0);
  bytes.writeUInt32BE(type, 4);
  bytes.writeUInt32BE(args.length + data, 8);
  bytes.write(args, 12, "latin1");
  return bytes;
}

/** @param {Buffer[]} packets */
function chunks(packets) {
  const bytes = Buffer.concat(packets);
  const parts = [];
  for (let at = 0; at < bytes.length; at += CHUNK) parts.push(Buffer.from(bytes.subarray(at, at + CHUNK)));
  return { chunks: parts, packets: packets.length, bytes: bytes.length };
}
