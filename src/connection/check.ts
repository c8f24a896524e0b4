/*
 * Arguments are checked before anything is sent: gearmand never answers some wrong requests, and takes others apart
 * wrongly (a unique of 64 bytes puts a NUL before its worker's workload).
 */
import { MAX_FUNCTION_SIZE, MAX_HANDLE_SIZE, MAX_UNIQUE_SIZE } from "../../assembly/protocol.js";
import { show } from "../check.js";

export { checkOptions, checkWord, show } from "../check.js";

/** The longest delay that a timer takes, in milliseconds: some 24 days. */
export const MAX_TIMER = 2 ** 31 - 1;

/** The longest reducer name that gearmand takes, in bytes. */
const MAX_REDUCER_SIZE = 64;

/** @throws TypeError when a function's name can't be one */
export function checkFunction(name: unknown): asserts name is string {
  checkText(name, "a function name", 1, MAX_FUNCTION_SIZE);
}

/** @throws TypeError when a unique id can't be one */
export function checkUnique(unique: unknown): asserts unique is string {
  checkText(unique, "a unique id", 0, MAX_UNIQUE_SIZE);
}

/** @throws TypeError when a job handle can't be one */
export function checkHandle(handle: unknown): asserts handle is string {
  checkText(handle, "a job handle", 1, MAX_HANDLE_SIZE);
}

/** @throws TypeError when a reducer's name can't be one */
export function checkReducer(name: unknown): asserts name is string {
  checkText(name, "a reducer name", 1, MAX_REDUCER_SIZE);
}

/** @throws TypeError when an argument of the protocol can't be one */
export function checkText(value: unknown, what: string, least: number, most: number): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${what} must be a string, not ${show(value)}`);
  if (value.length < least) throw new TypeError(`${what} must not be empty`);
  if (value.includes("\0"))
    throw new TypeError(`${what} must not have a NUL, which would end it early: ${show(value)}`);
  if (!value.isWellFormed())
    throw new TypeError(`${what} must not have a lone surrogate, which UTF-8 can't carry: ${show(value)}`);
  const size = byteLength(value);
  if (size > most) throw new TypeError(`${what} may have ${most} bytes at most, and ${show(value)} has ${size}`);
}

/** @throws TypeError when an option that is a time in milliseconds can't be one */
export function checkMilliseconds(value: unknown, name: string, least = 0): asserts value is number {
  if (typeof value !== "number" || !(value >= least) || value > MAX_TIMER) {
    throw new TypeError(`${name} must be a number of milliseconds from ${least} to ${MAX_TIMER}, not ${show(value)}`);
  }
}

/** How many bytes a text has as UTF-8. */
export function byteLength(text: string): number {
  let size = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    // Two bytes to U+07FF, three from there; each half of a surrogate pair is two of its four.
    if (unit > 0x7f) size += unit > 0x7ff && (unit & 0xf800) !== 0xd800 ? 2 : 1;
  }
  return size;
}
