import { NO_SLOT } from "../../assembly/layout.js";
import { PacketType } from "../../assembly/protocol.js";
import type { Encoder } from "../codec/encoder.js";
import type { Frame } from "../codec/frame.js";
import type { Waiter } from "../connection/requests.js";
import { onAbort } from "../connection/signals.js";
import { ConnectionLostError, ProtocolError, ServerError } from "../errors.js";
import { JobHandle } from "./handle.js";
import type { Outcome } from "./outcome.js";
import { encode, type Submission } from "./submission.js";
import type { Task } from "./task.js";

/** The connection that a call is made on. */
export interface CallSession {
  /** `host:port` */
  readonly server: string;
  /** Whether it can be given calls. */
  readonly ready: boolean;
  /** Sends a call's packet, now or once it is its turn. */
  take(call: Call): void;
  /** A request was answered: others may go out. */
  answered(): void;
  /** The parts of the handle that a frame begins with. */
  handle(frame: Frame): { prefix: string; number: number };
  /** From now on a call's task is told what a job does: the one that the frame acknowledges. */
  follow(frame: Frame, call: TaskCall): void;
  /** A call's task no longer follows its job. */
  unfollow(call: TaskCall): void;
  /** A call that followed its job is over. */
  forget(call: TaskCall): void;
}

/** Who brings calls to servers. */
export interface Desk {
  /** The connection that a call was made on is lost, and no answer came. */
  lost(call: Call, error: ConnectionLostError): void;
  /** A call's fate is known. */
  settled(): void;
  /** A foreground job that may have joined another one was acknowledged. */
  joined(call: TaskCall, handle: string): void;
}

/** One thing that is asked of a server, from the first try until its fate is known. */
export abstract class Call implements Waiter {
  abstract readonly expects: PacketType;
  /** Where it is asked now. */
  session: CallSession | undefined;
  /** The name of the one server that it is for, if it is for one. */
  only: string | undefined;
  /** The job that it submits, if it submits one: as long as it may have to be submitted (again). */
  submission: Submission | undefined;
  /** How often it was tried again, and how often it was moved without having been sent. */
  retries = 0;
  moves = 0;
  /** When its job was last acknowledged. */
  acknowledged = Number.POSITIVE_INFINITY;
  /** How it was first lost after its packet had gone out: from then on it isn't known what the server made of that. */
  loss: ConnectionLostError | undefined;
  protected readonly desk: Desk;
  /** Whether it may be sent again when it isn't known what became of the first time. */
  readonly repeatable: boolean;
  #over = false;
  /** Takes back what a signal was asked for. */
  #release: (() => void) | undefined;

  constructor(desk: Desk, repeatable: boolean, submission?: Submission) {
    this.desk = desk;
    this.repeatable = repeatable;
    this.submission = submission;
  }

  /** Whether its fate is known, or nobody waits for it any more. */
  get over(): boolean {
    return this.#over;
  }

  /** Puts its packet down. */
  abstract encode(encoder: Encoder): void;

  /** Takes the answer, which may come when the call is over. */
  protected abstract read(frame: Frame, session: CallSession): void;

  /** Tells who waits. */
  protected abstract rejected(error: unknown): void;

  answer(frame: Frame): void {
    const session = this.session as CallSession;
    this.read(frame, session);
    session.answered();
  }

  fail(error: Error): void {
    if (error instanceof ConnectionLostError) {
      if (!this.#over) this.desk.lost(this, error);
    } else {
      this.reject(error);
      if (error instanceof ServerError) this.session?.answered();
    }
  }

  /** Gives the call up when a signal aborts. */
  until(signal: AbortSignal): void {
    if (this.#over) return;
    this.#release = onAbort(signal, () => this.reject(signal.reason));
  }

  /** Ends the call, unless it has ended. */
  reject(error: unknown): void {
    if (this.#over) return;
    this.settle();
    this.rejected(error);
  }

  protected settle(): void {
    if (this.#over) return;
    this.#over = true;
    this.#release?.();
    this.desk.settled();
  }
}

/** A call that ends with its answer. */
abstract class AnsweredCall<T> extends Call {
  readonly #outcome: Outcome<T>;

  constructor(desk: Desk, outcome: Outcome<T>, repeatable: boolean, submission?: Submission) {
    super(desk, repeatable, submission);
    this.#outcome = outcome;
  }

  protected resolve(value: T): void {
    // One that was given up has told its outcome.
    if (this.over) return;
    this.settle();
    this.#outcome.resolve(value);
  }

  protected override rejected(error: unknown): void {
    this.#outcome.reject(error);
  }
}

/** A question: asking it again does no harm. */
export class Question<T> extends AnsweredCall<T> {
  readonly expects: PacketType;
  readonly #type: PacketType;
  readonly #args: string[];
  readonly #read: (frame: Frame) => T;
  readonly #asked: (() => void) | undefined;

  /**
   * @param read makes something of the answer
   * @param asked called whenever it is put down to be sent
   */
  constructor(
    desk: Desk,
    outcome: Outcome<T>,
    type: PacketType,
    args: string[],
    expects: PacketType,
    read: (frame: Frame) => T,
    asked?: () => void,
  ) {
    super(desk, outcome, true);
    this.expects = expects;
    this.#type = type;
    this.#args = args;
    this.#read = read;
    this.#asked = asked;
  }

  encode(encoder: Encoder): void {
    this.#asked?.();
    encoder.packet(this.#type, this.#args);
  }

  protected read(frame: Frame): void {
    const asked = this.#args[0]?.toWellFormed() ?? "";
    if (frame.argumentCount > 0 && !frame.is(0, asked)) {
      // Were it believed, this job's state would be another's, and so would those behind it.
      const error = new ProtocolError(
        `${this.session?.server} sent a ${PacketType[frame.type]} packet about ${JSON.stringify(frame.text(0))}, and was asked about ${JSON.stringify(asked)}`,
      );
      this.reject(error);
      throw error;
    }
    this.resolve(this.#read(frame));
  }
}

/** A background job's submit. With a unique that its submitter gave, another one joins what the first became. */
export class BackgroundCall extends AnsweredCall<JobHandle> {
  readonly expects = PacketType.JOB_CREATED;
  declare submission: Submission;

  constructor(desk: Desk, outcome: Outcome<JobHandle>, submission: Submission) {
    super(desk, outcome, joins(submission), submission);
  }

  encode(encoder: Encoder): void {
    encode(this.submission, encoder);
  }

  protected read(frame: Frame, session: CallSession): void {
    this.resolve(handleOf(frame, session, this.submission));
  }
}

/** A foreground job: it goes on until its task is done. */
export class TaskCall extends Call {
  readonly expects = PacketType.JOB_CREATED;
  readonly task: Task;
  /** The slot of the job that it follows, on its session. */
  slot = NO_SLOT;

  constructor(desk: Desk, submission: Submission, task: Task) {
    super(desk, joins(submission), submission);
    this.task = task;
    task.carriedBy(this);
  }

  /** Its task is done. */
  ended(): void {
    this.settle();
    if (this.slot !== NO_SLOT) this.session?.forget(this);
  }

  encode(encoder: Encoder): void {
    encode(this.submission as Submission, encoder);
  }

  protected read(frame: Frame, session: CallSession): void {
    const handle = handleOf(frame, session, this.submission as Submission);
    // The job is the server's now: its workload, which may be large, is kept only if it may have to go out again.
    if (!this.repeatable) this.submission = undefined;
    // Given up or not: it is one of those whom the server tells of the job, each in turn.
    session.follow(frame, this);
    this.acknowledged = performance.now();
    if (this.over) return;
    this.task.acknowledge(handle);
    if (this.repeatable) this.desk.joined(this, handle.handle);
  }

  protected override rejected(error: unknown): void {
    this.task.fail(error);
  }
}

/** Whether another submit of it joins the job that the first one made. */
function joins({ serial, unique }: Submission): boolean {
  return serial === 0 && unique !== "";
}

function handleOf(frame: Frame, session: CallSession, { unique, serial }: Submission): JobHandle {
  const { prefix, number } = session.handle(frame);
  return new JobHandle(session.server, prefix, number, unique, serial);
}
