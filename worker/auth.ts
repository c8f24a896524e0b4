import { misconfigured, Problem } from "./problem.js";
import type { Env } from "./settings.js";
import { json, list } from "./settings.js";

/** Somebody who may come in. */
export interface Token {
  readonly name: string;
  /** The only functions that it may submit jobs for; default: all. */
  readonly functions?: readonly string[];
}

interface StoredToken extends Token {
  /** SHA-256 of the token, in hex: whoever reads the settings can't come in by them. */
  readonly hash: string;
}

const HOW =
  "store the secret GEARMAN_TOKENS (npx wrangler secret put GEARMAN_TOKENS), " +
  '[{"name": "web", "hash": "<the token\'s SHA-256, in hex>", "functions": ["resize"]}]: docs/cloudflare.md says how to make one';

/**
 * Who sent a request.
 * @throws Problem when it is nobody who may come in, and when nobody may
 */
export async function authenticate(request: Request, env: Env): Promise<Token> {
  const tokens = storedTokens(env);
  if (tokens.length === 0)
    throw new Problem(503, "NO_TOKENS", `this Worker lets nobody in, as it knows no token yet: ${HOW}`);
  const header = request.headers.get("authorization");
  if (header === null) throw unauthorized("this needs a token: send the header Authorization: Bearer …");
  const presented = /^Bearer +([\w.~+/-]+=*)$/i.exec(header)?.[1];
  if (presented === undefined)
    throw unauthorized("the header Authorization must be Bearer and a token", 'error="invalid_request"');
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(presented)));
  let found: StoredToken | undefined;
  // All are compared, each in constant time: how long it takes tells nothing.
  for (const token of tokens) if (crypto.subtle.timingSafeEqual(digest, bytesOfHex(token.hash))) found = token;
  if (!found) throw unauthorized("this token is not known here", 'error="invalid_token"');
  return found;
}

/** @throws Problem when no job of this function may be submitted, by this token (default: by whoever is inside) or at all */
export function permit(env: Env, name: string, token?: Token): void {
  // What was meant to close must not open.
  if (env.GEARMAN_FUNCTIONS === "")
    throw misconfigured(
      "GEARMAN_FUNCTIONS is empty: leave it out to take jobs of all functions, or set [] to take none",
    );
  const functions = list(env, "GEARMAN_FUNCTIONS");
  if (functions && !functions.includes(name))
    throw forbidden(`jobs of ${show(name)} are not taken here: GEARMAN_FUNCTIONS doesn't list it`);
  if (token?.functions && !token.functions.includes(name))
    throw forbidden(`the token ${show(token.name)} may not submit jobs of ${show(name)}`);
}

/** @throws Problem when the platform's rate limit says that this token has asked too often */
export async function limitRate(env: Env, token: Token): Promise<void> {
  if (!env.RATE_LIMITER) return;
  const { success } = await env.RATE_LIMITER.limit({ key: token.name });
  if (success) return;
  throw new Problem(429, "TOO_MANY_REQUESTS", `the token ${show(token.name)} has asked too often: try again later`, {
    // The binding doesn't say its period, which is 10 or 60 seconds.
    headers: { "Retry-After": "10" },
  });
}

function storedTokens(env: Env): readonly StoredToken[] {
  const { GEARMAN_TOKENS: setting } = env;
  if (setting === undefined || setting === "") return [];
  const tokens = typeof setting === "string" ? json(setting, "GEARMAN_TOKENS") : setting;
  if (!Array.isArray(tokens)) throw misconfigured("GEARMAN_TOKENS must be a list");
  const names = new Set<unknown>();
  for (const [index, token] of tokens.entries()) {
    const { name, hash, functions, ...rest } = Object(token) as Record<string, unknown>;
    // Anybody is told this: what the secret says is for the log alone.
    const wrong = (what: string, value?: unknown) =>
      misconfigured(`GEARMAN_TOKENS, token ${index} (counted from 0): ${what}`, value);
    if (typeof name !== "string" || name === "") throw wrong("name must be a text");
    if (names.has(name)) throw wrong("there is another one of its name", `the name ${show(name)}`);
    names.add(name);
    if (typeof hash !== "string" || !/^[0-9a-f]{64}$/i.test(hash))
      throw wrong("hash must be a SHA-256 in hex, 64 digits");
    if (functions !== undefined && !(Array.isArray(functions) && functions.every((item) => typeof item === "string")))
      throw wrong("functions must be a list of texts");
    // A misspelt "functions" would open all of them.
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined)
      throw wrong("it may have name, hash and functions, and nothing else", `the key ${show(unknown)}`);
  }
  return tokens as StoredToken[];
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16),
  );
}

function unauthorized(message: string, details = ""): Problem {
  const challenge = `Bearer realm="edgear"${details && `, ${details}`}`;
  return new Problem(401, "UNAUTHORIZED", message, { headers: { "WWW-Authenticate": challenge } });
}

function forbidden(message: string): Problem {
  return new Problem(403, "FORBIDDEN", message);
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
