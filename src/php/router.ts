import { checkFunction, show } from "../connection/check.js";
import type { Handler, Worker } from "../worker/worker.js";

/** A method that was listed, bound to its object. */
// biome-ignore lint/suspicious/noExplicitAny: methods take whatever they take
type Method = (...args: any[]) => unknown;

/**
 * Brings jobs to methods by a name of the kind `class::method`. Only methods that were listed can be called, and they
 * are looked up when they are listed: no name that comes by a job is ever looked up in an object.
 */
export class MethodRouter {
  readonly #methods = new Map<string, Method>();

  /**
   * Lists methods of an object: its own, or its class's.
   * @param name what the class is called in jobs: `app.tasks.Hello`, or as PHP has it, `app\tasks\Hello`
   * @throws TypeError when a name can't be one, or the object has no such method itself
   */
  add<Target extends object>(name: string, target: Target, methods: readonly (keyof Target & string)[]): this {
    if ((typeof target !== "object" && typeof target !== "function") || target === null)
      throw new TypeError(`${show(name)} must be an object with methods, not ${show(target)}`);
    if (!Array.isArray(methods) || methods.length === 0)
      throw new TypeError(`the methods of ${show(name)} must be a list of names: only those that it has can be called`);
    for (const method of methods) {
      const full = canonical(`${name}.${method}`);
      if (full === undefined) throw new TypeError(`${show(`${name}.${method}`)} is no name of a class and a method`);
      checkFunction(full);
      const found = methodOf(target, method);
      if (!found) throw new TypeError(`${show(name)} has no method ${show(method)} of its own`);
      this.#methods.set(full, found.bind(target));
    }
    return this;
  }

  /** The functions that workers have for it: `app.tasks.Hello.say` and so on. */
  get functions(): string[] {
    return [...this.#methods.keys()];
  }

  /** Whether a name, in any of the forms that `call` takes, is one that was listed. */
  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /**
   * Calls a method by its name: `app.tasks.Hello.say`, `app\tasks\Hello::say` or `\app\tasks\Hello::say`.
   * @throws TypeError when no such method was listed; and whatever it throws
   */
  call(name: string, args: readonly unknown[] = []): unknown {
    const method = this.#find(name);
    if (!method) throw new TypeError(`there is no method ${show(name)} here`);
    return method(...args);
  }

  /** Adds a function for each method to a worker: the method gets the job. */
  register(worker: Worker): this {
    for (const [name, method] of this.#methods) worker.add(name, method as Handler);
    return this;
  }

  #find(name: unknown): Method | undefined {
    const full = typeof name === "string" ? canonical(name) : undefined;
    return full === undefined ? undefined : this.#methods.get(full);
  }
}

/** A name in the form that functions have, if it is one. */
function canonical(name: string): string | undefined {
  const dotted = name.replace(/^\\/, "").replace("::", ".").replaceAll("\\", ".");
  return /^[\w\u0080-\u{10ffff}]+(?:\.[\w\u0080-\u{10ffff}]+)+$/u.test(dotted) ? dotted : undefined;
}

/** A method that an object or its classes have, other than what every object has, and no getter. */
function methodOf(target: object, name: string): Method | undefined {
  if (name === "constructor" || name === "__proto__") return undefined;
  for (let each: object | null = target; each; each = Object.getPrototypeOf(each)) {
    if (each === Object.prototype || each === Function.prototype) return undefined;
    const found = Object.getOwnPropertyDescriptor(each, name);
    if (found) return typeof found.value === "function" ? found.value : undefined;
  }
  return undefined;
}
