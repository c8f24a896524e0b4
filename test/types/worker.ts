// Compiled, not run: `npm run check` fails when one of these stops being right, or starts to be.
import { type Validator, Worker } from "edgear";

interface Jobs {
  resize: { workload: { id: number }; result: { width: number } };
  ping: { workload: string };
}

declare const anything: unknown;
declare const identified: Validator<{ id: number }>;
declare const text: Validator<string>;

const typed = new Worker<Jobs>("localhost");
typed.add("resize", (job) => ({ width: job.workload.json().id }));
typed.add("resize", async (job) => ({ width: job.workload.json().id }));
typed.add("resize", async function* (job) {
  yield job.workload.bytes;
});
typed.add("ping", () => anything);
// @ts-expect-error: the result has another type
typed.add("resize", () => ({ width: "wide" }));
// @ts-expect-error: the workload has no such property
typed.add("resize", (job) => ({ width: job.workload.json().size }));
// @ts-expect-error: there is no such function
typed.add("reverse", () => anything);

const validated = new Worker("localhost", { jobs: { resize: { workload: identified, result: text } } });
validated.add("resize", (job) => `${job.workload.json().id}`);
// @ts-expect-error: the validator gives a string
validated.add("resize", (job) => job.workload.json().id);

const untyped = new Worker("localhost");
untyped.add("anything", (job) => job.workload.json<{ id: number }>().id);
untyped.add("anything", (job) => job.workload.bytes);
untyped.add("nothing", () => {});

const optioned = new Worker("localhost", { concurrency: 2 });
optioned.add("anything", (job) => job.workload.bytes);
