import { conforms } from "../workerd/conforms.ts";

/*
 * What the HTTP door may answer to bytes: what openapi.json says of that path. Only bytes that are no request at all may
 * be answered by who reads HTTP before the door, or not at all.
 */

/** A request as it travels, taken apart; undefined when it isn't one, by RFC 9112. */
export function requestOf(input: Uint8Array): Request | undefined {
  const text = Buffer.from(input).toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const [, method = "", target = ""] = /^([A-Z]+) (\/[\x21-\x7e]*) HTTP\/1\.1$/.exec(first) ?? [];
  // Other methods are no word that whoever reads HTTP before the door knows.
  if (!METHODS.includes(method)) return undefined;
  const headers = lines.map((line) => /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*)$/.exec(line));
  if (headers.some((header) => header === null)) return undefined;
  const values = (name: string) =>
    headers.flatMap((header) => (header?.[1]?.toLowerCase() === name ? [header[2]?.trim() ?? ""] : []));
  const [size = "", ...sizes] = values("content-length");
  if (sizes.length > 0 || !/^\d+$/.test(size) || values("transfer-encoding").length > 0) return undefined;
  if (values("host").length !== 1 || values("host")[0] !== "door") return undefined;
  // What is to be waited for, or comes behind, is another request.
  if (Number(size) !== input.length - end - 4 || values("connection")[0] !== "close") return undefined;
  if (values("expect").some((value) => value.toLowerCase() !== "100-continue")) return undefined;
  if (!URL.canParse(`http://door${target}`)) return undefined;
  return new Request(`http://door${target}`, { method: method === "TRACE" ? "GET" : method });
}

const METHODS = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"];

/** What came, as a response; undefined when nothing came. */
export function responseOf(came: Buffer, method: string): Response | undefined {
  const text = came.toString("latin1").replace(/^HTTP\/1\.1 100 [\s\S]*?\r\n\r\n/, "");
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? 0);
  if (end < 0 || status < 200) return undefined;
  const headers = new Headers(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
  const rest = text.slice(end + 4);
  const content = headers.get("transfer-encoding") === "chunked" ? unchunked(rest) : rest;
  const bodiless = status === 204 || status === 304 || method === "HEAD";
  return new Response(bodiless ? null : Buffer.from(content, "latin1"), { status, headers });
}

function unchunked(text: string): string {
  let content = "";
  for (let at = 0; ; ) {
    const [line = "", digits = ""] = /^([0-9a-fA-F]+)\r\n/.exec(text.slice(at, at + 20)) ?? [];
    const size = Number.parseInt(digits, 16);
    if (!(size > 0)) return content;
    content += text.slice(at + line.length, at + line.length + size);
    at += line.length + size + 2;
  }
}

/** What is wrong about an answer, if anything is. */
export async function complaint(request: Request | undefined, came: Buffer): Promise<string | undefined> {
  const response = responseOf(came, request?.method ?? "");
  if (!response) return request ? "it was not answered" : undefined;
  const text = came.toString("latin1");
  const said = JSON.stringify(text.slice(0, 400));
  if (!request) {
    const known = response.status < 500 || NO_METHOD.test(text) || /"code":"(?!INTERNAL)[A-Z_]+"/.test(text);
    return known ? undefined : `${response.status}: ${said}`;
  }
  try {
    await conforms(request, response);
  } catch (error) {
    return `${(error as Error).message}: ${said}`;
  }
  return undefined;
}

/** workerd's own word for a method that it never heard of. */
const NO_METHOD = /^HTTP\/1\.1 501 [\s\S]*\r\n\r\nERROR: Unrecognized request method\.$/;
