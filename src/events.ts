/** The typed `on`, `once` and `off` of the library's classes. `Events` maps an event's name to what its listeners get. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(event: never) => void>>();
  /** What `once` was given, by what it put in its place. */
  readonly #given = new WeakMap<object, object>();

  /** Calls `listener` at each event of this name. What it throws harms nothing, and is not reported. */
  on<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return this;
  }

  /** As `on`, for the next event only. */
  once<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this {
    const once = (event: Events[Name]) => {
      this.off(name, once);
      return listener(event);
    };
    this.#given.set(once, listener);
    return this.on(name, once);
  }

  /** Takes a listener back, whether `on` or `once` was given it. */
  off<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): this {
    const listeners = this.#listeners.get(name) ?? new Set();
    listeners.delete(listener);
    for (const each of listeners) if (this.#given.get(each) === listener) listeners.delete(each);
    return this;
  }

  /** Tells the listeners. @internal */
  protected emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (!listeners) return;
    for (const listener of listeners) {
      harmless(() => (listener as (event: Events[Name]) => void)(event));
    }
  }
}

/** Calls somebody's function. What it throws, or its promise rejects with, is its own matter: not a job's, nor a connection's. */
export function harmless(call: () => unknown): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(() => {});
  } catch {
    // As said.
  }
}
