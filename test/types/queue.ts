// Compiled, not run: `npm run check` fails when one of these stops being right, or starts to be.
import type { Validator } from "edgear";
import {
  type GetOptions,
  type MessagesOptions,
  type PutOptions,
  Queue,
  type QueueCloseOptions,
  type QueueOptions,
} from "edgear/queue";
import { is, type Unset } from "./assert.ts";

interface Mail {
  to: string;
}

declare const mails: Validator<{ at: string }, { at: Date }>;

const plain = new Queue();
void plain.put("anything", { at: "all" }, { priority: "high" });
void plain.put("anything");
void plain.get("anything", { timeout: 5, ack: "manual" });

const typed = new Queue<{ mails: Mail; pings: undefined }>({ servers: "localhost" });
void typed.put("mails", { to: "a" });
void typed.put("pings");
is<Mail>()((await typed.get("mails")).payload.json());
for await (const message of typed.messages("mails", { prefetch: 2 })) is<Mail>()(message.payload.json());
// @ts-expect-error: no such queue
void typed.put("letters", { to: "a" });
// @ts-expect-error: no mail
void typed.put("mails", { from: "a" });
// @ts-expect-error: a mail can't be left out
void typed.put("mails");
// @ts-expect-error: no such queue
void typed.get("letters");

const checked = new Queue({ messages: { mails } });
void checked.put("mails", { at: "2026" });
is<{ at: Date }>()((await checked.get("mails")).payload.json());
// @ts-expect-error: what comes out is not what goes in
void checked.put("mails", { at: new Date() });
// @ts-expect-error: no validator
new Queue({ messages: { mails: 7 } });

true satisfies Unset<QueueOptions> & Unset<GetOptions> & Unset<PutOptions> & Unset<MessagesOptions>;
true satisfies Unset<QueueCloseOptions>;
