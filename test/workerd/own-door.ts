import { door } from "../../worker/door.ts";
import type { Env } from "../../worker/settings.ts";

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
let running = 0;

/** The door with handlers, as somebody would deploy it who has written some, and with an eye on the dead letters. */
const own = door({
  upper: { handle: (job) => job.workload.text().toUpperCase() },
  where: { handle: (_job, env) => env.GEARMAN_SERVERS },
  // How many of them run when this one does.
  together: {
    async handle() {
      running++;
      await sleep(200);
      const most = running;
      await sleep(200);
      running--;
      return String(most);
    },
  },
  hangs: { handle: () => sleep(15_000), options: { timeout: 200 } },
});

export default {
  ...own,
  async queue(batch, env, ctx) {
    if (batch.queue !== "jobs-dead") return own.queue(batch, env, ctx);
    for (const { body } of batch.messages)
      await fetch("https://dead.example/", { method: "POST", body: JSON.stringify(body) });
  },
} satisfies ExportedHandler<Env>;
