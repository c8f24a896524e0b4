/*
 * Memory: one instance serves many connections, so what a connection needs is taken from here when it opens and
 * handed back when it closes. Blocks are powers of two; a freed one waits in its size's list for the next that asks.
 *
 * Memory never grows: growth would detach the views through which the library and the runtime's sockets use it, and
 * Node looks at the view it is to read into only after microtasks have run, in which anything may have happened. When
 * an instance is full, the library makes another (src/codec/instance.ts).
 */

/** log2 of the smallest block. */
const SMALLEST: i32 = 6;
const LISTS: usize = memory.data(32 * sizeof<usize>());

/** Where memory that was never used begins. */
let top: usize = (__heap_base + 63) & ~63;

function sizeClass(size: usize): i32 {
  return size <= (<usize>1) << SMALLEST ? SMALLEST : 32 - clz<i32>(<i32>(size - 1));
}

/** A block of at least `size` bytes, or 0 when there is none left. */
export function allocate(size: usize): usize {
  const cls = sizeClass(size);
  const list = LISTS + ((<usize>cls) << alignof<usize>());
  const free = load<usize>(list);
  if (free) {
    store<usize>(list, load<usize>(free));
    return free;
  }
  const end = top + ((<usize>1) << cls);
  // The last 16 bytes stay unused, so that a 16-byte load which begins in a block can't trap.
  if (end + 16 > (<usize>memory.size()) << 16) return 0;
  const block = top;
  top = end;
  return block;
}

/** Hands back what `allocate(size)` gave. */
export function release(block: usize, size: usize): void {
  const list = LISTS + ((<usize>sizeClass(size)) << alignof<usize>());
  store<usize>(block, load<usize>(list));
  store<usize>(list, block);
}
