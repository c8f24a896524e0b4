/** Bytes of a piece: a multiple of 3, so that base64 can be joined; a call takes only so many arguments. */
const PIECE = 24_576;

/**
 * Bytes as JSON: `{"text":"…"}` where they are UTF-8, or else `{"base64":"…"}`. It comes in pieces, as JSON may be six
 * times as long as what it says, and a Worker has 128 MB for everything.
 */
export function* jsonOf(bytes: Uint8Array): Generator<string, void, undefined> {
  const isText = isUtf8(bytes);
  const decoder = utf8();
  yield isText ? '{"text":"' : '{"base64":"';
  for (const piece of piecesOf(bytes)) {
    if (isText) yield JSON.stringify(decoder.decode(piece, { stream: true })).slice(1, -1);
    else yield btoa(String.fromCharCode(...piece));
  }
  yield '"}';
}

function isUtf8(bytes: Uint8Array): boolean {
  const decoder = utf8();
  try {
    for (const piece of piecesOf(bytes)) decoder.decode(piece, { stream: true });
    decoder.decode();
    return true;
  } catch {
    return false;
  }
}

function utf8(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}
