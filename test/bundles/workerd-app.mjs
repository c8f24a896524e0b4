// The same, as it is bundled for Cloudflare Workers; the status is asked for over a hub.
import { Client } from "edgear";
import { hub } from "edgear/cloudflare";

export { GearmanHub } from "edgear/cloudflare";

export default {
  async fetch(_request, env, context) {
    const client = new Client(env.GEARMAN_SERVERS);
    try {
      const job = await client.background("nobody", { id: 7 });
      const { state } = await hub(env.GEARMAN_HUB).status(job);
      return Response.json({ server: job.server, state });
    } finally {
      context.waitUntil(client.close());
    }
  },
};
