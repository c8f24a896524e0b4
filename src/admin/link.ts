import { isForeignRequest } from "#platform";
import { serverName } from "../connection/address.js";
import { show } from "../connection/check.js";
import { type Connect, dialServer } from "../connection/dial.js";
import { connectionError } from "../connection/explain.js";
import { Fifo } from "../connection/fifo.js";
import { ClosedError, ConnectionLostError, ProtocolError, RequestScopeError, TimeoutError } from "../errors.js";
import type { Address, Receiver, Transport } from "../platform/transport.js";
import { LineReader } from "./lines.js";

/** What a link to a server is given. */
export interface LinkOptions {
  /** Milliseconds until the connection must be there. */
  connectTimeout: number;
  /** Milliseconds until a command must be answered; an answer that still comes in is not late. */
  requestTimeout: number;
  /** The most bytes that an answer may have. */
  maxAnswerSize: number;
  connect: Connect | undefined;
}

/** How an answer ends: it is one line, or lines up to one that is a dot. */
export type AnswerKind = "line" | "lines";

/** What came for a command: lines, without their ends and the dot, or an ERR line in place of them. */
export type Answer = { readonly lines: readonly string[]; readonly error?: undefined } | { readonly error: string };

interface Command {
  readonly text: string;
  readonly kind: AnswerKind;
  readonly lines: string[];
  size: number;
  since: number;
  sent: boolean;
  /** Whether nobody waits for the answer any more. It still comes. */
  dropped: boolean;
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** Bytes that one read takes at most. */
const WINDOW_SIZE = 65_536;

/** How an HTTP server answers what it doesn't understand. */
const HTTP = /^HTTP\/1\.[01] \d{3} .*\r$/;

/** How long a closing connection may take to be gone, in milliseconds. */
const CLOSE_TIMEOUT = 1_000;

/** Above this the program itself was busy when the timer was due, and so long it then reads before it judges. In milliseconds. */
const LATE = 50;
const READ_TIME = 20;

/** How often in a row that is waited for: a program that is always busy has time limits, too. */
const READS = 5;

const encoder = new TextEncoder();

/**
 * A connection that speaks the text protocol: commands go out in the order in which they are given, those from before
 * it is open included, and answers come back in the same.
 *
 * It is no `Channel`: that one hands out packets, and is limited to lines of 64 KiB. The answers here are text alone,
 * and a line of `workers` has the names of all functions of one worker.
 */
export class Link implements Receiver {
  /** `host:port` */
  readonly server: string;
  readonly #options: LinkOptions;
  readonly #commands = new Fifo<Command>();
  readonly #reader = new LineReader();
  readonly #window = new Uint8Array(WINDOW_SIZE);
  readonly #opening = new AbortController();
  readonly #gone: () => void;
  #transport: Transport | undefined;
  #over = false;
  #cause: Error | undefined;
  #lastReceived = 0;
  /** Bytes that came while no command was waiting. */
  #unasked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reads = 0;
  #whenQuiet: (() => void) | undefined;
  #whenClosed: (() => void) | undefined;

  /** @param gone called once it is of no use any more */
  constructor(address: Address, options: LinkOptions, gone: () => void) {
    this.server = serverName(address);
    this.#options = options;
    this.#gone = gone;
    void this.#open(address);
  }

  /**
   * Gives a command.
   * @throws ConnectionError, TimeoutError, ConnectionLostError, ClosedError, ProtocolError (as a rejection), or the
   * signal's reason; a command that had not been sent by then isn't
   */
  ask(text: string, kind: AnswerKind, signal: AbortSignal | undefined): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        command.dropped = true;
        settle();
        reject(signal?.reason);
      };
      const settle = () => signal?.removeEventListener("abort", abort);
      const command: Command = {
        text,
        kind,
        lines: [],
        size: 0,
        since: performance.now(),
        sent: false,
        dropped: false,
        resolve: (answer) => {
          settle();
          resolve(answer);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      this.#commands.push(command);
      if (this.#transport) this.#send(command);
    });
  }

  /** Resolves once every command has its answer. */
  async quiet(): Promise<void> {
    if (this.#commands.length > 0) await new Promise<void>((resolve) => (this.#whenQuiet = resolve));
  }

  /** Closes, in bounded time. */
  async close(cause: ClosedError): Promise<void> {
    if (!this.#transport || this.#over) return this.destroy(cause);
    const timer = setTimeout(() => this.destroy(cause), CLOSE_TIMEOUT);
    const closed = new Promise<void>((resolve) => (this.#whenClosed = resolve));
    this.#transport.end();
    await closed;
    clearTimeout(timer);
  }

  /** Closes at once. What waits rejects. */
  destroy(cause: Error): void {
    if (this.#over) return;
    this.#cause ??= cause;
    this.#opening.abort(cause);
    this.#transport?.destroy();
    this.#end();
  }

  window(): Uint8Array {
    return this.#window;
  }

  received(count: number): void {
    if (this.#over) return;
    this.#lastReceived = performance.now();
    const lines = this.#reader.read(this.#window.subarray(0, count));
    const first = this.#commands.peek();
    if (first) {
      first.size += count;
      // Counted by reads, so that a line that never ends is noticed, too.
      if (first.size > this.#options.maxAnswerSize) this.destroy(this.#tooLarge(first));
    } else {
      this.#unasked += count;
      if (this.#unasked > WINDOW_SIZE)
        this.destroy(new ProtocolError(`${this.server} sent bytes that nobody asked for`));
    }
    for (const line of lines) {
      if (this.#over) return;
      const command = this.#commands.peek();
      if (HTTP.test(line) && command?.lines.length === 0)
        this.destroy(new ProtocolError(`${this.server} is no job server: it answers in HTTP`));
      else if (command) this.#take(command, line);
      else this.destroy(new ProtocolError(`${this.server} sent the line ${show(line)}, which answers no command`));
    }
    if (this.#commands.length === 0) this.#whenQuiet?.();
  }

  closed(cause: Error | undefined): void {
    this.#cause ??= cause;
    this.#end();
    this.#whenClosed?.();
  }

  async #open(address: Address): Promise<void> {
    const { connectTimeout, connect } = this.#options;
    const words = `the job server ${this.server} did not take the connection in time`;
    const late = () => this.#opening.abort(new TimeoutError("connectTimeout", connectTimeout, words));
    const timer = setTimeout(late, connectTimeout);
    const { signal } = this.#opening;
    try {
      const transport = await dialServer(address, this, signal, connect);
      if (this.#over) return transport.destroy();
      this.#transport = transport;
      for (const command of this.#commands.drain()) {
        if (command.dropped) continue;
        this.#commands.push(command);
        this.#send(command);
      }
      if (this.#commands.length === 0) this.#whenQuiet?.();
    } catch (error) {
      this.#cause = signal.aborted ? signal.reason : connectionError(this.server, error);
      this.#end();
    } finally {
      clearTimeout(timer);
    }
  }

  #take(command: Command, line: string): void {
    const { kind, lines } = command;
    if (kind === "lines") {
      // An error takes the place of the lines. It ends in CRLF, and a row in a line feed.
      const isError = lines.length === 0 && /^ERR .*\r$/s.test(line);
      if (isError) this.#answer(command, { error: line.slice(0, -1) });
      else if (line === ".") this.#answer(command, { lines });
      else lines.push(line);
      return;
    }
    const text = line.replace(/\r$/, "");
    this.#answer(command, /^ERR( |$)/.test(text) ? { error: text } : { lines: [text] });
  }

  #answer(command: Command, answer: Answer): void {
    this.#commands.shift();
    if (!command.dropped) command.resolve(answer);
  }

  #send(command: Command): void {
    command.sent = true;
    command.since = performance.now();
    // gearmand cuts a character off some arguments when a bare line feed ends them.
    this.#transport?.write([encoder.encode(`${command.text}\r\n`)]);
    this.#timer ??= setTimeout(() => this.#expire(command.since), this.#options.requestTimeout);
  }

  /** Gives the connection up when the first command's answer doesn't come: those behind it could not come, either. */
  #expire(since: number): void {
    this.#timer = undefined;
    const first = this.#commands.peek();
    if (!first) return;
    const { requestTimeout } = this.#options;
    const now = performance.now();
    const left = Math.max(first.since, this.#lastReceived) + requestTimeout - now;
    // The program was busy: what came meanwhile is read only after timers, and must have its chance.
    const busy = now > since + requestTimeout + LATE && this.#reads++ < READS;
    if (!busy) this.#reads = 0;
    if (left > 0 || busy) {
      const wait = Math.max(left, READ_TIME);
      this.#timer = setTimeout(() => this.#expire(now + wait - requestTimeout), wait);
      return;
    }
    const begun =
      first.lines[0] === undefined ? "" : `: the answer began with ${show(first.lines[0])}, and did not end`;
    const words = `the job server ${this.server} did not answer ${show(first.text)} in time${begun}`;
    const error = new TimeoutError("requestTimeout", requestTimeout, words);
    if (!first.dropped) first.reject(error);
    first.dropped = true;
    this.destroy(error);
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#gone();
    for (const { dropped, sent, text, reject } of this.#commands.drain())
      if (!dropped) reject(this.#failure(text, sent));
    this.#whenQuiet?.();
  }

  /** The error for a command whose answer can't come any more. */
  #failure(text: string, sent: boolean): Error {
    const cause = this.#cause;
    // No connection was made, or it was closed on purpose, or broken for a reason that concerns everyone.
    if (cause && (!this.#transport || cause instanceof ClosedError || cause instanceof ProtocolError)) return cause;
    if (cause && isForeignRequest(cause)) return new RequestScopeError({ cause });
    const fate = sent
      ? `${show(text)} was sent, but not answered; whether it was done is not known`
      : `${show(text)} had not been sent`;
    const why = cause ? `: ${cause.message}` : "";
    const words = `the connection to the job server ${this.server} was lost${why}. ${fate}`;
    return new ConnectionLostError(this.server, words, { sent, cause });
  }

  #tooLarge({ text }: Command): ProtocolError {
    const { maxAnswerSize } = this.#options;
    return new ProtocolError(
      `the answer of ${this.server} to ${show(text)} has more than maxAnswerSize (${maxAnswerSize} bytes)`,
    );
  }
}
