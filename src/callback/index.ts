/*
 * Outcomes of jobs, posted to the URL that a job names. docs/callbacks.md
 */
export { type CallbackOptions, withCallback } from "./callback.js";
export { callbackKey, callbackPrefix, signCallback } from "./sign.js";
