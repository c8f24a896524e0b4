/*
 * The table of a connection's job handles: the handle's bytes in, a small number out (its slot), so that the library
 * follows jobs by array index and never makes a string of a handle that nobody asked to see.
 *
 * Entries lie in one array by slot number; an index of twice as many cells (linear probing, deletion by shifting back)
 * finds them. A slot given up is not given out again before the next `recycle`: frames that were decoded earlier in
 * the same batch may still carry it.
 */
import { NO_SLOT } from "./layout";
import { allocate, release as free } from "./memory";
import { equal, hash } from "./scan";

const FIRST_CAPACITY: i32 = 16;

// An entry: its handle's length in one byte, then the handle's bytes (63 at most). Given up: a length of 0, and further
// on the next slot of its list.
const ENTRY_SHIFT: i32 = 6;
const ENTRY_NEXT: usize = 4;
// A cell of the index: the handle's hash, then its slot + 1, or 0 in an empty cell.
const CELL_SHIFT: i32 = 3;
const CELL_SLOT: usize = 4;

@unmanaged
export class Slots {
  entries: usize;
  index: usize;
  /** Entries there is room for: a power of two. The index has twice as many cells. */
  capacity: i32;
  /** Slots below this were given out at least once. */
  used: i32;
  /** Heads of two lists of slots, or NO_SLOT: free, and given up since the last `recycle`. */
  free: i32;
  released: i32;
  releasedTail: i32;

  setup(): bool {
    this.capacity = 0;
    this.used = 0;
    this.free = NO_SLOT;
    this.released = NO_SLOT;
    return this.grow(FIRST_CAPACITY);
  }

  teardown(): void {
    free(this.entries, (<usize>this.capacity) << ENTRY_SHIFT);
    free(this.index, (<usize>this.capacity) << (CELL_SHIFT + 1));
  }

  /** The slot of the handle at `at`, or NO_SLOT. */
  find(at: usize, size: usize): i32 {
    const h = hash(at, size);
    const mask = this.mask();
    let cell = <i32>h & mask;
    let slot: i32;
    while ((slot = load<i32>(this.cell(cell), CELL_SLOT) - 1) != NO_SLOT) {
      if (load<u32>(this.cell(cell)) == h) {
        const entry = this.entry(slot);
        if (load<u8>(entry) == <u8>size && equal(entry + 1, at, size)) return slot;
      }
      cell = (cell + 1) & mask;
    }
    return NO_SLOT;
  }

  /** Whether a slot is a job's: it was given out, and not given up since. */
  bound(slot: i32): bool {
    return <u32>slot < <u32>this.used && load<u8>(this.entry(slot)) != 0;
  }

  /** The slot of the handle at `at` (1 to 63 bytes), a new one if it had none, or NO_SLOT when the table can't grow. */
  bind(at: usize, size: usize): i32 {
    const known = this.find(at, size);
    if (known != NO_SLOT) return known;
    let slot = this.free;
    if (slot != NO_SLOT) {
      this.free = load<i32>(this.entry(slot), ENTRY_NEXT);
    } else {
      if (this.used == this.capacity && !this.grow(this.capacity << 1)) return NO_SLOT;
      slot = this.used++;
    }
    const entry = this.entry(slot);
    store<u8>(entry, <u8>size);
    memory.copy(entry + 1, at, size);
    this.link(hash(at, size), slot);
    return slot;
  }

  /** Forgets a slot's handle. The number itself comes back with the next `recycle`. A slot that isn't bound is left alone. */
  release(slot: i32): void {
    if (!this.bound(slot)) return;
    const mask = this.mask();
    const entry = this.entry(slot);
    let gap = <i32>hash(entry + 1, load<u8>(entry)) & mask;
    while (load<i32>(this.cell(gap), CELL_SLOT) != slot + 1) gap = (gap + 1) & mask;
    // Shifting back: whatever probed past this cell moves into the gap, so that no search ends at it.
    for (let next = (gap + 1) & mask; ; next = (next + 1) & mask) {
      const place = this.cell(next);
      if (!load<i32>(place, CELL_SLOT)) break;
      const home = <i32>load<u32>(place) & mask;
      if (((next - home) & mask) >= ((next - gap) & mask)) {
        store<u64>(this.cell(gap), load<u64>(place));
        gap = next;
      }
    }
    store<u64>(this.cell(gap), 0);
    if (this.released == NO_SLOT) this.releasedTail = slot;
    store<u8>(entry, 0);
    store<i32>(entry, this.released, ENTRY_NEXT);
    this.released = slot;
  }

  /** Lets the slots that were given up be given out again. */
  recycle(): void {
    if (this.released == NO_SLOT) return;
    store<i32>(this.entry(this.releasedTail), this.free, ENTRY_NEXT);
    this.free = this.released;
    this.released = NO_SLOT;
  }

  /** Where the bytes of a bound slot's handle are. */
  bytes(slot: i32): usize {
    return this.entry(slot) + 1;
  }

  /** How many they are. */
  size(slot: i32): usize {
    return <usize>load<u8>(this.entry(slot));
  }

  private mask(): i32 {
    return (this.capacity << 1) - 1;
  }

  private entry(slot: i32): usize {
    return this.entries + ((<usize>slot) << ENTRY_SHIFT);
  }

  private cell(number: i32): usize {
    return this.index + ((<usize>number) << CELL_SHIFT);
  }

  private link(h: u32, slot: i32): void {
    const mask = this.mask();
    let cell = <i32>h & mask;
    while (load<i32>(this.cell(cell), CELL_SLOT)) cell = (cell + 1) & mask;
    store<u32>(this.cell(cell), h);
    store<i32>(this.cell(cell), slot + 1, CELL_SLOT);
  }

  private grow(capacity: i32): bool {
    const entries = allocate((<usize>capacity) << ENTRY_SHIFT);
    if (!entries) return false;
    const indexSize = (<usize>capacity) << (CELL_SHIFT + 1);
    const index = allocate(indexSize);
    if (!index) {
      free(entries, (<usize>capacity) << ENTRY_SHIFT);
      return false;
    }
    memory.fill(index, 0, indexSize);
    const before = this.capacity;
    const oldEntries = this.entries;
    const oldIndex = this.index;
    this.entries = entries;
    this.index = index;
    this.capacity = capacity;
    if (before) {
      memory.copy(entries, oldEntries, (<usize>before) << ENTRY_SHIFT);
      for (let old = oldIndex; old < oldIndex + ((<usize>before) << (CELL_SHIFT + 1)); old += 1 << CELL_SHIFT) {
        const slot = load<i32>(old, CELL_SLOT) - 1;
        if (slot != NO_SLOT) this.link(load<u32>(old), slot);
      }
      free(oldEntries, (<usize>before) << ENTRY_SHIFT);
      free(oldIndex, (<usize>before) << (CELL_SHIFT + 1));
    }
    return true;
  }
}
