import type { Socket } from "node:net";
import { Outbox } from "./outbox.js";
import type { Transport } from "./transport.js";

const KEEP_ALIVE_DELAY = 60_000;

/** Bytes that a socket is given at a time, of those that it doesn't take at once. */
const PORTION = 65_536;

/** What `transport` tells: that it is being closed from this side, and that the system has taken all after a jam. */
interface Hooks {
  onLeave?(): void;
  onDrained?(): void;
}

/** The transport of a socket that a server accepted, or that is open. */
export function transport(socket: Socket, { onLeave, onDrained }: Hooks): Transport {
  // A batch is already one write: Nagle's algorithm could only hold it back, 40 ms at a time.
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
  // A socket counts a write as a whole until the system has taken its last byte. What is more than a portion waits
  // here and goes out in portions, so that `pending` shows on every runtime, TLS or not, whether a large write moves.
  const outbox = new Outbox();
  let moving = false;
  let ending = false;
  const writeAll = (parts: readonly Uint8Array[], taken?: () => void) => {
    if (parts.length === 1) {
      socket.write(parts[0] as Uint8Array, taken);
      return;
    }
    socket.cork();
    for (const [index, part] of parts.entries()) socket.write(part, index === parts.length - 1 ? taken : undefined);
    socket.uncork();
  };
  const move = () => {
    moving = false;
    if (!socket.writable) {
      outbox.clear();
      return;
    }
    if (outbox.size > 0) {
      moving = true;
      writeAll(outbox.take(PORTION), move);
    } else if (ending) socket.end();
    else onDrained?.();
  };
  return {
    get pending() {
      return outbox.size + socket.writableLength;
    },
    get writable() {
      return socket.writable && !ending;
    },
    tellsTaken: true,
    write(parts, taken) {
      if (!socket.writable) return;
      const size = parts.reduce((sum, part) => sum + part.length, 0);
      if (size === 0) return;
      if (!moving && socket.writableLength + size <= PORTION) {
        writeAll(parts, taken);
        return;
      }
      outbox.push(parts);
      if (!moving) move();
    },
    end() {
      onLeave?.();
      ending = true;
      if (!moving) socket.end();
    },
    destroy() {
      onLeave?.();
      outbox.clear();
      socket.destroy();
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}
