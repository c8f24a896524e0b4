/** What a queue needs of its items: they carry their links themselves. */
export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
}

/**
 * A queue: first in, first out, and from the middle, too, each step in constant time. A job whose client left is taken
 * out of the middle: in an array it would stay, and be counted, until its turn came.
 */
export class Queue<T extends Linked<T>> {
  #first: T | undefined;
  #last: T | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): T | undefined {
    return this.#first;
  }

  /** Puts an item that is in no queue at the end. */
  push(item: T): void {
    item.previous = this.#last;
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
    this.#length++;
  }

  /** Takes out an item that is in this queue. */
  remove(item: T): void {
    if (item.previous) item.previous.next = item.next;
    else this.#first = item.next;
    if (item.next) item.next.previous = item.previous;
    else this.#last = item.previous;
    item.previous = undefined;
    item.next = undefined;
    this.#length--;
  }
}
