/** Who is told what became of a call. */
export interface Outcome<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A promise, and what settles it. */
export class Deferred<T> implements Outcome<T> {
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;
  readonly promise: Promise<T> = new Promise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}
