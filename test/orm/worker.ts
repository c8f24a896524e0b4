import { Client, Worker } from "edgear";
import { type RecordHandlers, recordHandler } from "edgear/orm";

/** One call of a handler. */
export type Call = readonly [what: string, ...args: unknown[]];

/** A worker that writes down what its handlers are called with. */
export interface Recorder extends AsyncDisposable {
  readonly client: Client;
  readonly calls: Call[];
  /** All calls, once there are so many, and none after these for a while. */
  settled(count: number): Promise<Call[]>;
}

/** Works off the jobs of such models, under a prefix of its own. */
export function record(
  address: string,
  prefix: string,
  models: readonly string[],
  handlers: RecordHandlers = {},
): Recorder {
  const calls: Call[] = [];
  const worker = new Worker(address);
  for (const model of models) {
    worker.add(
      prefix + model,
      recordHandler({
        onInsert: (row) => void calls.push(["insert", model, row]),
        onUpdate: (row, modified) => void calls.push(["update", model, row, modified]),
        onDelete: (row) => void calls.push(["delete", model, row]),
        ...handlers,
      }),
    );
  }
  const running = worker.run();
  const client = new Client(address);
  return {
    client,
    calls,
    async settled(count) {
      const late = Date.now() + 10_000;
      while (calls.length < count && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 5));
      // What isn't to come would be here by then: a job sent now comes after it.
      for (const model of models)
        await client.run(prefix + model, JSON.stringify({ model, action: "insert", key: {}, record: { last: true } }), {
          priority: "low",
          timeout: 10_000,
        });
      const all = calls.filter(([, , row]) => !(row as { last?: boolean })?.last);
      calls.length = 0;
      return all;
    },
    async [Symbol.asyncDispose]() {
      await worker.close();
      await running;
      await client.close();
    },
  };
}
