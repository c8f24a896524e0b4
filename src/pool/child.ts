/*
 * What runs in a process, or a thread, of a pool's worker. It is started by a pool, and told by it what to do.
 */
import { unpackAssignment } from "./assignment.js";
import { Life } from "./life.js";
import type { ToWorker } from "./messages.js";
import { openPort } from "./port.js";

let life: Life | undefined;
let grace: number | undefined;
let left = false;

const port = openPort(receive, () => {
  // The pool was killed. What is in hand is finished, and nothing else is begun.
  left = true;
  if (life) life.leave("crash", grace === undefined ? {} : { grace });
  else process.exit(0);
});

if (!port.thread) {
  // Ctrl-C and a lost terminal reach all processes at once: it is the pool that says what becomes of its workers.
  process.on("SIGINT", () => {});
  process.on("SIGHUP", () => {});
  process.on("SIGUSR2", () => {});
  // So does systemd's SIGTERM. Somebody may also send one to this worker alone.
  process.on("SIGTERM", () => {
    left = true;
    if (life) life.leave("signal", grace === undefined ? {} : { grace });
    else process.exit(0);
  });
  // A pool that is killed takes the readers of its workers' output along, and their jobs are to be finished.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
}

function receive(message: ToWorker): void {
  switch (message.type) {
    case "assignment":
      void begin(message.assignment);
      return;
    case "run":
      life?.run();
      return;
    case "leave":
      left = true;
      if (life) life.leave(message.reason, message.grace === undefined ? {} : { grace: message.grace });
      else port.end({ type: "done", aborted: 0 });
  }
}

async function begin(text: string): Promise<void> {
  const assignment = unpackAssignment(text);
  grace = assignment.group.pool.grace;
  const begun = new Life(assignment, port);
  try {
    life = begun;
    await begun.load();
  } catch (error) {
    if (!left) begun.fail(error);
  }
}
