export type { Submitter } from "./batch.js";
export type { OutboxEvents } from "./events.js";
export type { TableInput } from "./names.js";
export { Outbox, type OutboxOptions, type WatchOptions } from "./outbox.js";
export type { Drained } from "./relay.js";
export type { AddOptions } from "./row.js";
export type { AsideRow, OutboxStatus, OutboxStore, RecordChange, RecordEvent, Statement } from "./store.js";
