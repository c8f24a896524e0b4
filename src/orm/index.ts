export { type RecordContext, type RecordHandlers, recordHandler } from "./handler.js";
export type { RecordAction, RecordMessage } from "./message.js";
export { type ModelOptions, RecordJobError, type RecordsOptions, type Submitter } from "./records.js";
