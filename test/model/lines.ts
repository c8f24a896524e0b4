import { FaultProxy } from "../support/faults/proxy.ts";
import type { Fault } from "../support/faults/script.ts";
import type { Killable } from "./killable.ts";

/** The lines of one client or worker, one to each server. */
export class Lines implements AsyncDisposable {
  readonly #proxies: readonly FaultProxy[];
  readonly #servers: readonly Killable[];
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  private constructor(proxies: readonly FaultProxy[], servers: readonly Killable[]) {
    this.#proxies = proxies;
    this.#servers = servers;
  }

  static async to(servers: readonly Killable[]): Promise<Lines> {
    return new Lines(await Promise.all(servers.map(({ port }) => FaultProxy.to(port))), servers);
  }

  get addresses(): string {
    return this.#proxies.map(({ address }) => address).join(", ");
  }

  /** Connections that are open. */
  get open(): number {
    return this.#proxies.reduce((sum, { open }) => sum + open, 0);
  }

  get connections(): number {
    return this.#proxies.reduce((sum, { connections }) => sum + connections, 0);
  }

  /** The server at the end of a line. */
  server(address: string): Killable {
    const index = this.#proxies.findIndex((proxy) => proxy.address === address);
    const server = this.#servers[index];
    if (!server) throw new Error(`${address} is no line's address`);
    return server;
  }

  cut(): void {
    for (const proxy of this.#proxies) proxy.reset();
  }

  part(server: number, milliseconds: number): void {
    const proxy = this.#proxies[server] as FaultProxy;
    proxy.part();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      proxy.heal();
    }, milliseconds);
    this.#timers.add(timer);
  }

  inject(server: number, up: boolean, fault: Fault): void {
    this.#proxies[server]?.inject(up ? { up: [fault] } : { down: [fault] });
  }

  refuse(server: number): Promise<void> {
    return (this.#proxies[server] as FaultProxy).refuse();
  }

  welcome(server: number): Promise<void> {
    return (this.#proxies[server] as FaultProxy).welcome();
  }

  /** All is well from now on. */
  heal(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const proxy of this.#proxies) {
      proxy.heal();
      proxy.inject({ up: [], down: [] });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.heal();
    await Promise.all(this.#proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
  }
}
