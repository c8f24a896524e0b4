/** What PHP makes of a scalar where it needs a string; `undefined` of anything else. */
export function asText(value: unknown): string | Uint8Array | undefined {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return Number.isNaN(value) ? "NAN" : Number.isFinite(value) ? String(value) : value > 0 ? "INF" : "-INF";
    case "bigint":
      return String(value);
    case "boolean":
      return value ? "1" : "";
    case "undefined":
      return "";
    default:
      return value === null ? "" : value instanceof Uint8Array ? value : undefined;
  }
}
