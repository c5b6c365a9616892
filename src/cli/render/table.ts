// Tables and drawings in aligned columns for the terminal. Colour codes take no room; every other character counts as
// one column wide.

import { stripVTControlCharacters } from "node:util";

export interface TableColumn {
  readonly title: string;
  /** Numbers read best right-aligned. */
  readonly align?: "left" | "right";
}

const GAP = "  ";

/**
 * A line of titles and one line a row.
 * @example
 * formatTable([{ title: "" }, { title: "max", align: "right" }], [["rating", "171"]]);
 */
export function formatTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string[] {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => visibleWidth(line[i]))));
  return lines.map((line) =>
    columns
      .map(({ align }, i) => pad(line[i], widths[i], align))
      .join(GAP)
      .trimEnd(),
  );
}

/** Labels on the left, values aligned behind them. */
export function formatFields(fields: readonly (readonly [label: string, value: string])[]): string[] {
  const width = Math.max(0, ...fields.map(([label]) => visibleWidth(label)));
  return fields.map(([label, value]) => `${pad(label, width)}${GAP}${value}`);
}

/** Blocks of lines beside each other, tops aligned. */
export function sideBySide(blocks: readonly (readonly string[])[]): string[] {
  const height = Math.max(0, ...blocks.map((block) => block.length));
  const widths = blocks.map(blockWidth);
  return Array.from({ length: height }, (_, line) =>
    blocks
      .map((block, i) => pad(block[line] ?? "", widths[i]))
      .join(GAP)
      .trimEnd(),
  );
}

/** Rows of blocks, each row as long as fits into the width. */
export function rowsThatFit<T>(
  blocks: readonly T[],
  linesOf: (block: T) => readonly string[],
  width: number,
): T[][] {
  const widest = Math.max(1, ...blocks.map((block) => blockWidth(linesOf(block))));
  const perRow = Math.max(1, Math.floor((width + GAP.length) / (widest + GAP.length)));
  const rows: T[][] = [];
  for (let start = 0; start < blocks.length; start += perRow) rows.push(blocks.slice(start, start + perRow));
  return rows;
}

/** Columns of the terminal that stdout is, 80 when it is none. */
export function terminalWidth(): number {
  return process.stdout.columns || 80;
}

function blockWidth(lines: readonly string[]): number {
  return Math.max(0, ...lines.map(visibleWidth));
}

function visibleWidth(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}

function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const fill = " ".repeat(Math.max(0, width - visibleWidth(text)));
  return align === "right" ? fill + text : text + fill;
}
