/** For whoever looks again and again whether something is so: not before something has happened, or some time is over. */
export class Wake {
  #wake = () => {};

  /** Something has happened. */
  up(): void {
    this.#wake();
  }

  /** Waits until something happens, for so many milliseconds at most. */
  async wait(milliseconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, milliseconds);
    });
    clearTimeout(timer);
  }
}
