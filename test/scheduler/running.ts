import { Client } from "edgear";
import { Scheduler, type SchedulerEvents, type SchedulerOptions } from "edgear/scheduler";

/** A scheduler that runs, what it has told, and its client. It ends with the scope that holds it. */
export class Running implements AsyncDisposable {
  readonly scheduler: Scheduler;
  readonly client: Client;
  readonly told: { [Name in keyof SchedulerEvents]: SchedulerEvents[Name][] } = {
    ...{ waiting: [], submit: [], skip: [], refuse: [], error: [], recover: [], clock: [], close: [] },
  };
  #running: Promise<void> | undefined;

  constructor(servers: string, options: SchedulerOptions, start = true) {
    this.client = new Client(servers, { requestTimeout: 2_000, reconnect: { retries: 2 } });
    this.scheduler = new Scheduler({ client: this.client, ...options });
    for (const name of Object.keys(this.told) as (keyof SchedulerEvents)[])
      this.scheduler.on(name, (event) => void (this.told[name] as unknown[]).push(event));
    if (start) this.start();
  }

  start(): void {
    this.#running = this.scheduler.run();
  }

  /** The names that were submitted, in order. */
  get names(): string[] {
    return this.told.submit.map(({ name }) => name);
  }

  /** Waits until something is so. */
  async until(so: (told: Running["told"]) => boolean, patience = 30_000): Promise<void> {
    const deadline = performance.now() + patience;
    while (!so(this.told)) {
      if (performance.now() > deadline)
        throw new Error(`it did not come to that: ${JSON.stringify(this.told).slice(0, 2_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scheduler.close();
    await this.#running;
    this.client.destroy();
  }
}
