// Compiled, not run: `npm run check` fails when one of these stops being right, or starts to be.
import { Client, Worker } from "edgear";
import { type TracedClientOptions, type TracedOptions, traced } from "edgear/otel";

interface Jobs {
  resize: { workload: { id: number }; result: { width: number } };
  ping: { workload: string };
}

const client: Client<Jobs> = traced(new Client<Jobs>("localhost"), { envelope: ["resize", "ping"] });
const { width } = (await client.run("resize", { id: 1 })).json();
width.toFixed();
// @ts-expect-error no such function
traced(new Client<Jobs>("localhost"), { envelope: ["rezise"] });
// @ts-expect-error a wrong workload, as ever
await traced(new Client<Jobs>("localhost")).background("resize", { id: "1" });
traced(new Client("localhost"), { envelope: ["anything"] });

const worker: Worker<Jobs> = traced(new Worker<Jobs>("localhost"));
worker.add("resize", (job) => ({ width: job.workload.json().id }));
// @ts-expect-error a worker takes off what there is, whatever the function
traced(new Worker<Jobs>("localhost"), { envelope: ["resize"] });
// @ts-expect-error neither of them
traced({});

export const options: TracedClientOptions<Jobs> & TracedOptions = { envelope: ["ping"], tracerProvider: undefined };
