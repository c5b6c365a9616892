// An evaluation in groups of equally hard puzzles: accuracy, when the model asks to halt, and when it is first right.

import type { DifficultyScale } from "../tasks/task.ts";
import { isWatched, stopOf } from "./halting.ts";
import type { EvaluationRows } from "./rows.ts";
import { wilsonInterval } from "./wilson.ts";

export interface DifficultyGroup {
  /** What the scale counts, for instance "guesses". */
  readonly unit: string;
  /** Difficulties from here … */
  readonly from: number;
  /** … until below here; null: no end. */
  readonly below: number | null;
  readonly puzzles: number;
  readonly exactAccuracy: number;
  readonly interval95: readonly [number, number];
  /** Steps until the model asks to halt, all of them where it never does; absent when nobody looked. */
  readonly meanSteps?: number;
  /** Exact accuracy of the answers at these stops. */
  readonly haltedExactAccuracy?: number;
  /** Share of puzzles that are right after some step, and the mean of the first such step; null when none are. */
  readonly everRight: number;
  readonly meanFirstRight: number | null;
}

/** A scale without groups of its own has one for each value if there are no more than these, … */
const MOST_VALUES = 8;
/** … else so many of about as many puzzles. */
const QUANTILES = 4;

/** Scale after scale, groups from easy to hard; groups without puzzles are left out. */
export function groupByDifficulty(
  rows: EvaluationRows,
  scales: readonly DifficultyScale<number>[],
): DifficultyGroup[] {
  return scales.flatMap((scale) => {
    const rated = Array.from(rows.index, (index, row) => ({ row, value: scale.of(index) }));
    const known = rated.flatMap(({ row, value }) => (value === undefined ? [] : [{ row, value }]));
    const edges = scale.groups ?? usualEdges(known.map(({ value }) => value));
    return edges.flatMap((from, i) => {
      const below = edges[i + 1] ?? null;
      const isIn = (value: number) => (i === 0 || value >= from) && (below === null || value < below);
      const members = known.filter(({ value }) => isIn(value)).map(({ row }) => row);
      return members.length === 0 ? [] : [groupOf(rows, members, { unit: scale.unit, from, below })];
    });
  });
}

/** Least values of groups; equal values stay together, so that quantiles may be fewer. */
function usualEdges(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  const distinct = [...new Set(sorted)];
  if (distinct.length <= MOST_VALUES) return distinct;
  const starts = Array.from({ length: QUANTILES }, (_, i) => Math.floor((i * sorted.length) / QUANTILES));
  return [...new Set(starts.map((start) => sorted[start]))];
}

function groupOf(
  rows: EvaluationRows,
  members: readonly number[],
  range: Pick<DifficultyGroup, "unit" | "from" | "below">,
): DifficultyGroup {
  const { supervisionSteps: steps, exact } = rows;
  const mean = (of: (row: number) => number) =>
    members.reduce((sum, row) => sum + of(row), 0) / members.length;
  const exactAt = (row: number, step: number) => exact[row * steps + step - 1];
  const firsts = members.map((row) => exact.subarray(row * steps, (row + 1) * steps).indexOf(1) + 1);
  const right = firsts.filter((step) => step > 0);
  const solved = members.filter((row) => exactAt(row, rows.steps[row]) === 1).length;
  const halted = {
    meanSteps: mean((row) => stopOf(rows, row)),
    haltedExactAccuracy: mean((row) => exactAt(row, stopOf(rows, row))),
  };
  return {
    ...range,
    puzzles: members.length,
    exactAccuracy: solved / members.length,
    interval95: wilsonInterval(solved, members.length),
    ...(isWatched(rows) ? halted : {}),
    everRight: right.length / members.length,
    meanFirstRight: right.length === 0 ? null : right.reduce((sum, step) => sum + step, 0) / right.length,
  };
}
