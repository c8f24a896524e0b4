/** Bytes that wait to be written, in order. */
export class Outbox {
  #parts: Uint8Array[] = [];
  /** The first part that waits, and how much of it was taken. */
  #first = 0;
  #offset = 0;
  #size = 0;

  /** How many bytes wait. */
  get size(): number {
    return this.#size;
  }

  push(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      if (part.length === 0) continue;
      this.#parts.push(part);
      this.#size += part.length;
    }
  }

  /** Takes out the next bytes, `limit` at most, without copying them. */
  take(limit: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    for (let room = limit; room > 0 && this.#first < this.#parts.length; ) {
      const part = this.#parts[this.#first] as Uint8Array;
      const piece = part.subarray(this.#offset, this.#offset + room);
      taken.push(piece);
      room -= piece.length;
      this.#size -= piece.length;
      this.#offset += piece.length;
      if (this.#offset === part.length) {
        this.#first++;
        this.#offset = 0;
      }
    }
    if (this.#first === this.#parts.length) this.clear();
    return taken;
  }

  clear(): void {
    this.#parts = [];
    this.#first = 0;
    this.#offset = 0;
    this.#size = 0;
  }
}
