import { Client, Worker } from "edgear";
import { nothingMore, open, watchCodecs } from "../support/faults/open.ts";
import { type Gauge, gauge } from "./gauge.ts";

/*
 * A process of a soak: `submitter` hands numbered jobs in, `worker` works them off. It tells the process that has
 * started it how far it is, and ends when that has told it to, or is gone.
 */

/** What it is told. */
export interface Order {
  /** Say what you hold. */
  readonly gauge?: true;
  /** So many were worked off by the other. */
  readonly worked?: number;
  /** Hand nothing more in. */
  readonly stop?: true;
  readonly end?: true;
}

/** What it tells. */
export interface Message {
  readonly count: number;
  readonly again: number;
  readonly over: boolean;
  readonly gauge?: Gauge;
  /** What is open after all was closed. */
  readonly left?: string;
}

/** Jobs that wait at the server at most: a soak is of what flows, and not of a queue. */
const BACKLOG = 20_000;

/** Milliseconds between messages. */
const INTERVAL = 50;

const NAME = "soak";

const [role = "", address = "", jobs = "0"] = process.argv.slice(2);
let [count, again, worked] = [0, 0, 0];
let [over, stopped] = [false, false];
let wake = () => {};

watchCodecs();
const before = open();
let ended = false;
const leave = role === "submitter" ? submit() : work();
const tell = (held: { gauge?: Gauge; left?: string } = {}) =>
  process.send?.({ count, again, over, ...held } satisfies Message);
const timer = setInterval(tell, INTERVAL);
process.on("message", async (order: Order) => {
  if (order.gauge) tell({ gauge: gauge() });
  worked = order.worked ?? worked;
  stopped ||= order.stop === true;
  wake();
  if (!order.end) return;
  clearInterval(timer);
  await leave();
  tell({
    left: await nothingMore(before).then(
      () => "",
      (error: Error) => error.message,
    ),
  });
  ended = true;
  process.disconnect();
});
// When who has started it is gone, there is nobody to work for; else it ends by itself, when nothing is open.
process.on("disconnect", () => ended || process.exit());

/** @returns how it ends */
function submit(): () => Promise<void> {
  const client = new Client(address);
  const handIn = async () => {
    for await (const _job of client.backgroundAll(NAME, numbers())) count++;
    over = true;
  };
  handIn();
  return () => client.close();
}

async function* numbers() {
  for (let number = 0; number < Number(jobs); number++) {
    while (number - worked >= BACKLOG && !stopped)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    if (stopped) return;
    yield String(number).padStart(16, "0");
  }
}

function work(): () => Promise<void> {
  // A bit for each job, as long as the soak: it must not look like growth.
  const done = new Uint8Array(Math.ceil(Number(jobs) / 8));
  const worker = new Worker(address, { concurrency: 64 });
  worker.add(NAME, ({ workload }) => {
    const number = Number(workload.text());
    const bit = 1 << (number & 7);
    const bits = done[number >>> 3] as number;
    if (bits & bit) again++;
    else count++;
    done[number >>> 3] = bits | bit;
  });
  const running = worker.run();
  return async () => {
    await worker.close();
    await running;
  };
}
