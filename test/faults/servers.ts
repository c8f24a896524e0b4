import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { JobServer } from "edgear/server";
import { startGearmand } from "../support/gearmand.ts";

/** A server that a test starts for itself. */
export interface OwnServer extends AsyncDisposable {
  readonly port: number;
  readonly address: string;
}

/** Both servers, by name. */
export const SERVERS: Record<string, () => Promise<OwnServer>> = {
  gearmand: startGearmand,
  JobServer: () => JobServer.listen({ port: 0 }),
};

/**
 * A gearmand that is started again, on its port, when it has crashed: a packet whose type has its highest bit set, as one broken
 * byte may make it, is a segmentation fault to gearmand 1.1.20.
 */
export async function startSturdyGearmand(): Promise<OwnServer> {
  let gearmand = await startGearmand();
  const { address, port } = gearmand;
  let over = false;
  const watching = (async () => {
    for (; !over; await delay(20)) {
      if (gearmand.running) continue;
      assert.match(gearmand.log, /stack trace/, "gearmand has ended, and not by a crash");
      gearmand = await startGearmand({ port });
    }
  })();
  // Whoever stops it is told.
  watching.catch(() => {});
  return {
    address,
    port,
    async [Symbol.asyncDispose]() {
      over = true;
      try {
        await watching;
      } finally {
        await gearmand.stop();
      }
    },
  };
}
