import type { ServerOptions } from "../../index.js";
import type { Pool } from "../../pool/index.js";
import { Failure } from "../exit.js";
import type { PoolLog } from "./log.js";

/**
 * Serves a pool's metrics and health, where the group says so. What is to be closed once the pool has ended.
 * @throws Failure when it can't listen there
 */
export async function serveMetrics(
  pool: Pool,
  servers: readonly ServerOptions[],
  log: PoolLog,
): Promise<{ close(): Promise<void> } | undefined> {
  const { metrics: address } = pool.group.pool;
  if (address === undefined) return undefined;
  const { MetricsServer, PoolMetrics } = await import("../../pool/index.js");
  try {
    const server = await MetricsServer.listen(new PoolMetrics(pool, { servers: [...servers] }), address);
    const place = address.replace(/\d+$/, String(server.port));
    log.write("info", `metrics and health are served at ${place}`, { event: "metrics", address: place });
    return server;
  } catch (error) {
    throw error instanceof TypeError ? error : new Failure((error as Error).message);
  }
}
