/** What a relay does, as it comes. */
export interface OutboxEvents {
  /** This is the one that relays now. */
  lead: { readonly origin: string };
  /** Another one relays; this one waits for it to leave. */
  standby: Record<string, never>;
  /** A server has a row's job (JOB_CREATED). */
  relay: { readonly id: string; readonly function: string; readonly handle: string; readonly server: string };
  /** A row can't be a job, and was set aside: why. `outbox.retry()` has it wait again. */
  aside: { readonly id: string; readonly function: string; readonly reason: string };
  /** The server takes no jobs of a function now (its queue is full): its rows wait, those of others go on. */
  hold: { readonly function: string; readonly reason: string; readonly delay: number };
  /** The database or the job server can't be had, or a row has cost the connection: it is tried again in `delay` milliseconds. Nothing is lost. */
  error: { readonly error: Error; readonly delay: number };
}
