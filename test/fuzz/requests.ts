import { bytesOf, concat } from "../codec/packets.ts";
import type { Randoms } from "../support/faults/randoms.ts";
import { NARROW, TOKEN } from "../support/tokens.ts";

/* Requests to the HTTP door, made of what it takes and of what is next to that. */

const METHODS = ["GET", "POST", "POST", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "get", "BREW"];
const NAMES = [
  ...[
    "reverse",
    "reverse",
    "nobody",
    "nobody",
    "fails",
    "throws",
    "chatters",
    "a%0Ab",
    "%00",
    "%C3%A9",
    "%",
    "%ff",
    "+",
  ],
  ...[
    "%2F",
    "..",
    "%2e%2e",
    "",
    "a b",
    "%E2%80%A8",
    "x".repeat(600),
    "H:a:1",
    "H:a:2",
    "H:a:99",
    "H:",
    ":",
    "%F0%9F%98%80",
  ],
];
const PATHS = ["/jobs/", "/jobs/", "/run/", "/run/", "/jobs", "/run", "/health", "/openapi.json", "/", "//", "/jobs//"];
const KEYS = ["unique", "priority", "delay", "timeout", "callback", "UNIQUE", "x", "", "un%69que"];
const VALUES = [
  ...["u1", "u2", "", "high", "low", "normal", "0", "1", "50", "200", "-1", "1e3", "99999999999999999999", "NaN", "%"],
  ...[
    "%00",
    "%0a",
    "u".repeat(63),
    "u".repeat(64),
    "%F0%9F%98%80",
    "https://hooks.example.com/",
    "a=b",
    "true",
    "0x10",
  ],
];
const HEADERS: readonly (readonly [name: string, values: readonly string[]])[] = [
  ["Accept", ["text/event-stream", "text/event-stream;q=0", "*/*", "text/event-stream, application/json", ",;,", ""]],
  [
    "Content-Type",
    ["application/x-ndjson", "application/json", "text/plain", "application/x-ndjson; charset=x", ";", ""],
  ],
  ["Content-Encoding", ["gzip", "identity", "br", "", "identity, identity"]],
  ["Idempotency-Key", ["k1", "k2", "", "a b", "k".repeat(64), "\u00ff"]],
  [
    "Authorization",
    ["", "Bearer", "Bearer x", `Bearer ${NARROW}`, "Basic eDp5", `bearer ${TOKEN}`, `Bearer  ${TOKEN}`],
  ],
  ["Origin", ["https://app.example.com", "null", "", "x"]],
  ["Access-Control-Request-Method", ["POST", "x", ""]],
  ["Last-Event-ID", ["1", "", "-1", "x"]],
  ["Range", ["bytes=0-1", "x"]],
  ["Expect", ["100-continue", "x"]],
  ["Transfer-Encoding", ["chunked", "identity"]],
  ["Content-Length", ["0", "1", "5", "-1", "1e3", "1, 1", "4294967296", "99999999999999999999", "x"]],
  ["If-None-Match", ["*", '"x"']],
  ["X-Forwarded-For", ["127.0.0.1"]],
  ["Cookie", ["a=b", "x".repeat(5_000)]],
];
const JSON_VALUES = [
  ...['"nobody"', '"reverse"', '""', "null", "true", "-1", "0", "1e999", "[]", "{}", '"\\u0000"', '"\\ud800"', '"u1"'],
  ...['"high"', '"x"', '"eHl6"', '"***"', "1000", "0.5", '{"a":[1,2,{"b":null}]}', `"${"x".repeat(3_000)}"`],
];
const JSON_KEYS = [
  "function",
  "function",
  "workload",
  "base64",
  "unique",
  "priority",
  "delay",
  "x",
  "__proto__",
  "toString",
];

function line(randoms: Randoms): string {
  if (randoms.below(10) === 0)
    return randoms.pick(["", " ", "{", "null", "[]", '"x"', "1", "{}", "\ufeff{}", "\u0000"]);
  const pairs = Array.from(
    { length: randoms.below(5) },
    () => `${JSON.stringify(randoms.pick(JSON_KEYS))}:${randoms.pick(JSON_VALUES)}`,
  );
  return `{${['"function":"nobody"', ...pairs].slice(randoms.below(4) ? 0 : 1).join(",")}}`;
}

function body(randoms: Randoms): Uint8Array {
  switch (randoms.below(6)) {
    case 0:
      return new Uint8Array();
    case 1:
      return new Uint8Array(randoms.pick([1, 1_000, 50_000, 70_000, 100_001])).fill(0x78);
    case 2:
      return Uint8Array.from({ length: randoms.below(50) }, () => randoms.below(256));
    default: {
      const lines = Array.from({ length: 1 + randoms.below(5) }, () => line(randoms));
      return bytesOf(lines.join(randoms.pick(["\n", "\n", "\n", "\r\n", ""])) + randoms.pick(["\n", ""]));
    }
  }
}

/** What the door takes, and which parameters it takes there. */
const RIGHT: readonly (readonly [method: string, path: string, keys: readonly string[]])[] = [
  ["POST", "/jobs/nobody", ["unique", "priority", "delay"]],
  ["POST", "/jobs/reverse", ["unique", "priority", "delay", "callback"]],
  ["POST", "/run/reverse", ["unique", "priority", "timeout"]],
  ["POST", "/run/fails", ["timeout"]],
  ["POST", "/run/throws", ["priority"]],
  ["POST", "/run/chatters", ["unique", "timeout"]],
  ["POST", "/run/nobody", ["unique", "timeout"]],
  ["POST", "/jobs", []],
  ["POST", "/jobs", []],
  ["GET", "/jobs", ["unique"]],
  ["GET", "/jobs/H:a:1", []],
  ["GET", "/health", []],
];

/** A request as it travels: of what is taken, with something odd in one place, or odd all over. */
export function request(randoms: Randoms): Uint8Array {
  if (randoms.below(2)) {
    const [method, path, keys] = randoms.pick(RIGHT);
    const query = keys.length > 0 && randoms.below(3) ? `?${randoms.pick(keys)}=${randoms.pick(VALUES)}` : "";
    const odd = randoms.below(4) ? [] : [oddHeader(randoms)];
    return travelling(`${method} ${path}${query}`, odd, body(randoms), randoms);
  }
  const path = randoms.pick(PATHS) + (randoms.below(5) ? randoms.pick(NAMES) : "");
  const pairs = Array.from({ length: randoms.pick([0, 0, 1, 1, 2, 3]) }, () =>
    randoms.below(6) ? `${randoms.pick(KEYS)}=${randoms.pick(VALUES)}` : randoms.pick([...KEYS, "&", "=", "==", "?"]),
  );
  const query = pairs.length > 0 ? `?${pairs.join("&")}` : "";
  const headers = Array.from({ length: randoms.pick([0, 0, 1, 1, 2, 3]) }, () => oddHeader(randoms));
  return travelling(`${randoms.pick(METHODS)} ${path.replaceAll(" ", "%20")}${query}`, headers, body(randoms), randoms);
}

function oddHeader(randoms: Randoms): string {
  const [name, values] = randoms.pick(HEADERS);
  return `${name}: ${randoms.pick(values)}`;
}

function travelling(line: string, odd: readonly string[], content: Uint8Array, randoms: Randoms): Uint8Array {
  const headers = [...odd];
  if (randoms.below(2)) headers.push("Content-Type: application/x-ndjson");
  if (!headers.some((each) => each.startsWith("Authorization"))) headers.push(`Authorization: Bearer ${TOKEN}`);
  if (!headers.some((each) => /^(Content-Length|Transfer)/.test(each)))
    headers.push(`Content-Length: ${content.length}`);
  const head = [`${line} HTTP/1.1`, "Host: door", "Connection: close", ...headers].join("\r\n");
  return concat([Buffer.from(`${head}\r\n\r\n`, "latin1"), content]);
}
