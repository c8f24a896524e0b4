import { createHmac } from "node:crypto";
import { once } from "node:events";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import type { Identity } from "../support/certificates.ts";

/** The key that tests sign with, and the secret that has it. */
export const KEY = Buffer.from("a key of twenty-four bytes");
export const SECRET = `whsec_${KEY.toString("base64")}`;

/** A callback that came. */
export interface Delivery {
  readonly at: number;
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that callbacks come to. */
export interface Hooks extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly deliveries: Delivery[];
  /** How it answers, in turn; then by 204. One that is given nothing to say says nothing. */
  readonly answers: ((response: ServerResponse) => void)[];
  /** Connections that were made. */
  readonly connections: () => number;
}

/** Starts one on this machine, whose name is `localhost`. */
export async function startHooks(identity: Identity): Promise<Hooks> {
  const deliveries: Delivery[] = [];
  const answers: Hooks["answers"] = [];
  let connections = 0;
  const server = createServer({ cert: identity.cert, key: identity.key }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method, url, headers } = request;
    deliveries.push({ at: performance.now(), method, url, headers, body: Buffer.concat(chunks).toString() });
    const answer = answers.shift();
    if (answer) answer(response);
    else response.writeHead(204).end();
  });
  server.on("connection", () => {
    connections++;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: `localhost:${port}`,
    port,
    deliveries,
    answers,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Verifies a delivery as Standard Webhooks says, and reads it. */
export function verified({ headers, body }: Delivery): {
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
} {
  const [id, timestamp] = [headers["webhook-id"], headers["webhook-timestamp"]];
  expect(id).toMatch(/^msg_[\w-]{36}$/);
  expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
  const signature = createHmac("sha256", KEY).update(`${id}.${timestamp}.${body}`).digest("base64");
  expect(headers["webhook-signature"]).toBe(`v1,${signature}`);
  return JSON.parse(body);
}
