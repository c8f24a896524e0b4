import { show } from "../connection/check.js";

/** The text of what was thrown, as the client is told. */
export function messageOf(thrown: unknown): string {
  try {
    const text: unknown = thrown instanceof Error ? thrown.message || thrown.name : thrown;
    if (typeof text === "string") return text.toWellFormed();
  } catch {
    // Even to ask what it is may throw.
  }
  return `the handler threw ${show(thrown)}`;
}
