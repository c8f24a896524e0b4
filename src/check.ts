/* What is wrong with an argument is said in words: what, which value, what is allowed. */

/** @throws TypeError when there is an option that the call doesn't know: a misspelt one must not pass unnoticed */
export function checkOptions(options: unknown, call: string, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null)
    throw new TypeError(`the options of ${call} must be an object, not ${show(options)}`);
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  const { signal } = options as { signal?: { addEventListener?: unknown } };
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw new TypeError(`the signal of ${call} must be an AbortSignal, not ${show(signal)}`);
  }
  if (unknown !== undefined)
    throw new TypeError(`${call} has no option ${JSON.stringify(unknown)}; it knows ${known.join(", ")}`);
}

/** @throws TypeError when an option isn't one of the words allowed */
export function checkWord<T extends string>(value: unknown, name: string, words: readonly T[]): asserts value is T {
  if (!words.includes(value as T)) {
    throw new TypeError(
      `${name} must be one of ${words.map((word) => JSON.stringify(word)).join(", ")}, not ${show(value)}`,
    );
  }
}

/** A value as an error message shows it. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return typeof value === "function" ? "a function" : String(value);
}
