import { app } from "./app.js";
import type { EdgeHandler } from "./handlers.js";
import { forward } from "./queue.js";
import { drain } from "./scheduled.js";
import type { Env } from "./settings.js";

/** The Worker: its cron trigger works the jobs of these functions off. */
export function door(handlers: Readonly<Record<string, EdgeHandler>>) {
  return {
    fetch: app.fetch,
    async scheduled(_controller, env) {
      await drain(env, handlers);
    },
    queue: forward,
  } satisfies ExportedHandler<Env>;
}
