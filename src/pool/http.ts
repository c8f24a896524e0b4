import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type MetricsAddress, parseMetricsAddress } from "../config/metrics.js";
import type { Verdict } from "./health.js";
import type { PoolMetrics } from "./metrics.js";

/** How long a request may take to be there, in milliseconds. Nobody sends more than a line and some headers. */
const REQUEST_TIME = 5_000;

/** How often Node looks for requests whose time is over: left to itself, it does only each 30 seconds. */
const CHECK_INTERVAL = 1_000;

/** How many may be connected at once: scrapers and probes are few, and whoever else comes is to take nothing from the pool. */
const MOST = 100;

const TEXT = "text/plain; charset=utf-8";

/**
 * Serves a pool's metrics and health over HTTP: `/metrics`, `/healthz` (200, or 503 in a crash loop) and `/readyz` (200
 * once enough workers are registered with a server, or 503), both with a line that says why. Whoever reaches the port may
 * read it: there is nothing else to be had, and nothing to be changed.
 */
export class MetricsServer implements AsyncDisposable {
  readonly #metrics: PoolMetrics;
  readonly #server: Server;
  /** Who is connected, the oldest first, and how many of each one's requests are being answered. */
  readonly #connected = new Map<Socket, number>();

  private constructor(metrics: PoolMetrics) {
    this.#metrics = metrics;
    const times = { requestTimeout: REQUEST_TIME, headersTimeout: REQUEST_TIME };
    const options = { ...times, connectionsCheckingInterval: CHECK_INTERVAL };
    this.#server = createServer(options, (request, response) => {
      this.#answering(request.socket, response);
      this.#answer(request, response).catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else send(response, 500, TEXT, `${error instanceof Error ? error.message : String(error)}\n`);
      });
    });
    this.#server.on("connection", (socket) => this.#connect(socket));
  }

  /**
   * @param address `[host]:port`, as `parseMetricsAddress` reads it
   * @throws Error (as a rejection) in words when it can't listen there, e.g. as another program does
   */
  static async listen(metrics: PoolMetrics, address: string | MetricsAddress): Promise<MetricsServer> {
    const { host, port } = typeof address === "string" ? parseMetricsAddress(address) : address;
    const served = new MetricsServer(metrics);
    await new Promise<void>((resolve, reject) => {
      served.#server.once("error", (cause: NodeJS.ErrnoException) => {
        const why = cause.code === "EADDRINUSE" ? "another program listens there" : cause.message;
        reject(new Error(`metrics can't be served at ${host ?? ""}:${port}: ${why}`, { cause }));
      });
      served.#server.listen({ port, ...(host !== undefined && { host }) }, resolve);
    });
    // Somebody's broken connection is nobody's matter here.
    served.#server.on("error", () => {});
    return served;
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Closes at once: whoever is being answered has to ask again. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
    await this.#metrics.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Whoever is one too many takes the place of the oldest that asks nothing: a probe gets its answer, whoever else is there. */
  #connect(socket: Socket): void {
    if (this.#connected.size >= MOST) {
      const all = [...this.#connected];
      const [oldest] = all.find(([, answers]) => answers === 0) ?? (all[0] as [Socket, number]);
      this.#connected.delete(oldest);
      oldest.destroy();
    }
    this.#connected.set(socket, 0);
    socket.once("close", () => this.#connected.delete(socket));
  }

  #answering(socket: Socket, response: ServerResponse): void {
    const count = (more: number) => {
      const answers = this.#connected.get(socket);
      if (answers !== undefined) this.#connected.set(socket, answers + more);
    };
    count(1);
    response.once("close", () => count(-1));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const metrics = this.#metrics;
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      send(response, 405, TEXT, "only GET and HEAD are answered\n");
      return;
    }
    const tell = ({ ok, words }: Verdict) => send(response, ok ? 200 : 503, TEXT, `${words}\n`);
    switch (request.url?.split("?")[0]) {
      case "/metrics":
        send(response, 200, metrics.contentType, await metrics.text());
        return;
      case "/healthz":
        tell(metrics.health.live());
        return;
      case "/readyz":
        tell(metrics.health.ready());
        return;
      default:
        send(response, 404, TEXT, "there are /metrics, /healthz and /readyz\n");
    }
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
  });
  // Node itself leaves the body out of an answer to HEAD.
  response.end(body);
}
