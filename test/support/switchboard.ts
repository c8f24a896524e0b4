import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Worker } from "edgear";
import { JobServer } from "edgear/server";
import { startGearmand } from "./gearmand.ts";
import { Line } from "./line.ts";

/*
 * Lines and servers that tests on any runtime can have, and hold, and cut: over HTTP, as not every runtime can listen.
 *
 * POST /sites?server=gearmand|JobServer   two servers with workers, the first one behind a line
 * GET  /sites/<id>                        bytes that went over the line
 * POST /sites/<id>/hold?what=…, /cut, /down
 * DELETE /sites/<id>
 */

const STARTS: Record<string, () => Promise<{ port: number; address: string } & AsyncDisposable>> = {
  gearmand: startGearmand,
  JobServer: () => JobServer.listen({ port: 0 }),
};

/** Two servers with workers, the first one behind a line. */
interface Site extends AsyncDisposable {
  readonly line: Line;
  readonly servers: readonly string[];
}

async function openSite(start: () => Promise<{ port: number; address: string } & AsyncDisposable>): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const [first, second] = [stack.use(await start()), stack.use(await start())];
  const line = stack.use(await Line.to(first.port));
  for (const { address } of [first, second]) {
    const worker = stack.use(new Worker(address));
    worker.add("up", (job) => job.workload.text().toUpperCase());
    void worker.run();
  }
  const all = stack.move();
  return { line, servers: [line.address, second.address], [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Starts the HTTP server. */
export async function startSwitchboard(): Promise<{ url: string } & AsyncDisposable> {
  const sites = new Map<string, Site>();
  let count = 0;
  const answer = async (method: string, url: URL): Promise<unknown> => {
    const [, , id = "", verb] = url.pathname.split("/");
    if (method === "POST" && id === "") {
      const site = await openSite(STARTS[url.searchParams.get("server") ?? ""] as () => Promise<never>);
      sites.set(String(++count), site);
      return { id: String(count), servers: site.servers };
    }
    const site = sites.get(id);
    if (!site) throw new Error(`there is no site ${id}`);
    const { line } = site;
    if (method === "DELETE") {
      sites.delete(id);
      await site[Symbol.asyncDispose]();
    } else if (verb === "hold") line.hold(url.searchParams.get("what") as "answers" | "everything");
    else if (verb === "cut") line.cut();
    else if (verb === "down") await line.down();
    return { sent: line.sent };
  };
  const server = createServer((request, response) => {
    // An idle connection that ends later would be an error in whose log it is.
    response.shouldKeepAlive = false;
    answer(request.method ?? "", new URL(request.url ?? "", "http://localhost")).then(
      (body) => response.end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      for (const site of sites.values()) await site[Symbol.asyncDispose]();
    },
  };
}
