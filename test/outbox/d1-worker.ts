import { Client } from "edgear";
import { Outbox } from "edgear/outbox";
import { type D1, d1 } from "edgear/outbox/d1";

interface Env {
  readonly SERVERS: string;
  readonly DB: D1;
}

/** Writes a job for each part of the path, in a batch, and relays them: as a Cloudflare Worker and its cron trigger would. */
export default {
  async fetch(request: Request, { SERVERS, DB }: Env): Promise<Response> {
    const [name = "", ...jobs] = new URL(request.url).pathname.slice(1).split("/");
    const client = new Client(SERVERS);
    const outbox = new Outbox({ store: d1({ database: DB }), client });
    try {
      await outbox.install();
      await DB.batch(jobs.map((job) => outbox.statement(DB, name, { job })));
      return Response.json(await outbox.drain());
    } finally {
      await client.close();
    }
  },
};
