import { parentPort } from "node:worker_threads";
import type { FromWorker, ToWorker } from "./messages.js";

/** How long a last message may take to leave, in milliseconds. */
const LAST_WORDS = 1_000;

/** A worker's end of the channel to its pool: a process's, or a thread's. */
export interface Port {
  /** Whether this is a thread. */
  readonly thread: boolean;
  send(message: FromWorker): void;
  /** Sends a message, and ends the process, or thread, once it has left. */
  end(message: FromWorker): void;
}

/** Opens the channel. `orphaned` is called when the pool is gone. */
export function openPort(receive: (message: ToWorker) => void, orphaned: () => void): Port {
  const port = parentPort;
  if (port) {
    port.on("message", receive);
    return {
      thread: true,
      send: (message) => port.postMessage(message),
      end: (message) => {
        port.postMessage(message);
        // What was posted is there when the thread has ended.
        process.exit(0);
      },
    };
  }
  let connected = true;
  process.on("message", receive as (message: unknown) => void);
  process.on("disconnect", () => {
    connected = false;
    orphaned();
  });
  const send = (message: FromWorker, sent?: () => void) => {
    if (!connected || !process.send) sent?.();
    // A pool that is gone hears nothing; `disconnect` says so.
    else process.send(message, undefined, undefined, () => sent?.());
  };
  return {
    thread: false,
    send,
    end: (message) => {
      send(message, () => process.exit(0));
      setTimeout(() => process.exit(0), LAST_WORDS);
    },
  };
}
