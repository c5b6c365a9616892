// What is kept of every evaluated example: enough to count, to judge and to vote afterwards. Parts of a test set that
// were evaluated on different machines, laid side by side, give the very numbers of the whole (merge.ts).

import { invariant } from "../base/errors.ts";
import type { Answer } from "../tasks/dataset.ts";
import { type Halting, haltingOf } from "./halting.ts";
import { wilsonInterval } from "./wilson.ts";

/** n examples, K supervision steps, S cells. */
export interface EvaluationRows {
  readonly supervisionSteps: number; // K
  readonly seqLen: number; // S
  /** Which examples, in the order of the test set. */
  readonly index: Int32Array; // [n]
  /** Whether all labelled cells were right, after each step; a puzzle that left early keeps its answer. */
  readonly exact: Uint8Array; // [n, K]
  /** Labelled cells that were right after each step, and how many there are. Counts, because shares would round. */
  readonly correct: Int32Array; // [n, K]
  readonly labelled: Int32Array; // [n]
  /** The step, from 1, at which the answer was taken, and what it was. */
  readonly steps: Int32Array; // [n]
  readonly predictions: Uint8Array; // [n, S]
  readonly haltLogits: Float32Array; // [n]
  /** The step, from 1, after which the model first asked to halt; NEVER, or UNKNOWN when nobody looked. */
  readonly asked: Int32Array; // [n]
  /** Whether, after the puzzle's last step, "halting logit positive" agrees with "solved". */
  readonly haltRight: Uint8Array; // [n]
  /** After the puzzle's last step. */
  readonly lmLoss: Float32Array; // [n]
}

/** In `asked`: the model did not ask to halt within the steps. */
export const NEVER = 0;
/** In `asked`: not looked at, or from a shard file that does not say. */
export const UNKNOWN = -1;

export interface AfterStep {
  readonly step: number;
  readonly exactAccuracy: number;
  readonly cellAccuracy: number;
}

export interface Evaluation {
  readonly puzzles: number;
  readonly exactAccuracy: number;
  readonly cellAccuracy: number;
  /** 95 % Wilson interval of the exact accuracy. */
  readonly interval95: readonly [number, number];
  readonly bySteps: readonly AfterStep[];
  /** Share of puzzles where "halting logit positive" agrees with "solved", after the puzzle's last step. */
  readonly haltAccuracy: number;
  /** What stopping when the model asks to gives and costs; absent when nobody looked. */
  readonly halting?: Halting;
  /** Mean steps until the answer was taken: all of them unless `halt`. */
  readonly meanSteps: number;
  readonly lmLoss: number;
  readonly secondsPerPuzzle: number;
}

/** Room for rows that are still to be filled. Tokens take a byte each: 420,000 rows of 900 cells are 0.4 GB. */
export function makeRows(count: number, supervisionSteps: number, seqLen: number): EvaluationRows {
  return {
    supervisionSteps,
    seqLen,
    index: new Int32Array(count),
    exact: new Uint8Array(count * supervisionSteps),
    correct: new Int32Array(count * supervisionSteps),
    labelled: new Int32Array(count),
    steps: new Int32Array(count),
    predictions: new Uint8Array(count * seqLen),
    haltLogits: new Float32Array(count),
    asked: new Int32Array(count).fill(UNKNOWN),
    haltRight: new Uint8Array(count),
    lmLoss: new Float32Array(count),
  };
}

/** Copies all rows of `from` into `target`, from its row `start` on. */
export function copyRows(from: EvaluationRows, target: EvaluationRows, start: number): void {
  const { supervisionSteps, seqLen } = target;
  invariant(from.supervisionSteps === supervisionSteps && from.seqLen === seqLen, "rows of two shapes");
  target.index.set(from.index, start);
  target.exact.set(from.exact, start * supervisionSteps);
  target.correct.set(from.correct, start * supervisionSteps);
  target.labelled.set(from.labelled, start);
  target.steps.set(from.steps, start);
  target.predictions.set(from.predictions, start * seqLen);
  target.haltLogits.set(from.haltLogits, start);
  target.asked.set(from.asked, start);
  target.haltRight.set(from.haltRight, start);
  target.lmLoss.set(from.lmLoss, start);
}

/** What the model said, as a test set judges it; the tokens are views of the rows. */
export function* answersOf({
  index,
  predictions,
  haltLogits,
  seqLen,
}: EvaluationRows): Generator<Answer, void, undefined> {
  for (let row = 0; row < index.length; row++) {
    const tokens = predictions.subarray(row * seqLen, (row + 1) * seqLen);
    yield { index: index[row], tokens, haltLogit: haltLogits[row] };
  }
}

/** Counts. Sums run in the order of the rows, so that equal rows give equal bits. */
export function summarize(rows: EvaluationRows, seconds: number): Evaluation {
  const { index, supervisionSteps, steps, haltRight, lmLoss } = rows;
  const puzzles = index.length;
  const total = (of: (row: number) => number) => {
    let sum = 0;
    for (let row = 0; row < puzzles; row++) sum += of(row);
    return sum;
  };
  const share = (sum: number) => (puzzles === 0 ? 0 : sum / puzzles);
  const exactAt = (row: number, step: number) => rows.exact[row * supervisionSteps + step - 1];
  const cellsAt = (row: number, step: number) =>
    rows.correct[row * supervisionSteps + step - 1] / Math.max(rows.labelled[row], 1);
  const solved = total((row) => exactAt(row, steps[row]));
  const halting = haltingOf(rows);
  return {
    puzzles,
    exactAccuracy: share(solved),
    cellAccuracy: share(total((row) => cellsAt(row, steps[row]))),
    interval95: wilsonInterval(solved, puzzles),
    bySteps: Array.from({ length: supervisionSteps }, (_, i) => ({
      step: i + 1,
      exactAccuracy: share(total((row) => exactAt(row, i + 1))),
      cellAccuracy: share(total((row) => cellsAt(row, i + 1))),
    })),
    haltAccuracy: share(total((row) => haltRight[row])),
    meanSteps: share(total((row) => steps[row])),
    lmLoss: share(total((row) => lmLoss[row])),
    secondsPerPuzzle: share(seconds),
    ...(halting ? { halting } : {}),
  };
}
