/** What a heap needs of its items: they know their places themselves. */
export interface Placed {
  /** In the heap, from 0; -1 when it is in none. */
  place: number;
}

/** Items in an order, the first one on top. Any of them can be taken out, and be moved when its order has changed. */
export class Heap<T extends Placed> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  /** @param before whether one comes before another */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get length(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    item.place = this.#items.push(item) - 1;
    this.#up(item);
  }

  /** Takes out an item that is in here. */
  remove(item: T): void {
    const last = this.#items.pop() as T;
    if (last !== item) {
      this.#put(last, item.place);
      this.moved(last);
    }
    item.place = -1;
  }

  /** An item that is in here comes sooner or later than it did. */
  moved(item: T): void {
    this.#up(item);
    this.#down(item);
  }

  clear(): void {
    this.#items.length = 0;
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    item.place = place;
  }

  #up(item: T): void {
    while (item.place > 0) {
      const parent = this.#items[(item.place - 1) >> 1] as T;
      if (!this.#before(item, parent)) return;
      this.#swap(item, parent);
    }
  }

  #down(item: T): void {
    for (;;) {
      const left = this.#items[item.place * 2 + 1];
      const right = this.#items[item.place * 2 + 2];
      const child = left && right && this.#before(right, left) ? right : left;
      if (!child || !this.#before(child, item)) return;
      this.#swap(child, item);
    }
  }

  #swap(a: T, b: T): void {
    const { place } = a;
    this.#put(a, b.place);
    this.#put(b, place);
  }
}
