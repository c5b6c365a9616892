// Running a trained model: supervision steps on a batch from a fresh carry, without gradient. Rows never halt early
// here; who wants early answers looks at the halting logits of each step (spec section 6, evaluation).

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

export interface Recursion {
  readonly batchSize: number;
  /** What it computes in. */
  readonly format: NumberFormat;
  /** Yields the results after supervision steps 1 … steps. */
  run(batch: RecursionBatch, steps: number): AsyncGenerator<{ step: number; results: RecursionResults }>;
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
  const fixed: Bindings = {
    ...Object.fromEntries(viewsOf(weights.layout, weights.weights)),
    ...Object.fromEntries(weights.buffers),
    ...Object.fromEntries(model.constants),
    ...Object.fromEntries(makeCarry(model, batchSize, format)),
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
    async *run(batch, steps) {
      gatherVectors(weights.table, model.puzzleVectorSize, batch, puzzleRows);
      const bindings: Bindings = {
        ...fixed,
        inputs: batch.inputs,
        ...(batch.labels ? { labels: batch.labels } : {}),
      };
      for (let step = 1; step <= steps; step++) {
        reset.fill(step === 1 ? 1 : 0);
        // Between puzzles the weights may change: a training goes on between its checks.
        await program.run(bindings, { rows: batch.rows, sameWeights: step > 1 });
        yield { step, results };
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

function gatherVectors(table: Float32Array, size: number, batch: RecursionBatch, into: Float32Array): void {
  if (size === 0) return;
  for (let row = 0; row < batch.rows; row++) {
    const id = batch.identifiers[row];
    into.set(table.subarray(id * size, (id + 1) * size), row * size);
  }
}
