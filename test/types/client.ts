// Compiled, not run: `npm run check` fails when one of these stops being right, or starts to be.

import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type } from "arktype";
import {
  type BackgroundOptions,
  type BulkOptions,
  Client,
  type ClientCloseOptions,
  type ClientOptions,
  type CompletedOptions,
  type ForegroundOptions,
  type JobHandle,
  type Payload,
  type ReconnectOptions,
  type Task,
  type Validator,
  type WaitOptions,
  Worker,
} from "edgear";
import * as v from "valibot";
import { z } from "zod";
import { is, type Unset } from "./assert.ts";

interface Jobs {
  resize: { workload: { id: number; crop?: boolean }; result: { width: number } };
  reverse: { workload: string; result: string };
  store: { workload: Uint8Array };
  clock: { result: number };
  sweep: { workload?: { force: boolean } };
  count: { workload: undefined; result: number };
  convert: { workload: { to: "png"; level: number } | { to: "jpeg"; quality: number }; result: "done" | "skipped" };
  whatever: { workload: unknown; result: unknown };
  // biome-ignore lint/complexity/noBannedTypes: nothing is said of it
  nothing: {};
}

const client = new Client<Jobs>("localhost");
const image = { id: 7 };

// The workload is the function's.
client.run("resize", { id: 7 });
client.run("resize", { id: 7, crop: true }, { timeout: 1_000 });
client.submit("reverse", "hello", { priority: "high" });
client.background("store", new Uint8Array(3), { delay: 1_000 });
client.background("convert", { to: "png", level: 9 });
client.background("convert", { to: "jpeg", quality: 80 });
// @ts-expect-error: it has another type
client.run("resize", { id: "7" });
// @ts-expect-error: it has no such property
client.background("resize", { id: 7, size: 3 });
// @ts-expect-error: it is another function's
client.submit("reverse", image);
// @ts-expect-error: it is neither of them
client.background("convert", { to: "png", quality: 80 });
// @ts-expect-error: there is no such function
client.run("rezise", image);
// @ts-expect-error: there is no such function
client.submit("rezise", image);
// @ts-expect-error: there is no such function
client.background("rezise", image);
// @ts-expect-error: there is no such function
client.backgroundAll("rezise", [image]);

// One that must be there can't be left out.
// @ts-expect-error: it is missing
client.run("resize");
// @ts-expect-error: it is missing
client.submit("reverse");
// @ts-expect-error: it is missing
client.background("store");
// @ts-expect-error: it is undefined
client.run("resize", undefined);
client.run("sweep");
client.run("sweep", undefined, { timeout: 1_000 });
client.run("sweep", { force: true });
// @ts-expect-error: it has another type
client.run("sweep", { force: "yes" });
client.run("count");
client.submit("count", undefined, { timeout: 1_000 });
// @ts-expect-error: there is none
client.run("count", 7);
client.background("clock");
client.background("clock", new Date());
client.background("whatever");
client.background("whatever", [image]);
client.background("nothing", "anything", { priority: "low" });
// @ts-expect-error: a symbol can't be sent
client.background("whatever", Symbol());
client.background("resize", image, undefined);

// The result is the function's.
is<Promise<Payload<{ width: number }>>>()(client.run("resize", image));
is<Task<{ width: number }>>()(client.submit("resize", image));
is<{ width: number }>()((await client.submit("resize", image).result).json());
is<string>()((await client.run("reverse", "hello")).json());
is<"done" | "skipped">()((await client.run("convert", { to: "png", level: 9 })).json());
is<number>()((await client.run("count")).json());
is<unknown>()((await client.run("store", new Uint8Array())).json());
is<unknown>()((await client.run("whatever", 7)).json());
is<unknown>()((await client.run("nothing")).json());
is<{ width: 3 }>()((await client.run("resize", image)).json<{ width: 3 }>());
// @ts-expect-error: it is known to be something else
(await client.run("resize", image)).json<string>();
// @ts-expect-error: it is known to be something else
export const wrong: { height: number } = (await client.run("resize", image)).json();
is<Promise<JobHandle>>()(client.background("resize", image));

// In bulk.
declare const images: AsyncIterable<{ id: number }>;
client.backgroundAll("resize", [{ id: 1 }, { id: 2, crop: true }]);
client.backgroundAll("resize", images, { maxInFlight: 9 });
client.backgroundAll("resize", images, { unique: ({ id }, index) => `${id.toFixed()}-${index.toFixed()}` });
client.backgroundAll(
  "convert",
  [
    { to: "png", level: 9 },
    { to: "jpeg", quality: 80 },
  ],
  { unique: ({ to }) => to },
);
client.backgroundAll("nothing", ["a", 7, null, image]);
// @ts-expect-error: an item has another type
client.backgroundAll("resize", [{ id: 1 }, { id: "2" }]);
// @ts-expect-error: all items have another type
client.backgroundAll("reverse", images);
// @ts-expect-error: an item has no such property
client.backgroundAll("resize", images, { unique: ({ name }) => name });
// @ts-expect-error: one unique would make one job of all of them
client.backgroundAll("resize", images, { unique: "one" });
for await (const handle of client.backgroundAll("resize", images)) is<JobHandle>()(handle);

// Without types, anything goes that can be sent.
const untyped = new Client();
untyped.run("anything");
untyped.run("anything", undefined, { timeout: 1_000 });
untyped.run("anything", "text");
untyped.submit("anything", new Uint8Array(3));
untyped.submit("anything", new ArrayBuffer(3));
untyped.background("anything", new DataView(new ArrayBuffer(3)));
untyped.background("anything", { id: 7 }, { unique: "7" });
untyped.background("anything", image);
untyped.background("anything", [1, 2, 3]);
untyped.background("anything", 7);
untyped.background("anything", null);
untyped.background("anything", (await untyped.run("anything")).bytes);
// @ts-expect-error: a symbol can't be sent
untyped.background("anything", Symbol());
// @ts-expect-error: there is no such option
untyped.background("anything", image, { timeout: 1_000 });
is<unknown>()((await untyped.run("anything", 7)).json());
is<number>()((await untyped.run("anything", 7)).json<number>());
export const right: { height: number } = (await untyped.run("anything", 7)).json();
is<Task>()(untyped.submit("anything", 7));
untyped.backgroundAll("anything", images, { unique: (item) => String(item.id) });
untyped.backgroundAll("anything", [1, 2, 3], { unique: (item) => item.toFixed() });
untyped.backgroundAll("anything", ["a", 7, null, image]);
// @ts-expect-error: symbols can't be sent
untyped.backgroundAll("anything", [Symbol()]);
const optioned = new Client(["a", { host: "b", port: 4731 }], { balance: "unique", reconnect: false });
is<Client>()(optioned);
optioned.background("anything", image);

// Validators say what goes in, and what comes out.
const jobs = {
  resize: {
    workload: z.object({ id: z.number(), name: z.string().default("nobody") }),
    result: z.object({ width: z.string().transform((text) => text.length) }),
  },
  mail: {
    workload: v.object({ to: v.string(), copies: v.optional(v.number(), 1) }),
    result: v.pipe(v.string(), v.transform(Number)),
  },
  parse: {
    workload: type({ date: "string.date.parse" }),
    result: type("'yes' | 'no'"),
  },
  coerce: { workload: z.coerce.date().optional() },
  ping: {},
};
const validated = new Client("localhost", { jobs });
const shared = new Worker("localhost", { jobs });
is<Client<typeof jobs>>()(validated);
is<Worker<typeof jobs>>()(shared);

validated.run("resize", { id: 7 });
validated.run("resize", { id: 7, name: "Ada" });
// @ts-expect-error: it has another type
validated.run("resize", { id: "7" });
// @ts-expect-error: it is missing
validated.run("resize");
// @ts-expect-error: there is no such function
validated.run("rezise", { id: 7 });
is<{ width: number }>()((await validated.run("resize", { id: 7 })).json());
is<Task<{ width: number }>>()(validated.submit("resize", { id: 7 }));
validated.backgroundAll("resize", images, { unique: ({ id }) => id.toFixed() });
// @ts-expect-error: the items are of another function
validated.backgroundAll("mail", images);
shared.add("resize", (job) => {
  is<{ id: number; name: string }>()(job.workload.json());
  return { width: "wide" };
});
// @ts-expect-error: what goes into the validator is a string
shared.add("resize", () => ({ width: 4 }));

validated.run("mail", { to: "ada" });
// @ts-expect-error: it has another type
validated.run("mail", { to: 7 });
is<number>()((await validated.run("mail", { to: "ada" })).json());
shared.add("mail", (job) => {
  is<{ to: string; copies: number }>()(job.workload.json());
  return "7";
});
// @ts-expect-error: what goes into the validator is a string
shared.add("mail", () => 7);

validated.run("parse", { date: "2026-11-17" });
// @ts-expect-error: a Date is what comes out
validated.run("parse", { date: new Date() });
is<"yes" | "no">()((await validated.run("parse", { date: "2026-11-17" })).json());
shared.add("parse", (job) => {
  is<{ date: Date }>()(job.workload.json());
  return "yes";
});
// @ts-expect-error: it is neither of them
shared.add("parse", () => "perhaps");

validated.background("coerce");
validated.background("coerce", "2026-11-17");
shared.add("coerce", (job) => is<Date | undefined>()(job.workload.json()));
validated.background("ping");
validated.background("ping", "anything");
// @ts-expect-error: nothing is known of what comes back
(await validated.run("ping")).json().width;

// Types are given by an interface or by validators: an interface's types are no validators.
// @ts-expect-error: { id: number } is none
new Client<Jobs>("localhost", { jobs: { resize: { workload: { id: 7 }, result: { width: 7 } } } });
// @ts-expect-error: this is none, either
new Client("localhost", { jobs: { resize: { workload: { id: 7 } } } });
// @ts-expect-error: a validator is of the workload, or of the result
new Client("localhost", { jobs: { resize: z.object({ id: z.number() }) } });
// @ts-expect-error: a misspelt one would check nothing
new Client("localhost", { jobs: { resize: { wrokload: z.object({ id: z.number() }) } } });
interface Misspelt {
  resize: { wrokload: { id: number } };
}
// @ts-expect-error: a misspelt one would be no type of anything
new Client<Misspelt>("localhost");
// @ts-expect-error: a misspelt one would be no type of anything
new Worker<Misspelt>("localhost");

// A map of a thousand functions is looked up by name: no union of them all, which would be too complex, is ever made.
type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9";
type Many = {
  [Name in `f${Digit}${Digit}${Digit}`]: { workload: { kind: Name }; result: { [Each in Name]: number } };
};
const many = new Client<Many>();
is<{ f007: number }>()((await many.run("f007", { kind: "f007" })).json());
many.background("f008", { kind: "f008" });
many.backgroundAll("f009", [{ kind: "f009" }], { unique: ({ kind }) => kind });
// @ts-expect-error: it is another function's
many.submit("f010", { kind: "f011" });
new Worker<Many>().add("f012", async (job) => ({ [job.workload.json().kind]: 12 })).add("f013", () => ({ f013: 13 }));
// @ts-expect-error: it is another function's
new Worker<Many>().add("f014", () => ({ f015: 14 }));

// Names that are known only when it runs.
declare const name: string;
const computed = new Client("localhost", { jobs: { [name]: { workload: z.number(), result: z.string() } } });
is<string>()((await computed.run(name, 7)).json());
// @ts-expect-error: it has another type
computed.run(name, "7");

// Validator is Standard Schema's type, both ways.
declare const standard: StandardSchemaV1<{ id: string }, { id: number }>;
declare const ours: Validator<{ id: string }, { id: number }>;
declare function takesStandard<Input, Output>(schema: StandardSchemaV1<Input, Output>): [Input, Output];
declare function takesOurs<Input, Output>(validator: Validator<Input, Output>): [Input, Output];
is<[{ id: string }, { id: number }]>()(takesStandard(ours));
is<[{ id: string }, { id: number }]>()(takesOurs(standard));
is<[{ date: string }, { date: Date }]>()(takesOurs(jobs.parse.workload));
is<[string, number]>()(takesOurs(jobs.mail.result));
export const there: StandardSchemaV1<{ id: string }, { id: number }> = ours;
export const back: Validator<{ id: string }, { id: number }> = standard;
const either = new Client("localhost", { jobs: { one: { workload: standard }, other: { workload: ours } } });
either.run("one", { id: "7" });
either.run("other", { id: "7" });
// @ts-expect-error: that is what comes out
either.run("one", { id: 7 });
// @ts-expect-error: that is what comes out
either.run("other", { id: 7 });

// What is of something is of anything, too.
export const anyTask: Task = client.submit("resize", image);
export const anyPayload: Payload = await client.run("resize", image);
export const tasks: Task[] = [client.submit("resize", image), client.submit("reverse", "hello"), untyped.submit("f")];
// @ts-expect-error: it is of something else
export const otherTask: Task<string> = client.submit("resize", image);
// @ts-expect-error: it is of something else
export const otherPayload: Payload<string> = await client.run("resize", image);

// Clients and workers as parameters.
declare function resizeAll(client: Client<Jobs>): Promise<void>;
declare function serve(worker: Worker<Jobs>): void;
declare function serveValidated(worker: Worker<typeof jobs>): void;
declare function ping(client: Client): Promise<number>;
declare function close(worker: Worker): Promise<void>;
resizeAll(client);
resizeAll(untyped);
serve(new Worker<Jobs>("localhost"));
serve(new Worker("localhost"));
serveValidated(shared);
ping(client);
ping(validated);
ping(untyped);
close(new Worker<Jobs>("localhost"));
close(shared);
// One of more functions is one of fewer.
resizeAll(new Client<Jobs & { other: { workload: string } }>("localhost"));
// @ts-expect-error: it has other functions
resizeAll(new Client<{ other: { workload: string } }>("localhost"));
// @ts-expect-error: it has other functions
serve(new Worker<{ other: { workload: string } }>("localhost"));
export class Thumbnails {
  readonly client: Client<Jobs>;
  constructor(client: Client<Jobs>) {
    this.client = client;
  }
  async width(id: number): Promise<number> {
    return (await this.client.run("resize", { id })).json().width;
  }
}

// Events.
client.on("connect", ({ server, duration }) => `${server.at(0)} ${duration.toFixed()}`);
client.once("disconnect", ({ server, error }) => is<Error | undefined>()(error) ?? server);
client
  .on("reconnect", (event) => is<{ server: string; away: number }>()(event))
  .on("error", ({ error }) => error.message);
client.off("error", (event) => is<{ server: string; error: Error }>()(event));
// @ts-expect-error: there is no such event
client.on("connected", () => {});
// @ts-expect-error: it has no such property
client.on("connect", ({ error }) => error);
for await (const event of client.submit("resize", image)) {
  if (event.type === "status") is<number>()(event.progress);
  else is<Payload>()(event.payload);
}

// Options that are not set may be undefined: `exactOptionalPropertyTypes` refuses that where it isn't said.
export const unset: [
  Unset<ClientOptions>,
  Unset<ClientOptions<Jobs>>,
  Unset<ReconnectOptions>,
  Unset<BackgroundOptions>,
  Unset<ForegroundOptions>,
  Unset<BulkOptions>,
  Unset<CompletedOptions>,
  Unset<WaitOptions>,
  Unset<ClientCloseOptions>,
] = [true, true, true, true, true, true, true, true, true];
client.status({ handle: "H:x:1", server: undefined }, { signal: undefined });
