// Runs a model on held-out examples and keeps, of each, what was right after every supervision step and the answer.
// The headline is the share of puzzles with every labelled cell right after the last step, as the reference counts it.
// The counting is in rows.ts.

import type { RecursiveModel } from "../models/model.ts";
import type { ExampleSet, Examples } from "../tasks/dataset.ts";
import type { Recursion, RecursionResults } from "./recursion.ts";
import { type Evaluation, type EvaluationRows, makeRows, NEVER, summarize } from "./rows.ts";

export type { Halting } from "./halting.ts";
export type { AfterStep, Evaluation } from "./rows.ts";

export interface EvaluateOptions {
  /** Supervision steps to run; the model's haltMaxSteps as published. */
  readonly steps: number;
  /** Take each puzzle's answer from the first step at which the model asks to halt, by this rule of its own, and let it go. */
  readonly halt?: RecursiveModel["wantsToHalt"];
  /** Run all steps, and note the first at which the model asks to halt by this rule. `halt` notes it anyway. */
  readonly watch?: RecursiveModel["wantsToHalt"];
  /** Only the examples from `start` until before `end`. */
  readonly range?: { readonly start: number; readonly end: number };
  /** Called after each batch with the puzzles done so far. */
  onProgress?(done: number): void;
}

/** Accuracy on all examples, a batch of the runner's size at a time. The runner must have been made with `labels`. */
export async function evaluate(
  recursion: Recursion,
  examples: ExampleSet,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const startMs = performance.now();
  const rows = await evaluateRows(recursion, examples, options);
  return summarize(rows, (performance.now() - startMs) / 1000);
}

/** Like `evaluate`, before the counting. */
export async function evaluateRows(
  recursion: Recursion,
  examples: ExampleSet,
  options: EvaluateOptions,
): Promise<EvaluationRows> {
  const { start, end } = options.range ?? { start: 0, end: examples.count };
  const seqLen = examples.count > 0 ? examples.slice(0, 1).inputs.length : 0;
  const rows = makeRows(end - start, options.steps, seqLen);
  for (let first = start; first < end; first += recursion.batchSize) {
    const part = examples.slice(first, Math.min(recursion.batchSize, end - first));
    for (let row = 0; row < part.count; row++) rows.index[first - start + row] = first + row;
    await evaluateBatch(recursion, part, options, rows, first - start);
    options.onProgress?.(first - start + part.count);
  }
  return rows;
}

/** Fills the rows from `at` on; a row whose `steps` is 0 has no answer yet. */
async function evaluateBatch(
  recursion: Recursion,
  part: Examples,
  { steps, halt, watch = halt }: EvaluateOptions,
  rows: EvaluationRows,
  at: number,
): Promise<void> {
  const batch = { rows: part.count, inputs: part.inputs, labels: part.labels, identifiers: part.identifiers };
  if (watch) rows.asked.fill(NEVER, at, at + part.count);
  let open = part.count;
  for await (const { step, results, places } of recursion.run(batch, steps, halt)) {
    const count = places?.length ?? part.count;
    for (let row = 0; row < count; row++) {
      const place = at + (places?.[row] ?? row);
      if (rows.steps[place] > 0) continue; // it has its answer, and the runner cannot let rows go
      rows.exact[place * steps + step - 1] = results.exact[row];
      rows.correct[place * steps + step - 1] = results.correct[row];
      const [haltLogit, continueLogit] = results.qLogits.subarray(2 * row, 2 * row + 2);
      if (rows.asked[place] === NEVER && watch?.(haltLogit, continueLogit)) rows.asked[place] = step;
      if (step < steps && halt?.(haltLogit, continueLogit) !== true) continue;
      takeAnswer(results, row, step, rows, place);
      open--;
    }
    if (open === 0) break;
  }
}

/** The row's last step, whose answer it keeps from here on. */
function takeAnswer(
  results: RecursionResults,
  row: number,
  step: number,
  rows: EvaluationRows,
  place: number,
): void {
  const { seqLen, supervisionSteps } = rows;
  const haltLogit = results.qLogits[2 * row];
  rows.steps[place] = step;
  rows.haltLogits[place] = haltLogit;
  rows.predictions.set(results.predictions.subarray(row * seqLen, (row + 1) * seqLen), place * seqLen);
  rows.labelled[place] = results.labelled[row];
  rows.haltRight[place] = haltLogit >= 0 === results.exact[row] > 0 ? 1 : 0;
  rows.lmLoss[place] = results.lmLoss[row];
  const [from, to] = [place * supervisionSteps + step, (place + 1) * supervisionSteps];
  rows.exact.fill(results.exact[row], from, to);
  rows.correct.fill(results.correct[row], from, to);
}
