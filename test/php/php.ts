import { fileURLToPath } from "node:url";
import { PhpEnum, PhpFloat, PhpObject } from "edgear/php";
import { command } from "../support/command.ts";

const SCRIPT = fileURLToPath(new URL("values.php", import.meta.url));

/** What PHP says of serialized values. */
export interface View {
  /** Whether it takes the value. */
  readonly taken: boolean;
  /** What it writes of it. */
  readonly again: Buffer;
  /** What it is, in the form of `told`. */
  readonly value: unknown;
}

/** Asks PHP of serialized values, all at once. */
export async function php(values: readonly Uint8Array[]): Promise<View[]> {
  const input = values.map((value) => `${Buffer.from(value).toString("base64")}\n`).join("");
  const { code, stdout, stderr } = await command("php", [SCRIPT], { input });
  if (code !== 0) throw new Error(`php failed: ${stdout}${stderr}`);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
    .map(({ taken, again, value }) => ({ taken, again: Buffer.from(again, "base64"), value }));
}

/** A value of ours, as values.php tells it of PHP's. Objects and Maps alike are arrays there. */
export function told(value: unknown): unknown {
  if (value === null || value === undefined) return ["NULL", null];
  if (typeof value === "boolean") return ["boolean", value];
  if (typeof value === "bigint") return ["int", String(value)];
  if (typeof value === "number")
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? ["int", String(value)] : float(value);
  if (value instanceof PhpFloat) return float(value.value);
  if (typeof value === "string" || value instanceof Uint8Array) return ["string", base64(value)];
  if (value instanceof PhpEnum) return ["enum", value.enumName, value.caseName];
  if (value instanceof PhpObject)
    return ["object", value.className, [...value.properties].map(([key, each]) => [base64(key), told(each)])];
  const entries: [unknown, unknown][] = Array.isArray(value)
    ? [...value.entries()]
    : value instanceof Map
      ? [...value]
      : Object.entries(value).filter(([, each]) => each !== undefined);
  return ["array", entries.map(([key, each]) => [keyOf(key), told(each)])];
}

function keyOf(key: unknown): unknown {
  const integer =
    typeof key !== "string" || (/^(0|-?[1-9]\d*)$/.test(key) && BigInt.asIntN(64, BigInt(key)) === BigInt(key));
  return integer ? ["int", String(key)] : ["string", base64(key)];
}

function float(value: number): unknown {
  if (Number.isNaN(value)) return ["float", "NAN"];
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return ["float", bytes.toString("hex")];
}

function base64(value: string | Uint8Array): string {
  return Buffer.from(value as string).toString("base64");
}
