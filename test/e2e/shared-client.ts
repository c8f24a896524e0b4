import { Client, GearmanError } from "edgear";

interface Env {
  GEARMAN_SERVERS: string;
}

/** What must not be done: a client that outlives the request it was made in. */
let shared: Client | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    shared ??= new Client(env.GEARMAN_SERVERS);
    const { searchParams } = new URL(request.url);
    try {
      await shared.ping();
      // Others come meanwhile.
      await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get("hold"))));
      await shared.ping();
      return Response.json({ code: "OK" });
    } catch (error) {
      const { code, message } = error as GearmanError;
      return Response.json({ code, message, typed: error instanceof GearmanError });
    }
  },
};
