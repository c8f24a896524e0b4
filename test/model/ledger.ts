import type { Killable } from "./killable.ts";
import type { Behaviour } from "./operations.ts";

/** What the ledger must know of a server. */
export type Place = Pick<Killable, "kind" | "persistent" | "kills">;

/** What a client knows a job by: each acknowledgement makes another, even where a server that was started again gives the same handle. */
export interface Named {
  readonly handle: string;
}

/** That a server has taken a job: a call that was made again has several, each of another job. */
export interface Acceptance {
  readonly job: Named;
  readonly server: Place;
  readonly time: number;
}

/** A submission, and what is known of it. */
export interface Submission {
  readonly id: number;
  readonly background: boolean;
  readonly function: string;
  readonly unique: string | undefined;
  /** Whether both kinds of job use the unique. */
  readonly mixed: boolean;
  readonly behaviour: Behaviour;
  readonly submitted: number;
  readonly accepted: Acceptance[];
}

/** A job that a worker has begun. */
export interface Execution {
  readonly id: number;
  readonly began: number;
  readonly handle: string;
  readonly server: Place;
  /** When it was worked off, as far as the worker knows. */
  ended?: number;
}

/** Milliseconds for which a line may hold back that a job is done. Until the server knows, others still join it. */
const HELD_BACK = 5_000;

/** Why gearmand need not do a job that it has acknowledged. */
export type Excuse =
  /** It was killed, and keeps jobs in memory only: docs/server.md, "its jobs are in memory", and gearmand without `-q`. */
  | "killed"
  /** A foreground client had joined it, and left (docs/client.md, "Background jobs"). */
  | "left";

/** What was submitted and what was done. */
export class Ledger {
  readonly submissions: Submission[] = [];
  readonly #executions = new Map<number, Execution[]>();
  /** By function and unique. */
  readonly #groups = new Map<string, Submission[]>();
  executions = 0;

  add(submission: Omit<Submission, "id" | "submitted" | "accepted">): Submission {
    const whole = { ...submission, id: this.submissions.length, submitted: performance.now(), accepted: [] };
    this.submissions.push(whole);
    if (whole.unique) this.#groups.set(key(whole), [...this.group(whole), whole]);
    return whole;
  }

  /** A server has said that it has the job. */
  accepted(submission: Submission, job: Named, server: Place): void {
    if (submission.accepted.some((acceptance) => acceptance.job === job)) return;
    submission.accepted.push({ job, server, time: performance.now() });
  }

  /** Those that may be one job with a submission, itself included. */
  group(submission: Submission): readonly Submission[] {
    return submission.unique ? (this.#groups.get(key(submission)) ?? []) : [submission];
  }

  began(id: number, handle: string, server: Place): Execution {
    const execution = { id, handle, server, began: performance.now() };
    this.#executions.set(id, [...this.#of(id), execution]);
    return execution;
  }

  ended(execution: Execution): void {
    this.executions++;
    execution.ended = performance.now();
  }

  /** Why a job with this id, of a result or an exception, can't have been a submission's; nothing when it can. */
  wrong(id: number, submission: Submission): string | undefined {
    if (!this.group(submission).some((member) => member.id === id)) return `it got what is of the job ${id}`;
    if (this.#of(id).some((execution) => coalesced(execution, submission))) return undefined;
    const had = submission.accepted.map(({ job }) => job.handle).join(" ");
    const ran = this.#of(id)
      .map(({ handle }) => handle)
      .join(" ");
    return `it got what is of the job ${id}, which was not its own: it had ${had || "no handle"}, that ran as ${ran || "none"}`;
  }

  /** Why a job can't have failed, or thrown: none that is to do so was done in its place. */
  misbehaved(behaviour: Behaviour, submission: Submission): string | undefined {
    const did = this.group(submission)
      .filter((member) => member.behaviour === behaviour)
      .some(({ id }) => this.#of(id).some((execution) => coalesced(execution, submission)));
    return did ? undefined : `no job in its place was to ${behaviour}`;
  }

  /** Whether an acknowledged background job has been done at least once. */
  isDone(submission: Submission): boolean {
    if (this.#of(submission.id).some(({ ended }) => ended !== undefined)) return true;
    return this.group(submission).some(({ id }) =>
      this.#of(id).some(
        (execution) =>
          execution.ended !== undefined && (coalesced(execution, submission) || replayed(execution, submission)),
      ),
    );
  }

  /** Why an acknowledged background job may never be done, if there is a reason. */
  excuse(submission: Submission): Excuse | undefined {
    const { submitted, mixed } = submission;
    const server = submission.accepted.at(-1)?.server;
    if (!server) return undefined;
    const joined = mixed && this.group(submission).some(({ background }) => !background);
    const killed = server.kills.some((time) => time >= submitted);
    // One that joined a foreground job is not in the store.
    if (killed && (!server.persistent || joined)) return "killed";
    if (joined && server.kind !== "JobServer") return "left";
    return undefined;
  }

  /** Background jobs that were acknowledged, are not done, and have no excuse. */
  get missing(): Submission[] {
    return this.#acknowledged.filter((submission) => !this.isDone(submission) && !this.excuse(submission));
  }

  /** How the acknowledged background jobs fared: done, or the excuse. */
  get fates(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const submission of this.#acknowledged) {
      const fate = this.isDone(submission) ? "done" : (this.excuse(submission) ?? "missing");
      counts[fate] = (counts[fate] ?? 0) + 1;
    }
    return counts;
  }

  #of(id: number): readonly Execution[] {
    return this.#executions.get(id) ?? [];
  }

  get #acknowledged(): Submission[] {
    return this.submissions.filter(({ background, accepted }) => background && accepted.length > 0);
  }
}

function key(submission: { function: string; unique: string | undefined }): string {
  return `${submission.function}\0${submission.unique}`;
}

/** Whether what was done is the job that a submission made or joined: the same handle at the same server, at the same time. */
function coalesced(execution: Execution, { submitted, accepted }: Submission): boolean {
  const { handle, server, began, ended = Number.POSITIVE_INFINITY } = execution;
  if (ended + HELD_BACK < submitted) return false;
  return accepted.some(
    (acceptance) =>
      acceptance.job.handle === handle &&
      acceptance.server === server &&
      // A server that was started again counts its handles anew.
      !server.kills.some((kill) => (ended < kill && kill < submitted) || (acceptance.time < kill && kill < began)),
  );
}

/** Whether what was done may be a job that a server had kept for a submission when it was killed: it has another handle then. */
function replayed({ server, began }: Execution, { submitted, accepted }: Submission): boolean {
  const kept = server.persistent && accepted.some((acceptance) => acceptance.server === server);
  return kept && server.kills.some((kill) => submitted <= kill && kill <= began);
}
