/*
 * How many cells of a terminal a text takes: most characters have one, those of East Asian scripts and emoji two, and
 * those that go on top of others none.
 */
const PLAIN = /^[\x20-\x7e]*$/;
const NONE = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]$/u;
const REGIONAL = /^\p{Regional_Indicator}$/u;
/** East Asian Width W and F of Unicode, by blocks. */
const WIDE =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]$/u;
const SOFT_HYPHEN = "\u00ad";

/** The cells that a text takes. */
export function width(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let cells = 0;
  for (const character of text) cells += cellsOf(character);
  return cells;
}

/** As much of a text's beginning as has room in so many cells. */
export function cut(text: string, size: number): string {
  let cells = 0;
  let end = 0;
  for (const character of text) {
    cells += cellsOf(character);
    if (cells > size) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** A text in a field of so many cells: filled up, or cut. */
export function pad(text: string, size: number, right = false): string {
  if (size <= 0) return "";
  const missing = size - width(text);
  // Where a wide character has no room, a blank is left.
  if (missing < 0) return pad(`${cut(text, size - 1)}…`, size);
  return right ? " ".repeat(missing) + text : text + " ".repeat(missing);
}

function cellsOf(character: string): number {
  if (PLAIN.test(character) || character === SOFT_HYPHEN) return 1;
  if (NONE.test(character)) return 0;
  return WIDE.test(character) && !REGIONAL.test(character) ? 2 : 1;
}
