// A Cloudflare Worker that works jobs off: every minute it takes what waits, and leaves.
// `npx wrangler dev --test-scheduled -c examples/drain/wrangler.toml`, then `curl localhost:8787/__scheduled`
import { Worker } from "edgear";

interface Env {
  GEARMAN_SERVERS: string;
}

export default {
  async scheduled(_controller, env) {
    const worker = new Worker(env.GEARMAN_SERVERS, { concurrency: 4, id: "edge-drain", logger: console });
    worker.add("wordcount", (job) => job.workload.text().split(/\s+/).filter(Boolean).length, { timeout: 30_000 });
    // A cron trigger may take 15 minutes. At the deadline nothing more is grabbed, and what runs is finished.
    const done = await worker.drain({ deadline: 10 * 60_000 });
    console.log(`worked off ${done} jobs`);
  },
} satisfies ExportedHandler<Env>;
