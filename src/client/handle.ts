/** A job that a server took: what to ask for it by. */
export class JobHandle {
  /** The server that took it, as `host:port`. */
  readonly server: string;
  readonly #prefix: string;
  readonly #number: number;
  readonly #unique: string;
  readonly #serial: number;

  /**
   * A handle is kept in the two parts that its server made it of, and a generated unique in the two of ours: the
   * strings are made when somebody asks. A number of 0 stands for none.
   * @internal
   */
  constructor(server: string, prefix: string, number: number, unique: string, serial: number) {
    this.server = server;
    this.#prefix = prefix;
    this.#number = number;
    this.#unique = unique;
    this.#serial = serial;
  }

  /** The job's handle, e.g. `H:jobs1:27`. It is good as long as its server runs: a restarted gearmand counts from 1 again. */
  get handle(): string {
    return this.#number ? this.#prefix + this.#number : this.#prefix;
  }

  /** The job's unique id: the one that was given, or generated; `""` for a job without one. */
  get unique(): string {
    return this.#serial ? this.#unique + this.#serial.toString(32) : this.#unique;
  }

  /** The handle. */
  toString(): string {
    return this.handle;
  }

  /** What `status`, `completed` and others take as well as the handle itself, later and elsewhere. */
  toJSON(): { handle: string; server: string; unique: string } {
    return { handle: this.handle, server: this.server, unique: this.unique };
  }

  /** What `console.log` shows on Node, Deno and Bun. */
  [Symbol.for("nodejs.util.inspect.custom")](): object {
    return this.toJSON();
  }
}
