// The same, as it is bundled for Cloudflare Workers.
import { Client } from "edgear";

export default {
  async fetch(_request, env, context) {
    const client = new Client(env.GEARMAN_SERVERS);
    try {
      const job = await client.background("nobody", { id: 7 });
      const { state } = await client.status(job);
      return Response.json({ server: job.server, state });
    } finally {
      context.waitUntil(client.close());
    }
  },
};
