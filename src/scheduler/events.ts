/** What a scheduler does, as it does it. Durations are in milliseconds. */
export interface SchedulerEvents {
  /** It waits for what is due; comes once, when the store has answered first. */
  waiting: object;
  /** A job server has taken a job (JOB_CREATED). `late` is how long after its slot, `next` the slot after it. */
  submit: {
    name: string;
    function: string;
    unique: string;
    handle: string;
    server: string;
    slot: Date;
    late: number;
    next: Date | undefined;
  };
  /** A slot was missed, and is passed over, as the job's `missed` says. */
  skip: { name: string; function: string; slot: Date; next: Date | undefined };
  /** One job was not taken: the server or the client refused it. It is kept, and tried again after `delay`. */
  refuse: { name: string; function: string; slot: Date; error: unknown; delay: number };
  /** The store, or every job server, could not be had: it is tried again after `delay`. Nothing is lost. */
  error: { from: "store" | "gearman"; error: unknown; delay: number };
  /** It can be had again, after so long. */
  recover: { from: "store" | "gearman"; away: number };
  /** The clock was set: forward by so much, or back, when it is less than 0. */
  clock: { jump: number };
  /** `run` is over. */
  close: object;
}
