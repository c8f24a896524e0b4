import type { Killable } from "./killable.ts";
import type { Behaviour } from "./operations.ts";

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
  /** When and where it was acknowledged. */
  acknowledged?: number;
  handle?: string;
  server?: Killable;
}

/** A job that a worker has worked off, as far as the worker knows. */
interface Execution {
  readonly id: number;
  readonly ended: number;
  readonly handle: string;
  readonly server: Killable;
}

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

  add(submission: Omit<Submission, "id" | "submitted">): Submission {
    const whole = { ...submission, id: this.submissions.length, submitted: performance.now() };
    this.submissions.push(whole);
    if (whole.unique) this.#groups.set(key(whole), [...this.group(whole), whole]);
    return whole;
  }

  /** Those that may be one job with a submission, itself included. */
  group(submission: Submission): readonly Submission[] {
    return submission.unique ? (this.#groups.get(key(submission)) ?? []) : [submission];
  }

  executed(id: number, handle: string, server: Killable): void {
    this.executions++;
    const execution = { id, handle, server, ended: performance.now() };
    this.#executions.set(id, [...(this.#executions.get(id) ?? []), execution]);
  }

  /** Whether a job with this id, of a result or an exception, may have been a submission's. */
  isOf(id: number, submission: Submission): boolean {
    return this.group(submission).some((member) => member.id === id);
  }

  /** Whether an acknowledged background job has been done at least once. */
  isDone(submission: Submission): boolean {
    if (this.#executions.has(submission.id)) return true;
    // It may have joined one of its group: one that ended later, or whose handle it was given.
    return this.group(submission).some((member) =>
      this.#executions
        .get(member.id)
        ?.some(
          ({ ended, handle, server }) =>
            ended >= submission.submitted || (handle === submission.handle && server === submission.server),
        ),
    );
  }

  /** Why an acknowledged background job may never be done, if there is a reason. */
  excuse(submission: Submission): Excuse | undefined {
    const { server, submitted, mixed } = submission;
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

  get #acknowledged(): Submission[] {
    return this.submissions.filter(({ background, acknowledged }) => background && acknowledged !== undefined);
  }
}

function key(submission: { function: string; unique: string | undefined }): string {
  return `${submission.function}\0${submission.unique}`;
}
