/*
 * How callbacks are signed: as https://www.standardwebhooks.com has it, so that its libraries verify them.
 */
const encoder = new TextEncoder();

/**
 * The key of a secret: 24 bytes or more in base64 behind `whsec_`.
 * @throws TypeError when it is none; the message doesn't show it
 */
export function callbackKey(secret: unknown): Uint8Array<ArrayBuffer> {
  try {
    const text = secret as string;
    const key = Uint8Array.from(atob(text.replace(/^whsec_/, "")), (character) => character.charCodeAt(0));
    if (text.startsWith("whsec_") && key.length >= 24) return key;
  } catch {}
  throw new TypeError("a callback's secret must be whsec_ and 24 bytes or more in base64");
}

/** What comes before the body in what is signed. The timestamp is seconds since 1970. */
export function callbackPrefix(id: string, timestamp: string): Uint8Array {
  return encoder.encode(`${id}.${timestamp}.`);
}

/** The header `Webhook-Signature` for the prefix with the body behind it. */
export async function signCallback(key: Uint8Array<ArrayBuffer>, signed: Uint8Array<ArrayBuffer>): Promise<string> {
  const hmac = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", hmac, signed));
  return `v1,${btoa(String.fromCharCode(...bytes))}`;
}
