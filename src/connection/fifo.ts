/** A queue: first in, first out, each step in constant time (`Array.prototype.shift` is none for long ones). */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The item at a distance from the front. */
  peek(distance = 0): T | undefined {
    return this.#items[this.#head + distance];
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (this.#head < this.#items.length) this.#items[this.#head++] = undefined;
    // What was taken is dropped in halves, so that each item is moved once at most.
    if (this.#head >= 256 && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes everything out. */
  drain(): T[] {
    const items = this.#items.slice(this.#head) as T[];
    this.#items = [];
    this.#head = 0;
    return items;
  }
}

/** How many numbers a queue of them has room for at first, and how many it may keep room for when it is empty. */
const FIRST_ROOM = 16;
const MOST_ROOM = 1_024;

/** A queue of numbers: no object, and no memory, for each. */
export class Numbers {
  /** As many as a power of two; used in a circle. */
  #items = new Float64Array(FIRST_ROOM);
  #head = 0;
  #length = 0;

  /** How many it has memory for. */
  get room(): number {
    return this.#items.length;
  }

  push(item: number): void {
    if (this.#length === this.#items.length) {
      const items = this.drain();
      this.#length = items.length;
      this.#items = new Float64Array(items.length * 2);
      this.#items.set(items);
    }
    this.#items[(this.#head + this.#length++) & (this.#items.length - 1)] = item;
  }

  /** The number at a distance from the front; 0 when there is none. */
  peek(distance = 0): number {
    return distance < this.#length ? (this.#items[(this.#head + distance) & (this.#items.length - 1)] as number) : 0;
  }

  /** Replaces the number at a distance from the front. */
  set(distance: number, item: number): void {
    this.#items[(this.#head + distance) & (this.#items.length - 1)] = item;
  }

  /** The first, taken out; 0 when there is none. */
  shift(): number {
    if (this.#length === 0) return 0;
    const item = this.#items[this.#head] as number;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    if (--this.#length === 0 && this.#items.length > MOST_ROOM) this.drain();
    return item;
  }

  /** Takes everything out. */
  drain(): number[] {
    const items = Array.from({ length: this.#length }, (_, distance) => this.peek(distance));
    this.#items = new Float64Array(FIRST_ROOM);
    this.#head = 0;
    this.#length = 0;
    return items;
  }
}
