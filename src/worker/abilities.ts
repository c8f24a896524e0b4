import { PacketType } from "../../assembly/protocol.js";
import type { Connection } from "../connection/connection.js";
import type { Job } from "./job.js";

/** A function that is being taken back. */
interface Leaving {
  /** Who waits for it. */
  readonly left: readonly (() => void)[];
  /** How it is to be registered anew once it is taken back, if at all. */
  readonly again: { readonly serverTimeout: number | undefined } | undefined;
}

/** What a server is told that its worker can do, and can't do any more. */
export class Abilities {
  /** Functions that the server knows, and the time limits that it keeps. */
  readonly #registered = new Map<string, number | undefined>();
  readonly #leaving = new Map<string, Leaving>();

  /** Whether functions are being taken back. */
  get leaving(): boolean {
    return this.#leaving.size > 0;
  }

  /**
   * Registers a function, with a time limit that the server is to keep if one is given. False when the server knows it:
   * with another limit it is taken back first.
   */
  register(connection: Connection, name: string, serverTimeout: number | undefined): boolean {
    // gearmand counts a worker twice that registers twice, and CANT_DO would take its running jobs away.
    if (this.#registered.has(name)) {
      if (this.#registered.get(name) !== serverTimeout) this.#leave(name, [], { serverTimeout });
      else this.#stay(name);
      return false;
    }
    // A removal is still to be settled where a job that came behind it was given back. It must not take back what is new.
    this.#stay(name);
    this.#registered.set(name, serverTimeout);
    const { encoder } = connection.codec;
    if (serverTimeout === undefined) encoder.packet(PacketType.CAN_DO, [name]);
    else encoder.packet(PacketType.CAN_DO_TIMEOUT, [name, String(serverTimeout)]);
    connection.send();
    return true;
  }

  /**
   * Has a function taken back when `settle` finds no job of it; `left` is called then, or when it stays after all, and at
   * once when the server doesn't know it.
   */
  leave(name: string, left: () => void): void {
    if (this.#registered.has(name)) this.#leave(name, [left], undefined);
    else left();
  }

  /** Takes functions back that are to leave, but for those of jobs that run. @returns whether one was registered anew */
  settle(connection: Connection, jobs: Iterable<Job>): boolean {
    const running = new Set(Array.from(jobs, (job) => job.function));
    let anew = false;
    for (const [name, { left, again }] of this.#leaving) {
      if (running.has(name)) continue;
      this.takeBack(connection, name);
      connection.send();
      this.#leaving.delete(name);
      if (again) anew = this.register(connection, name, again.serverTimeout) || anew;
      for (const each of left) each();
    }
    return anew;
  }

  /** Takes a function back at once. */
  takeBack(connection: Connection, name: string): void {
    connection.codec.encoder.packet(PacketType.CANT_DO, [name]);
    this.#registered.delete(name);
  }

  /** The server is gone, and so knows none any more. */
  lost(): void {
    for (const { left } of this.#leaving.values()) for (const each of left) each();
    this.#leaving.clear();
  }

  #leave(name: string, left: Leaving["left"], again: Leaving["again"]): void {
    this.#leaving.set(name, { left: [...(this.#leaving.get(name)?.left ?? []), ...left], again });
  }

  #stay(name: string): void {
    const leaving = this.#leaving.get(name);
    this.#leaving.delete(name);
    for (const each of leaving?.left ?? []) each();
  }
}
