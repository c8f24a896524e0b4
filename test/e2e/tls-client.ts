import { Client, type Servers } from "edgear";

/** Pings the server that the query gives as JSON, and says what came of it. */
export default {
  async fetch(request: Request): Promise<Response> {
    const server = JSON.parse(new URL(request.url).searchParams.get("server") ?? "") as Servers;
    try {
      const client = new Client(server, { connectTimeout: 1_000 });
      try {
        await client.ping();
      } finally {
        await client.close();
      }
      return Response.json({ name: "OK", message: "" });
    } catch (error) {
      const { name, message } = error as Error;
      return Response.json({ name, message });
    }
  },
};
