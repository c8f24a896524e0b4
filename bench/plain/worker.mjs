/** A worker as one writes it in plain JavaScript, with care: so many grabs out, one write a tick. */
import { connect } from "node:net";
import { Decoder, encode, Type } from "./codec.mjs";

const GRAB = encode(Type.GRAB_JOB, []);
const SLEEP = encode(Type.PRE_SLEEP, []);

/**
 * Works jobs off until the process ends.
 * @param {number} port
 * @param {string} name
 * @param {number} grabs
 * @param {(workload: Buffer) => Uint8Array} handler
 */
export function plainWorker(port, name, grabs, handler) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let out = grabs;
  const grab = (/** @type {number} */ count) => {
    for (let each = 0; each < count; each++) socket.write(GRAB);
  };
  const decoder = new Decoder((type, args, data) => {
    if (type === Type.JOB_ASSIGN) {
      socket.write(encode(Type.WORK_COMPLETE, [args[0] ?? ""], handler(data ?? Buffer.alloc(0))));
      socket.write(GRAB);
    } else if (type === Type.NO_JOB) {
      out--;
      if (out === 0) socket.write(SLEEP);
    } else if (type === Type.NOOP) {
      grab(grabs - out);
      out = grabs;
    }
  });
  socket.on("data", (chunk) => {
    socket.cork();
    decoder.write(chunk);
    socket.uncork();
  });
  socket.cork();
  socket.write(encode(Type.CAN_DO, [name]));
  grab(grabs);
  socket.uncork();
}
