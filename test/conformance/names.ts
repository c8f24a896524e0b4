/** A server that is away: nobody runs tcpmux, port 1, these days. */
export const AWAY = "127.0.0.1:1";

/** A function that nobody works off: its jobs stay queued. */
export const NOBODY = "nobody";

/** A text that nothing else in this run uses. */
export function fresh(prefix: string): string {
  return `${prefix}-${crypto.randomUUID()}`;
}
