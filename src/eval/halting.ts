// What stopping each puzzle when the model asks to halt gives and costs, told from rows that did all their steps: the
// answers after every step are known, so nothing need be run again. The time really saved is measured by
// `whorl eval --halting`.

import type { EvaluationRows } from "./rows.ts";
import { wilsonInterval } from "./wilson.ts";

export interface Halting {
  /** Share of puzzles for which the model asked to halt within the steps; the others take all. */
  readonly asked: number;
  /** Steps a puzzle takes when it stops as soon as the model asks. */
  readonly meanSteps: number;
  readonly medianSteps: number;
  /** Puzzles that stop after step 1, 2, …; with the last also those for which the model never asked. */
  readonly histogram: readonly number[];
  /** Of the answers at these stops. */
  readonly exactAccuracy: number;
  readonly interval95: readonly [number, number];
  /** Share of supervision steps, and so of FLOP, that stopping saves. */
  readonly stepsSaved: number;
  /** What all steps would give; absent when puzzles really stopped. */
  readonly against?: HaltingCost;
  /** Both ways timed one after the other on the same puzzles; only where that was asked for. */
  readonly measured?: MeasuredHalting;
}

/** Stopping against doing all steps. */
export interface HaltingCost {
  /** Exact accuracy after the last step minus that at the stops. */
  readonly accuracyCost: number;
  /** Puzzles that are wrong at the stop and right after the last step, and the other way round. */
  readonly lost: number;
  readonly gained: number;
}

export interface MeasuredHalting {
  readonly secondsPerPuzzleAllSteps: number;
  readonly secondsPerPuzzleHalted: number;
  /** Share of the time. */
  readonly timeSaved: number;
  /** Of the run that stopped. */
  readonly exactAccuracy: number;
}

/** The step after which a puzzle stops when the model is heard. */
export function stopOf({ asked, supervisionSteps }: EvaluationRows, row: number): number {
  return asked[row] > 0 ? asked[row] : supervisionSteps;
}

/** Whether it is known of every row when the model first asked to halt. */
export function isWatched({ asked }: EvaluationRows): boolean {
  return asked.length > 0 && asked.every((step) => step >= 0);
}

/** Undefined when it is not known of every row when the model asked. */
export function haltingOf(rows: EvaluationRows): Halting | undefined {
  if (!isWatched(rows)) return undefined;
  const { supervisionSteps, exact } = rows;
  const puzzles = rows.index.length;
  const histogram = new Array<number>(supervisionSteps).fill(0);
  let [sum, askedFor, solved, lost, gained] = [0, 0, 0, 0, 0];
  for (let row = 0; row < puzzles; row++) {
    const stop = stopOf(rows, row);
    const atStop = exact[row * supervisionSteps + stop - 1];
    const atLast = exact[(row + 1) * supervisionSteps - 1];
    histogram[stop - 1]++;
    sum += stop;
    solved += atStop;
    if (rows.asked[row] > 0) askedFor++;
    if (atLast > atStop) lost++;
    if (atLast < atStop) gained++;
  }
  const didAll = rows.steps.every((step) => step === supervisionSteps);
  return {
    asked: askedFor / puzzles,
    meanSteps: sum / puzzles,
    medianSteps: medianOf(histogram, puzzles),
    histogram,
    exactAccuracy: solved / puzzles,
    interval95: wilsonInterval(solved, puzzles),
    stepsSaved: 1 - sum / (puzzles * supervisionSteps),
    ...(didAll ? { against: { accuracyCost: (lost - gained) / puzzles, lost, gained } } : {}),
  };
}

/** Of counts by value, from 1: the middle one, or the mean of the two in the middle. */
function medianOf(histogram: readonly number[], count: number): number {
  const valueAt = (rank: number) => {
    let value = 1;
    for (let seen = histogram[0]; seen <= rank; value++) seen += histogram[value];
    return value;
  };
  return (valueAt(Math.floor((count - 1) / 2)) + valueAt(Math.floor(count / 2))) / 2;
}
