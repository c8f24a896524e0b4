import { show } from "../connection/check.js";
import { ProtocolError, ServerError } from "../errors.js";

/** Codes are one word in capitals (gearmand) or with an underscore (Perl's gearmand). Some of gearmand's lines have none. */
const CODE = /^([A-Z][A-Z_]+|[a-z]+_[a-z_]+)(?: |$)/;

/** The error that an ERR line tells of. */
export function errorOf(line: string, command: string): ServerError {
  const words = line.slice(4);
  const code = CODE.exec(words)?.[1];
  const text = decode(code === undefined ? words : words.slice(code.length + 1)).trim();
  if (isUnknownCommand(code)) return new ServerError(code, `this server doesn't know ${show(command)}`);
  return new ServerError(code ?? "ERR", text);
}

/** Whether a code says that the server knows no such command. gearmand has another one for the commands that begin with `show`. */
export function isUnknownCommand(code: string | undefined): code is string {
  return code?.toUpperCase() === "UNKNOWN_COMMAND" || code === "UNKNOWN_SHOW_ARGUMENTS";
}

/** What a line says behind its OK. */
export function okOf(line: string, command: string): string {
  const [, text] = /^OK(?: (.*))?$/.exec(line) ?? [];
  if (text === undefined && line !== "OK") throw unexpected(line, command);
  return text ?? "";
}

export function unexpected(line: string, command: string): ProtocolError {
  return new ProtocolError(`the server answered ${show(command)} with ${show(line)}, which is no answer to it`);
}

/** gearmand's texts are written as in URLs. */
function decode(text: string): string {
  const words = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(words);
  } catch {
    return words;
  }
}
