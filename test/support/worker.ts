import { Worker, type WorkerEvents, type WorkerOptions } from "edgear";

/** A worker that runs, and is closed with the scope that holds it. */
export interface RunningWorker extends AsyncDisposable {
  readonly worker: Worker;
  /** What `run()` gave. */
  readonly running: Promise<void>;
}

/** Starts a worker with these functions. */
export function startWorker(
  servers: string,
  functions: Record<string, Parameters<Worker["add"]>[1]>,
  options: WorkerOptions = {},
): RunningWorker {
  const worker = new Worker(servers, options);
  for (const [name, handler] of Object.entries(functions)) worker.add(name, handler);
  const running = worker.run();
  return {
    worker,
    running,
    async [Symbol.asyncDispose]() {
      await worker.close({ timeout: 5_000 });
      await running;
    },
  };
}

/** The next event of a name, or the next one that `matches`. Rejects after ten seconds. */
export function nextEvent<Name extends keyof WorkerEvents>(
  worker: Worker,
  name: Name,
  matches: (event: WorkerEvents[Name]) => boolean = () => true,
): Promise<WorkerEvents[Name]> {
  return new Promise((resolve, reject) => {
    const listener = (event: WorkerEvents[Name]) => {
      if (!matches(event)) return;
      clearTimeout(timer);
      worker.off(name, listener);
      resolve(event);
    };
    const timer = setTimeout(() => {
      worker.off(name, listener);
      reject(new Error(`no ${name} event came within 10 seconds`));
    }, 10_000);
    worker.on(name, listener);
  });
}
