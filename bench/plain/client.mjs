/**
 * A client as one writes it in plain JavaScript, with care: a callback a job, a map of handles, one write a tick. It is
 * faster than what there is on npm, and does less: no reconnect, no time limits, no checks.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { Decoder, encode, Type } from "./codec.mjs";

/** @typedef {(error: Error | undefined, value?: unknown) => void} Callback */

export class PlainClient {
  #socket;
  #uniquePrefix = Math.random().toString(36).slice(2, 14).padEnd(12, "0");
  #serial = 0;
  #corked = false;
  /** Who waits for an answer, in the order of the requests. */
  #waiting = new Queue();
  /** @type {Map<string, Callback>} foreground jobs by handle */
  #jobs = new Map();

  /** @param {number} port */
  static async connect(port) {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new PlainClient(socket);
  }

  /** @param {import("node:net").Socket} socket */
  constructor(socket) {
    this.#socket = socket;
    const decoder = new Decoder((type, args, data) => this.#received(type, args, data));
    socket.on("data", (chunk) => decoder.write(chunk));
  }

  /**
   * @param {string} name
   * @param {Uint8Array} workload
   * @param {Callback} callback gets the handle
   */
  background(name, workload, callback) {
    this.#waiting.push({ callback, result: undefined });
    this.#write(encode(Type.SUBMIT_JOB_BG, [name, this.#unique()], workload));
  }

  /**
   * @param {string} name
   * @param {Uint8Array} workload
   * @param {Callback} callback gets the result
   */
  foreground(name, workload, callback) {
    this.#waiting.push({ callback: undefined, result: callback });
    this.#write(encode(Type.SUBMIT_JOB, [name, this.#unique()], workload));
  }

  /**
   * @param {string} handle
   * @param {Callback} callback gets `{ known, running, numerator, denominator }`
   */
  status(handle, callback) {
    this.#waiting.push({ callback, result: undefined });
    this.#write(encode(Type.GET_STATUS, [handle]));
  }

  #unique() {
    return `${this.#uniquePrefix}${(++this.#serial).toString(32)}`;
  }

  /** @param {Buffer} packet */
  #write(packet) {
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(packet);
  }

  /**
   * @param {number} type
   * @param {string[]} args
   * @param {Buffer | undefined} data
   */
  #received(type, args, data) {
    const handle = args[0] ?? "";
    switch (type) {
      case Type.JOB_CREATED: {
        const request = this.#waiting.shift();
        if (request?.result) this.#jobs.set(handle, request.result);
        else request?.callback?.(undefined, handle);
        break;
      }
      case Type.WORK_COMPLETE:
      case Type.WORK_FAIL: {
        const callback = this.#jobs.get(handle);
        this.#jobs.delete(handle);
        callback?.(type === Type.WORK_FAIL ? new Error("the job failed") : undefined, data);
        break;
      }
      case Type.STATUS_RES:
        this.#waiting.shift()?.callback?.(undefined, {
          known: args[1] === "1",
          running: args[2] === "1",
          numerator: Number(args[3]),
          denominator: Number(args[4]),
        });
        break;
      case Type.ERROR: {
        const request = this.#waiting.shift();
        (request?.callback ?? request?.result)?.(new Error(args.join(": ")));
      }
    }
  }
}

/** First in, first out, without the copying of `Array.shift`. */
class Queue {
  /** @type {({ callback: Callback | undefined, result: Callback | undefined } | undefined)[]} */
  #items = [];
  #first = 0;

  /** @param {{ callback: Callback | undefined, result: Callback | undefined }} item */
  push(item) {
    this.#items.push(item);
  }

  shift() {
    const item = this.#items[this.#first];
    this.#items[this.#first++] = undefined;
    if (this.#first === this.#items.length) {
      this.#items = [];
      this.#first = 0;
    } else if (this.#first > 4096) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }
}
