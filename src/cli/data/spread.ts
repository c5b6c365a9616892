// Least, median and largest of some values: how a data set's puzzles differ, in one line each.

import { formatTable } from "../render/table.ts";

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  return { min: sorted[0], median, max: sorted[sorted.length - 1] };
}

/** A table with a line for every spread. */
export function spreadTable(spreads: readonly (readonly [label: string, spread: Spread])[]): string[] {
  const columns = [
    { title: "" },
    ...["min", "median", "max"].map((title) => ({ title, align: "right" as const })),
  ];
  return formatTable(
    columns,
    spreads.map(([label, { min, median, max }]) => [label, String(min), String(median), String(max)]),
  );
}
