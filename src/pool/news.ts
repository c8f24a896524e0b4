import type { News } from "./messages.js";

/** How long news may wait for company, in milliseconds: a message a job would cost more than the job. */
const WAIT = 10;

/** So many aren't waited with. */
const MOST = 500;

/** Collects what happens, and tells it in batches. */
export class NewsDesk {
  readonly #send: (news: readonly News[]) => void;
  #news: News[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the start of a job was last told at once. */
  #hurried = Number.NEGATIVE_INFINITY;

  constructor(send: (news: readonly News[]) => void) {
    this.#send = send;
  }

  tell(news: News): void {
    this.#news.push(news);
    if (this.#news.length >= MOST || this.#hurries(news)) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), WAIT);
  }

  /** The start of a job is told before its handler is called, which may take the process along; but for jobs in a rush. */
  #hurries({ at }: News): boolean {
    const now = performance.now();
    if (at !== "start" || now - this.#hurried < WAIT) return false;
    this.#hurried = now;
    return true;
  }

  /** Tells what there is. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#news.length === 0) return;
    const news = this.#news;
    this.#news = [];
    this.#send(news);
  }
}
