import { PacketType } from "../../assembly/protocol.js";
import { type Desk, Question, type TaskCall } from "./call.js";
import { Deferred } from "./outcome.js";
import { type JobStatus, readStatus } from "./status.js";

/** Between two looks, in milliseconds: doubled each time, to a limit. */
const FIRST_LOOK = 1_000;
const LONGEST = 30_000;

/** A look that is lost with its connection is not made again: the job itself is submitted again then. */
const UNATTENDED: Desk = { lost: (call, error) => call.reject(error), settled: () => {}, joined: () => {} };

/**
 * Looks after a foreground job that may have joined another one. gearmand 1.x keeps a queued job that all its clients
 * have left under its unique until a worker comes for it, and then drops it: who joined it meanwhile is never told.
 * (gearmand's source, client.cc and gearmand_con.cc.) It is seen by the server no longer knowing the job, though it
 * has not said how the job ended: both come in order on one connection.
 * @param gone called when that is so
 */
export function watch(call: TaskCall, handle: string, gone: () => void): void {
  const { session } = call;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isHere = () => !call.task.ended && call.session === session;
  const lookIn = (delay: number) => {
    timer = setTimeout(() => void look(delay), delay);
  };
  const look = async (delay: number) => {
    if (!isHere()) return;
    if (!session?.ready) {
      lookIn(delay);
      return;
    }
    const answer = new Deferred<JobStatus>();
    const { GET_STATUS, STATUS_RES } = PacketType;
    session.take(new Question(UNATTENDED, answer, GET_STATUS, [handle], STATUS_RES, readStatus));
    const status = await answer.promise.catch(() => undefined);
    if (!isHere()) return;
    if (status && !status.known) gone();
    else lookIn(Math.min(LONGEST, delay * 2));
  };
  lookIn(FIRST_LOOK);
  call.task.onSettled(() => clearTimeout(timer));
}
