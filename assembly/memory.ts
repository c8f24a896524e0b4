/*
 * Memory: one instance serves every connection of the program, so what a connection needs is taken from here when it
 * opens and handed back when it closes. Blocks are powers of two; a freed one waits in its size's list for the next
 * that asks. Memory only ever grows (WebAssembly knows no other way), and only as far as the build's fixed maximum.
 */

/** log2 of the smallest block. */
const SMALLEST: i32 = 6;
const LISTS: usize = memory.data(32 * sizeof<usize>());

/** Where memory that was never used begins. */
let top: usize = (__heap_base + 63) & ~63;

function sizeClass(size: usize): i32 {
  return max<i32>(SMALLEST, 32 - clz<i32>(<i32>(size - 1)));
}

/** A block of at least `size` bytes, zeroed or not, or 0 when the fixed maximum is reached. */
export function allocate(size: usize): usize {
  const cls = sizeClass(size);
  const list = LISTS + ((<usize>cls) << alignof<usize>());
  const free = load<usize>(list);
  if (free) {
    store<usize>(list, load<usize>(free));
    return free;
  }
  const end = top + ((<usize>1) << cls);
  // A byte more than 16 past the end stays mapped, so that a 16-byte load which begins in a block can't trap.
  const missing = <i32>(((end + 16 + 0xffff) >>> 16) - memory.size());
  if (missing > 0 && memory.grow(missing) < 0) return 0;
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
