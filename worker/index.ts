import { app } from "./app.js";
import { handlers } from "./handlers.js";
import { forward } from "./queue.js";
import { drain } from "./scheduled.js";
import type { Env } from "./settings.js";

export { GearmanHub } from "edgear/cloudflare";

export default {
  fetch: app.fetch,
  async scheduled(_controller, env) {
    await drain(env, handlers);
  },
  queue: forward,
} satisfies ExportedHandler<Env>;
