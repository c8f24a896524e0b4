import { Admin, Client, GearmanError } from "edgear";

interface Env {
  GEARMAN_SERVERS: string;
}

/** What must not be done: clients that outlive the request they were made in. */
let client: Client | undefined;
let admin: Admin | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    client ??= new Client(env.GEARMAN_SERVERS);
    admin ??= new Admin(env.GEARMAN_SERVERS);
    const { searchParams } = new URL(request.url);
    const asked = searchParams.get("what") === "admin" ? () => admin?.version() : () => client?.ping();
    try {
      await asked();
      // Others come meanwhile.
      await new Promise((resolve) => setTimeout(resolve, Number(searchParams.get("hold"))));
      await asked();
      return Response.json({ code: "OK" });
    } catch (error) {
      const { code, message } = error as GearmanError;
      return Response.json({ code, message, typed: error instanceof GearmanError });
    }
  },
};
