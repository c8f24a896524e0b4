import type { Job, Worker } from "../index.js";

/** What a hook is told, and can do. */
export interface HookContext {
  /** The group's name. */
  readonly group: string;
  /** The worker's number in its pool, from 1. */
  readonly worker: number;
  /** Bytes that its process takes now (RSS), or the heap of its thread. */
  readonly memory: number;
  /** Milliseconds since its last job ended, or since it began; 0 while it has one. */
  readonly idle: number;
  /** Jobs that it has worked off, however they ended. */
  readonly jobs: number;
  /** Jobs that it has in hand. */
  readonly running: number;
  /** Has the worker finish what it has in hand, and leave. The pool's log says the reason, and another worker takes its place. */
  stop(reason: string): void;
}

/** Of the hook about what works the jobs off. */
export interface RunHookContext extends HookContext {
  /** It has its functions, and has not connected. */
  readonly instance: Worker;
}

/** Of hooks about a server. */
export interface ServerHookContext extends HookContext {
  /** `host:port` */
  readonly server: string;
}

/** Of hooks about a job. */
export interface JobHookContext extends HookContext {
  readonly job: Job;
}

/** Of hooks about a job that is over. */
export interface EndHookContext extends JobHookContext {
  /** Milliseconds that it took. */
  readonly duration: number;
  /** What its handler threw, if it did. */
  readonly error: unknown;
}

/**
 * What an application wants to be told of a worker's life, in the worker: the export of a module that the group names
 * (`hooks: "./hooks.ts#hooks"`). What a hook throws harms nothing: the pool has an `error` event of it.
 */
export interface Hooks {
  /**
   * A `Worker` is about to be run, e.g. to be traced. A process has several when functions have a `concurrency` of their
   * own. What this returns is waited for.
   */
  beforeRun?(context: RunHookContext): unknown;
  /** A connection to a server is about to be made. */
  beforeConnect?(context: ServerHookContext): unknown;
  /** It is there. */
  afterConnect?(context: ServerHookContext): unknown;
  /** The server is being told what the worker can do. */
  beforeRegister?(context: ServerHookContext): unknown;
  /** It has said that it knows. */
  afterRegister?(context: ServerHookContext): unknown;
  /** A server has no job. */
  noJobs?(context: ServerHookContext): unknown;
  /** The worker has nothing to do: called when it goes to sleep, and every second while it sleeps. */
  idle?(context: HookContext): unknown;
  /** A job is about to be given to its handler, which waits for what this returns. */
  beforeFunction?(context: JobHookContext): unknown;
  /** A job failed, or its handler threw. At the worker's end what this returns is waited for, for half a second at most. */
  failure?(context: EndHookContext): unknown;
  /** A job is over, however it ended. At the worker's end what this returns is waited for, for half a second at most. */
  afterFunction?(context: EndHookContext): unknown;
  /** All jobs are over, and the process is about to end. What this returns is waited for, for a second and a quarter at most. */
  afterRun?(context: HookContext): unknown;
}

const NAMES: readonly (keyof Hooks)[] = [
  "beforeConnect",
  "afterConnect",
  "beforeRegister",
  "afterRegister",
  "noJobs",
  "idle",
  "beforeFunction",
  "failure",
  "afterFunction",
  "beforeRun",
  "afterRun",
];

/**
 * What a module exports as hooks.
 * @throws TypeError when it isn't hooks
 */
export function checkHooks(value: unknown, where: string): Hooks {
  if (typeof value !== "object" || value === null)
    throw new TypeError(`the hooks of ${where} must be an object of functions: ${NAMES.join(", ")}`);
  for (const [name, hook] of Object.entries(value)) {
    if (!NAMES.includes(name as keyof Hooks))
      throw new TypeError(
        `the hooks of ${where} have ${JSON.stringify(name)}, which is none: there are ${NAMES.join(", ")}`,
      );
    if (hook !== undefined && typeof hook !== "function")
      throw new TypeError(`the hook ${name} of ${where} must be a function`);
  }
  return value as Hooks;
}

type ContextOf<Name extends keyof Hooks> = Parameters<NonNullable<Hooks[Name]>>[0];

/** Those about a job that is over: what they have begun is waited for when the worker ends. */
const LATE: readonly (keyof Hooks)[] = ["failure", "afterFunction"];

/** One that takes longer, in milliseconds, is not waited for any more: it may never end. */
const FORGOTTEN = 10_000;

/** Calls hooks, each when its time has come: a slow one delays neither the worker nor those after it. */
export class HookCalls {
  readonly #hooks: Hooks;
  readonly #failed: (error: Error) => void;
  readonly #forgotten: number;
  readonly #late = new Set<Promise<void>>();

  constructor(hooks: Hooks, failed: (error: Error) => void, { forgotten = FORGOTTEN } = {}) {
    this.#hooks = hooks;
    this.#failed = failed;
    this.#forgotten = forgotten;
  }

  has(name: keyof Hooks): boolean {
    return this.#hooks[name] !== undefined;
  }

  /** How many of jobs that are over are under way. */
  get late(): number {
    return this.#late.size;
  }

  /** Resolves once those are through. */
  async settled(): Promise<void> {
    await Promise.all(this.#late);
  }

  /** Resolves once the hook is through. Never rejects. */
  async call<Name extends keyof Hooks>(name: Name, context: () => ContextOf<Name>): Promise<void> {
    const hook = this.#hooks[name] as ((context: ContextOf<Name>) => unknown) | undefined;
    if (!hook) return;
    const called = this.#call(name, hook, context);
    if (!LATE.includes(name)) return called;
    this.#late.add(called);
    const forgotten = setTimeout(() => this.#late.delete(called), this.#forgotten);
    await called;
    clearTimeout(forgotten);
    this.#late.delete(called);
  }

  async #call<Name extends keyof Hooks>(
    name: Name,
    hook: (context: ContextOf<Name>) => unknown,
    context: () => ContextOf<Name>,
  ): Promise<void> {
    try {
      await hook.call(this.#hooks, context());
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.#failed(new Error(`the hook ${name} threw: ${words}`, { cause: error }));
    }
  }
}
