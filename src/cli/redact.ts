/**
 * A URL as it may be shown: without a user's name and password, and without what follows a `?`. Also when it can't be
 * read, as that is when it is shown: a password may have any character in it, `@`, `:` and `/` too.
 */
export function redacted(url: string): string {
  return url.replace(/^([^:/]*:)?(\/\/)?.*@/s, "$1$2…@").replace(/\?.*$/s, "?…");
}
