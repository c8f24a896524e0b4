/** Two servers whose workers answer the jobs of `up` in capitals, the first one behind a line that can be held and cut. */
export class Site implements AsyncDisposable {
  /** The line's address, and that of the second server. */
  readonly servers: readonly [string, string];
  readonly #url: string;

  private constructor(url: string, servers: readonly [string, string]) {
    this.#url = url;
    this.servers = servers;
  }

  /** @param board the switchboard of test/support/switchboard.ts */
  static async open(board: string, server: string): Promise<Site> {
    const { id, servers } = await ask("POST", `${board}/sites?server=${server}`);
    return new Site(`${board}/sites/${id}`, servers);
  }

  /** Bytes that went over the line. */
  async sent(): Promise<number> {
    return (await ask("GET", this.#url)).sent;
  }

  /** From now on nothing passes, or no answer does, until the connection is cut. */
  async hold(what: "answers" | "everything"): Promise<void> {
    await ask("POST", `${this.#url}/hold?what=${what}`);
  }

  /** Cuts the connections that there are; new ones are as before. */
  async cut(): Promise<void> {
    await ask("POST", `${this.#url}/cut`);
  }

  /** Cuts, and takes no connections any more. */
  async down(): Promise<void> {
    await ask("POST", `${this.#url}/down`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ask("DELETE", this.#url);
  }
}

async function ask(method: string, url: string): Promise<{ id: string; servers: [string, string]; sent: number }> {
  const response = await fetch(url, { method });
  if (!response.ok) throw new Error(await response.text());
  return response.json() as Promise<{ id: string; servers: [string, string]; sent: number }>;
}
