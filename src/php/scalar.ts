/** What PHP makes of a scalar where it needs a string; `undefined` of anything else, of PHP's null too, which is no scalar. */
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
    default:
      return value instanceof Uint8Array ? value : undefined;
  }
}
