/* What a worker says of a job that it has: WORK_STATUS, WORK_DATA and WORK_WARNING, and the three that end it. */
import { MAX_HANDLE_SIZE, PacketType } from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import { cString, toArgument, unsigned } from "./bytes.js";
import { ERRORS, type Refusal } from "./errors.js";
import type { Peer } from "./job.js";
import type { Jobs } from "./jobs.js";

/** The longest denominator of a WORK_STATUS that is taken, in bytes; one above is dropped. gearmand reads ten of them. */
const MAX_DENOMINATOR_SIZE = 11;
const DENOMINATOR_DIGITS = 10;

/** A connection that asks for something. */
export interface Requester extends Peer {
  readonly jobs: Jobs;
  /** Answers with an ERROR packet. */
  refuse(refusal: Refusal): void;
}

export function workStatus(frame: Frame, worker: Requester): void {
  const job = worker.jobs.grabbed(cString(frame, 0), worker);
  if (!job) {
    worker.refuse(ERRORS.NO_SUCH_RESULT);
    return;
  }
  const numerator = cString(frame, 1);
  const denominator = cString(frame, 2);
  job.numerator = unsigned(numerator);
  if (denominator.length > MAX_DENOMINATOR_SIZE) return;
  job.denominator = unsigned(denominator.slice(0, DENOMINATOR_DIGITS));
  const args = [job.handle, toArgument(numerator), toArgument(denominator)];
  job.tell((client) => client.packet(PacketType.WORK_STATUS, args));
  worker.jobs.observer?.job("status", job, {});
}

export function workData(frame: Frame, worker: Requester): void {
  const job = worker.jobs.grabbed(cString(frame, 0), worker);
  if (!job) {
    worker.refuse(ERRORS.NO_SUCH_JOB);
    return;
  }
  const { type } = frame;
  const bytes = frame.data();
  job.tell((client) => client.packet(type, [job.handle], bytes));
  worker.jobs.observer?.job(type === PacketType.WORK_DATA ? "data" : "warning", job, { bytes });
}

export function workEnd(frame: Frame, worker: Requester): void {
  const { type } = frame;
  const { jobs } = worker;
  if (type === PacketType.WORK_FAIL && frame.size(0) > MAX_HANDLE_SIZE) {
    worker.refuse(ERRORS.HANDLE_TOO_LARGE);
    return;
  }
  const job = jobs.grabbed(cString(frame, 0), worker);
  if (!job) {
    worker.refuse(type === PacketType.WORK_EXCEPTION ? ERRORS.NO_SUCH_EXCEPTION : ERRORS.NO_SUCH_RESULT);
    return;
  }
  const { handle } = job;
  const bytes = frame.data();
  const failed = (client: Peer) =>
    type === PacketType.WORK_FAIL || (type === PacketType.WORK_EXCEPTION && !client.exceptions);
  job.tell((client) =>
    failed(client) ? client.packet(PacketType.WORK_FAIL, [handle]) : client.packet(type, [handle], bytes),
  );
  const { cancelled } = job;
  jobs.end(job);
  // A cancelled job has failed already.
  if (cancelled) return;
  if (type === PacketType.WORK_FAIL) jobs.observer?.job("fail", job, { reason: "worker" });
  else jobs.observer?.job(type === PacketType.WORK_COMPLETE ? "complete" : "exception", job, { bytes });
}
