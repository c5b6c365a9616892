// Running a trained model: supervision steps on a batch from a fresh carry, without gradient. All rows do all steps, as
// the reference evaluates (spec section 6), unless a rule lets those leave the batch that ask to halt.

import type { Bindings, Executor } from "../engine/executors/executor.ts";
import type { NumberFormat } from "../engine/number-format.ts";
import { type EvaluationGraphOptions, formatOn, makeCarry, type RecursiveModel } from "../models/model.ts";
import type { ModelWeights } from "../models/weights.ts";
import { viewsOf } from "../nn/parameters.ts";

export interface RecursionBatch {
  readonly rows: number;
  readonly inputs: Int32Array; // [rows, S]
  readonly identifiers: Int32Array; // [rows]
  /** Only for runners made with `labels`. */
  readonly labels?: Int32Array; // [rows, S]
}

/** What the model says after a step, a row a puzzle; overwritten by the next step. */
export interface RecursionResults {
  readonly predictions: Int32Array; // [rows, S]
  readonly qLogits: Float32Array; // [rows, 2]
  readonly logits: Float32Array; // [rows, S, V], only with `logits`
  /** Only with `labels`; see StepResults of train/step.ts. */
  readonly lmLoss: Float32Array;
  readonly qHaltLoss: Float32Array;
  readonly labelled: Float32Array;
  readonly correct: Float32Array;
  readonly exact: Float32Array;
}

export interface RecursionStep {
  /** From 1. */
  readonly step: number;
  readonly results: RecursionResults;
  /** The row of the batch that each row of the results is, ascending; absent: all rows, in order. */
  readonly places?: readonly number[];
}

export interface Recursion {
  readonly batchSize: number;
  /** What it computes in. */
  readonly format: NumberFormat;
  /**
   * Yields the results after supervision steps 1 … steps.
   * @param halt by this rule of the model, rows leave the batch after the step at which they ask to halt, which saves
   *   their time and changes nothing for the others; the run ends when none is left. A runner that cannot do that keeps
   *   all rows.
   */
  run(
    batch: RecursionBatch,
    steps: number,
    halt?: RecursiveModel["wantsToHalt"],
  ): AsyncGenerator<RecursionStep>;
}

export interface RecursionOptions extends EvaluationGraphOptions {
  readonly batchSize: number;
  readonly microBatch?: number;
  /** Default: the model's own where the executor has it. */
  readonly format?: NumberFormat;
}

/** @param weights must not change while a puzzle is under way */
export function makeRecursion(
  executor: Executor,
  model: RecursiveModel,
  weights: ModelWeights,
  options: RecursionOptions,
): Recursion {
  const { batchSize, microBatch, format = formatOn(executor, model) } = options;
  const program = executor.compile(model.evaluationGraph(options), {
    expectedRows: batchSize,
    microBatch,
    format,
  });
  const results = makeResults(model, batchSize);
  const reset = new Int32Array(batchSize);
  const puzzleRows = new Float32Array(batchSize * model.puzzleVectorSize);
  const carry = makeCarry(model, batchSize, format);
  const fixed: Bindings = {
    ...Object.fromEntries(viewsOf(weights.layout, weights.weights)),
    ...Object.fromEntries(weights.buffers),
    ...Object.fromEntries(model.constants),
    ...Object.fromEntries(carry),
    reset,
    puzzle_rows: puzzleRows,
    preds: results.predictions,
    q_logits: results.qLogits,
    logits: results.logits,
    lm_loss: results.lmLoss,
    q_halt_loss: results.qHaltLoss,
    labelled: results.labelled,
    correct: results.correct,
    exact: results.exact,
  };
  return {
    batchSize,
    format,
    async *run(batch, steps, halt) {
      gatherVectors(weights.table, model.puzzleVectorSize, batch, puzzleRows);
      // Rows move up when others leave: in copies, since the batch is the caller's.
      const inputs = halt ? batch.inputs.slice() : batch.inputs;
      const labels = halt ? batch.labels?.slice() : batch.labels;
      const bindings: Bindings = { ...fixed, inputs, ...(labels ? { labels } : {}) };
      const { seqLen } = model.shape;
      let places = Array.from({ length: batch.rows }, (_, row) => row);
      for (let step = 1; step <= steps && places.length > 0; step++) {
        reset.fill(step === 1 ? 1 : 0);
        // Between puzzles the weights may change: a training goes on between its checks.
        await program.run(bindings, { rows: places.length, sameWeights: step > 1 });
        yield { step, results, places };
        if (!halt) continue;
        const { qLogits } = results;
        const kept = places.flatMap((_, row) => (halt(qLogits[2 * row], qLogits[2 * row + 1]) ? [] : [row]));
        if (kept.length === places.length) continue;
        moveUp(kept, inputs, seqLen);
        if (labels) moveUp(kept, labels, seqLen);
        moveUp(kept, puzzleRows, model.puzzleVectorSize);
        for (const [name, positions] of model.carry)
          moveUp(kept, carry.get(name) ?? [], positions * model.hiddenSize);
        places = kept.map((row) => places[row]);
      }
    },
  };
}

function makeResults(model: RecursiveModel, rows: number): RecursionResults {
  const { seqLen, vocabSize } = model.shape;
  return {
    predictions: new Int32Array(rows * seqLen),
    qLogits: new Float32Array(rows * 2),
    logits: new Float32Array(rows * seqLen * vocabSize),
    lmLoss: new Float32Array(rows),
    qHaltLoss: new Float32Array(rows),
    labelled: new Float32Array(rows),
    correct: new Float32Array(rows),
    exact: new Float32Array(rows),
  };
}

/** Brings the kept rows, ascending, to the front of an array of rows. */
function moveUp(
  kept: readonly number[],
  rows: { copyWithin(target: number, start: number, end: number): unknown },
  size: number,
): void {
  for (const [to, from] of kept.entries())
    if (to !== from) rows.copyWithin(to * size, from * size, (from + 1) * size);
}

function gatherVectors(table: Float32Array, size: number, batch: RecursionBatch, into: Float32Array): void {
  if (size === 0) return;
  for (let row = 0; row < batch.rows; row++) {
    const id = batch.identifiers[row];
    into.set(table.subarray(id * size, (id + 1) * size), row * size);
  }
}
