// Compiled, not run: `npm run check` fails when one of these stops being right, or starts to be.
import { Admin, type AdminOptions, type ConnectionEntry, type FunctionStatus, type JobHandle } from "edgear";

declare const job: JobHandle;
declare const stored: { handle: string };

const admin = new Admin({ host: "jobs1", tls: true }, { requestTimeout: 1_000 });

const [first] = await admin.status();
export const total: number | undefined = first?.total;
export const functions: FunctionStatus[] = await admin.status({ signal: AbortSignal.timeout(1_000) });
export const workers: readonly string[] | undefined = ((await admin.workers())[0] as ConnectionEntry).functions;
export const version: string = await admin.version();
export const pid: number = await admin.pid();

await admin.maxQueue("resize");
await admin.maxQueue("resize", 5);
await admin.maxQueue("resize", { high: 5, low: Number.POSITIVE_INFINITY });
// @ts-expect-error: there is no such priority
await admin.maxQueue("resize", { urgent: 5 });
// @ts-expect-error: a limit is a number
await admin.maxQueue("resize", "5");

await admin.cancel("H:jobs1:27");
await admin.cancel(job);
await admin.cancel(stored);
// @ts-expect-error: numbers are no handles
await admin.cancel(27);

await admin.dropFunction("resize", { force: true });
await admin.shutdown({ graceful: true });
// @ts-expect-error: what came from the server isn't the program's to change
if (first) first.total = 0;
// @ts-expect-error: an Admin is of one server
export const several = new Admin(["jobs1", "jobs2"]);

export const options: AdminOptions = {
  connect: ({ hostname, port }) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    return { readable, writable, close: () => void [hostname, port] };
  },
};
