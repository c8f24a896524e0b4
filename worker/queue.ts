import { permit } from "./auth.js";
import { asRequested, problemOf } from "./problem.js";
import { type Env, makeClient } from "./settings.js";
import { jobOf } from "./spec.js";

/** Seconds until a message that was not taken comes again, doubled with each attempt up to the longest. */
const FIRST_DELAY = 5;
const LONGEST_DELAY = 600;

/**
 * Hands the messages of a Cloudflare Queue over as background jobs. A message is acknowledged only when a job server
 * has its job (JOB_CREATED), and comes again otherwise: one that is wrong, too, until the queue puts it where its
 * dead letters go.
 *
 * A job without a `unique` of its own gets the message's id: a message that comes again joins its job while that waits.
 */
export async function forward(batch: MessageBatch, env: Env, ctx: ExecutionContext): Promise<void> {
  const client = makeClient(env);
  try {
    await Promise.all(
      batch.messages.map(async (message) => {
        try {
          const { name, workload, options } = jobOf(message.body);
          permit(env, name);
          await asRequested(client.background(name, workload, { unique: message.id, ...options }));
          message.ack();
        } catch (error) {
          const { code, message: words } = problemOf(error);
          console.warn(`message ${message.id} of ${batch.queue}, attempt ${message.attempts}: ${code}: ${words}`);
          message.retry({ delaySeconds: Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (message.attempts - 1)) });
        }
      }),
    );
  } finally {
    ctx.waitUntil(client.close());
  }
}
