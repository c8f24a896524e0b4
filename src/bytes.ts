const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as text, unless they aren't UTF-8: the text's own bytes are these then, a byte order mark included. */
export function strictText(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Characters that `String.fromCharCode` is given at once: a call takes only so many arguments. */
const CHUNK = 8_192;

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}
