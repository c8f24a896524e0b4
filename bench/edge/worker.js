// What bench/edge.mjs measures: a job submitted by a client of the request's own, by a hub's, and an answer without one.

import { hub } from "../../build/src/cloudflare/index.js";
import { Client } from "../../build/src/index.js";

export { GearmanHub } from "../../build/src/cloudflare/index.js";

export default {
  /**
   * @param {Request} request
   * @param {{ GEARMAN_SERVERS: string, GEARMAN_HUB: import("../../build/src/cloudflare/index.js").HubNamespace }} env
   * @param {{ waitUntil(promise: Promise<unknown>): void }} context
   */
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname === "/hub") return Response.json(await hub(env.GEARMAN_HUB).background("bench", "workload"));
    if (pathname === "/client") {
      const client = new Client(env.GEARMAN_SERVERS);
      try {
        return Response.json(await client.background("bench", "workload"));
      } finally {
        context.waitUntil(client.close());
      }
    }
    return Response.json({});
  },
};
