import type { Answer } from "./context.js";
import { jsonOf } from "./json.js";

/** Characters that are written at once. */
const PIECE = 65_536;

/**
 * Server-Sent Events, and now and then, in a line that readers of events pass over, that there is nothing to say:
 * proxies cut what looks dead, and a client that has left in silence is noticed only by a write.
 */
export class Events {
  readonly #write: Answer["write"];
  readonly #timer: ReturnType<typeof setInterval>;
  /** What is being written: nothing may come in between. A reader that is behind gets no heap of signs of life. */
  #writing: Promise<void> | undefined;

  /** Rejects when nobody has taken a sign of life: the job itself may tell nothing for long. */
  readonly failed: Promise<never>;

  constructor(write: Answer["write"], keepAlive: number) {
    this.#write = write;
    let fail!: (error: unknown) => void;
    this.failed = new Promise((_, reject) => {
      fail = reject;
    });
    this.failed.catch(() => {});
    this.#timer = setInterval(() => {
      if (!this.#writing) this.#begin([": still here\n\n"]).catch(fail);
    }, keepAlive);
  }

  /** Writes an event, one after the other. JSON has no line feeds of its own, which would end it early. */
  async send(event: string, data: object | Uint8Array): Promise<void> {
    await this.#writing;
    await this.#begin(frame(event, data instanceof Uint8Array ? jsonOf(data) : [JSON.stringify(data)]));
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #begin(parts: Iterable<string>): Promise<void> {
    const writing = this.#writeAll(parts).finally(() => {
      this.#writing = undefined;
    });
    this.#writing = writing;
    return writing;
  }

  async #writeAll(parts: Iterable<string>): Promise<void> {
    let text = "";
    for (const part of parts) {
      if (text && text.length + part.length > PIECE) {
        await this.#write(text);
        text = "";
      }
      text += part;
    }
    await this.#write(text);
  }
}

function* frame(event: string, json: Iterable<string>): Generator<string, void, undefined> {
  yield `event: ${event}\ndata: `;
  yield* json;
  yield "\n\n";
}
