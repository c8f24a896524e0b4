import { paint, printable } from "./output.js";
import { pad, width } from "./width.js";

/** A column of a table: its title, and whether it has numbers, which stand on the right. */
export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Rows under their titles, every column as wide as it needs to be. */
export function table(columns: readonly Column[], rows: readonly (readonly (string | number)[])[]): string[] {
  const texts = rows.map((row) => row.map((cell) => printable(String(cell))));
  // Row by row: a call takes only so many arguments.
  const widths = columns.map(({ title }, index) =>
    texts.reduce((most, row) => Math.max(most, width(row[index] ?? "")), width(title)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.right))
      .join("  ")
      .trimEnd();
  return [paint("bold", line(columns.map(({ title }) => title))), ...texts.map(line)];
}
