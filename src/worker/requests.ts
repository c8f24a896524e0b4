import { PacketType } from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import type { Connection } from "../connection/connection.js";

/*
 * What a worker asks a server for beside jobs. Each rejects with what the server, or the connection, has against it.
 */

/** Whether a job is of the background kind, as far as the server can tell: nobody waits for its result. */
export function isBackground(connection: Connection, unique: string): Promise<boolean> {
  return ask(
    connection,
    ({ encoder }) => encoder.packet(PacketType.GET_STATUS_UNIQUE, [unique]),
    PacketType.STATUS_RES_UNIQUE,
    (frame) => frame.integer(1) !== 0 && frame.integer(5) === 0,
  );
}

/**
 * Resolves once the server has dealt with all that was sent to it: it answers in order, and this comes last. `dealt`
 * is called then, before any later answer is looked at; also when it comes so late that this has been rejected.
 */
export function confirm(connection: Connection, dealt: () => void): Promise<void> {
  return ask(
    connection,
    ({ encoder }) => encoder.packet(PacketType.ECHO_REQ, [], "confirm"),
    PacketType.ECHO_RES,
    dealt,
  );
}

/** Submits a background job, `delay` milliseconds from now (the server counts in seconds). */
export function submit(
  connection: Connection,
  name: string,
  unique: string,
  workload: Uint8Array,
  delay: number,
): Promise<void> {
  return ask(
    connection,
    ({ encoder }) => {
      if (delay < 500) encoder.packet(PacketType.SUBMIT_JOB_BG, [name, unique], workload);
      else {
        const seconds = String(Math.ceil((Date.now() + delay) / 1000));
        encoder.packet(PacketType.SUBMIT_JOB_EPOCH, [name, unique, seconds], workload);
      }
    },
    PacketType.JOB_CREATED,
    () => {},
  );
}

function ask<T>(
  connection: Connection,
  encode: (codec: Connection["codec"]) => void,
  expects: PacketType,
  read: (frame: Frame) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (!connection.open) {
      reject(connection.lostError({ sent: false }));
      return;
    }
    encode(connection.codec);
    connection.request({ expects, answer: (frame) => resolve(read(frame)), fail: reject });
  });
}
