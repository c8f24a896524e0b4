/** A gearmand for one measurement, on a port of its own. */
import { startGearmand } from "../../test/support/gearmand.ts";

/** Uniques are looked up in a hash table, which has 991 buckets by default: so each submit would cost more than the one before. */
export const GEARMAND = ["--threads=4", "--hashtable-buckets=1000003"];

export async function startServer(args = GEARMAND) {
  const { port, pid, stop } = await startGearmand({ args });
  return {
    port,
    pid,
    async [Symbol.asyncDispose]() {
      // It would free its queue job by job.
      process.kill(pid, "SIGKILL");
      await stop();
    },
  };
}
