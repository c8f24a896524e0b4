// Compiled, not run: `npm run check` fails when one of these stops being right, or starts to be.

import { Client } from "edgear";
import type { HubClient } from "edgear/cloudflare";
import { type ScheduledJob, Scheduler, type Store } from "edgear/scheduler";
import { is } from "./assert.ts";

interface Jobs {
  resize: { workload: { id: number }; result: string };
  sweep: { workload?: { force: boolean } };
}

declare const store: Store;
declare const hub: HubClient<Jobs>;
const scheduler = new Scheduler<Jobs>({ store, client: new Client<Jobs>() });
new Scheduler<Jobs>({ store, client: hub });
new Scheduler<Jobs>({ store });
// @ts-expect-error: a scheduler has a store
new Scheduler<Jobs>({});

is<Promise<ScheduledJob>>()(scheduler.at("a", new Date(), "resize", { id: 1 }, { priority: "low", missed: "all" }));
is<Promise<ScheduledJob>>()(scheduler.every("a", 1_000, "sweep"));
is<Promise<ScheduledJob | undefined>>()(scheduler.reschedule("a", { cron: "@daily", timeZone: "UTC" }));
is<Promise<ScheduledJob | undefined>>()(scheduler.get("a"));
is<AsyncGenerator<ScheduledJob, void, undefined>>()(scheduler.list());
// @ts-expect-error: its workload is needed
void scheduler.delay("a", 5, "resize");
// @ts-expect-error: its workload is another
void scheduler.delay("a", 5, "resize", { id: "x" });
// @ts-expect-error: there is no such function
void scheduler.cron("a", "@daily", "resise", { id: 1 });
// @ts-expect-error: a time of day is cron's matter
void scheduler.every("a", 1_000, "sweep", undefined, { timeZone: "UTC" });

const any = new Scheduler({ store, client: new Client() });
void any.at("a", 5, "whatever", new Uint8Array());
any.on("submit", ({ late, slot, next }) => {
  is<number>()(late);
  is<Date>()(slot);
  is<Date | undefined>()(next);
});
