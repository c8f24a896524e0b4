/*
 * What a command says: results on the standard output, everything else on the standard error.
 */
import util from "node:util";
import { write } from "./streams.js";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
type Stream = NodeJS.WriteStream;

/** Whether a stream takes colours: a terminal does, unless NO_COLOR says otherwise; FORCE_COLOR says it of anything. */
export function isColoured(stream: Stream, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return stream.isTTY === true && env.TERM !== "dumb";
}

/** A text in a style, where the stream takes one. */
export function paint(style: Style, text: string, stream: Stream = process.stdout): string {
  // The first Node 20s have no styleText. Later ones look themselves whether there is a terminal, but at the wrong stream.
  if (!isColoured(stream) || typeof util.styleText !== "function") return text;
  return util.styleText(style, text, { validateStream: false });
}

/** Writes a line to the standard output. Resolves once it is taken. */
export function say(line: string): Promise<void> {
  return write(`${line}\n`);
}

/** Writes a value to the standard output, as one line of JSON. Resolves once it is taken. */
export function sayJson(value: unknown): Promise<void> {
  return say(JSON.stringify(value));
}

const STYLES = { error: "red", warning: "yellow" } as const;

/** Says something that is no result. */
export function note(kind: "error" | "warning", words: string): void {
  const text = `edgear: ${kind === "warning" ? "warning: " : ""}${printable(words, true)}`;
  process.stderr.write(`${paint(STYLES[kind], text, process.stderr)}\n`);
}

/** A text that comes from elsewhere, as it may go to a terminal: without what would steer that, or turn it around. */
export function printable(text: string, lines = false): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (character) => {
    if (lines && (character === "\n" || character === "\t")) return character;
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u{${code}}` : `\\x${code.padStart(2, "0")}`;
  });
}
