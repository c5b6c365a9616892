// Whether an exported file computes what the engine computes: the same puzzles through both, from a fresh carry, logits
// and answers compared after every step. A file with float16 weights is compared with the engine on the same rounded
// weights: this judges the file, not the rounding.

import type { Executor } from "../engine/executors/executor.ts";
import { makeRecursion, type RecursionBatch, type RecursionResults } from "../eval/recursion.ts";
import { float32FromFloat16 } from "../formats/half.ts";
import type { RecursiveModel } from "../models/model.ts";
import type { ModelWeights } from "../models/weights.ts";
import { viewsOf } from "../nn/parameters.ts";
import type { OnnxAbout } from "./about.ts";
import { maxDifference } from "./difference.ts";
import { float16FromFloat32 } from "./float16.ts";
import { findFirstDifference, type NodeDifference } from "./locate.ts";
import { openOnnxRecursion } from "./recursion.ts";
import type { SessionOptions } from "./run.ts";
import { isMatrix } from "./weight-writer.ts";

export interface VerifyOptions extends SessionOptions {
  /** What computes the numbers to be expected. */
  readonly executor: Executor;
  /** Default: all steps of a solve, or those the model was trained for. */
  readonly steps?: number;
  /**
   * Largest difference of a logit that is let pass, as a share of the largest logit after that step where that is above
   * 1: trained with stablemax, logits reach hundreds, and float32 has seven digits.
   */
  readonly tolerance?: number;
  /** Rows computed together. */
  readonly batchSize?: number;
  /** On failure, also look for the first node that differs (files of the step form only). */
  readonly locate?: boolean;
}

export interface Verification {
  readonly provider: string;
  readonly form: "step" | "solve";
  readonly weights: "float32" | "float16";
  readonly rows: number;
  readonly steps: number;
  /** Of any logit, halting logits included, after any step. */
  readonly maxAbsDiff: number;
  /** The largest such difference divided by the largest logit that is expected after its step. */
  readonly maxRelDiff: number;
  /** `maxAbsDiff` after each step: differences grow where a model has not settled. */
  readonly maxAbsDiffBySteps: readonly number[];
  /** Rows whose answer after the last step is the same in every cell. */
  readonly sameAnswers: number;
  /** Median over the batches of the time of all steps, a puzzle; with one puzzle a batch, the time of a solve. */
  readonly secondsPerPuzzle: { readonly engine: number; readonly onnx: number };
  /** All differences within the tolerance and all answers the same. */
  readonly ok: boolean;
  readonly firstDifference?: NodeDifference;
}

export const DEFAULT_TOLERANCE = 1e-3;
const DEFAULT_BATCH = 16;

/** @param bytes the .onnx file @param puzzles rows to compare on */
export async function verifyOnnx(
  bytes: Uint8Array,
  { model, weights }: { model: RecursiveModel; weights: ModelWeights },
  puzzles: RecursionBatch,
  options: VerifyOptions,
): Promise<Verification> {
  const { executor, tolerance = DEFAULT_TOLERANCE, batchSize = DEFAULT_BATCH } = options;
  const exported = await openOnnxRecursion(bytes, { ...options, batchSize, table: weights.table });
  try {
    const { about, provider } = exported;
    const steps = options.steps ?? about.steps;
    const stored = about.weights === "float16" ? roundToFloat16(model, weights, about) : weights;
    const rowsAtOnce = exported.batchSize;
    const engine = makeRecursion(executor, model, stored, {
      ...{ batchSize: rowsAtOnce, logits: true, format: "float32" as const },
    });
    const tally = makeTally(steps, tolerance);
    const seconds: { engine: number[]; onnx: number[] } = { engine: [], onnx: [] };
    for (let start = 0; start < puzzles.rows; start += rowsAtOnce) {
      const batch = cut(puzzles, start, Math.min(rowsAtOnce, puzzles.rows - start), model.shape.seqLen);
      const expected = clocked(engine.run(batch, steps));
      const found = clocked(exported.run(batch, steps));
      for (let step = 1; step <= steps; step++) {
        const [ours, theirs] = [await expected.next(), await found.next()];
        if (ours && theirs) tally.add(step, ours.results, theirs.results, { start, rows: batch.rows });
      }
      seconds.engine.push(expected.seconds() / batch.rows);
      seconds.onnx.push(found.seconds() / batch.rows);
    }
    const totals = tally.totals();
    const first = tally.firstFailure();
    const ok = first === undefined && totals.sameAnswers === puzzles.rows;
    const { form, weights: weightFormat } = about;
    const secondsPerPuzzle = { engine: median(seconds.engine), onnx: median(seconds.onnx) };
    const told = {
      ...{
        provider,
        form,
        weights: weightFormat,
        rows: puzzles.rows,
        steps,
        ...totals,
        secondsPerPuzzle,
        ok,
      },
    };
    if (ok || !options.locate || !first) return told;
    const row = cut(puzzles, first.row, 1, model.shape.seqLen);
    const parts = { model, weights: stored, executor, tolerance };
    return { ...told, firstDifference: await findFirstDifference(bytes, parts, row, first, options) };
  } finally {
    await exported.close();
  }
}

/** A generator, with the time spent waiting for it. */
function clocked<T>(steps: AsyncGenerator<T>) {
  let milliseconds = 0;
  return {
    async next(): Promise<T | undefined> {
      const start = performance.now();
      const { value, done } = await steps.next();
      milliseconds += performance.now() - start;
      return done ? undefined : value;
    },
    seconds: () => milliseconds / 1000,
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function cut({ inputs, identifiers }: RecursionBatch, start: number, rows: number, seqLen: number) {
  return {
    rows,
    inputs: inputs.subarray(start * seqLen, (start + rows) * seqLen),
    identifiers: identifiers.subarray(start, start + rows),
  };
}

/** The numbers that a file with float16 weights holds. */
function roundToFloat16(model: RecursiveModel, given: ModelWeights, about: OnnxAbout): ModelWeights {
  const round = (values: Float32Array, what: string) => float32FromFloat16(float16FromFloat32(values, what));
  const weights = given.weights.slice();
  const views = viewsOf(given.layout, weights);
  for (const { name, shape } of model.parameters) {
    const view = views.get(name);
    if (view && isMatrix(shape)) view.set(round(view, name));
  }
  const size = model.puzzleVectorSize;
  const isShort = about.puzzle === "identifiers" && isMatrix([given.table.length / size, size]);
  return { ...given, weights, table: isShort ? round(given.table, "the puzzle table") : given.table };
}

interface Failure {
  readonly row: number;
  readonly step: number;
}

/** Adds up differences, a step of a batch at a time. */
function makeTally(steps: number, tolerance: number) {
  const bySteps = new Array<number>(steps).fill(0);
  let maxRelDiff = 0;
  let sameAnswers = 0;
  let failure: (Failure & { difference: number }) | undefined;
  return {
    add(
      step: number,
      expected: RecursionResults,
      found: RecursionResults,
      { start, rows }: { start: number; rows: number },
    ): void {
      for (const key of ["logits", "qLogits"] as const) {
        const perRow = found[key].length / rows;
        const used = expected[key].subarray(0, rows * perRow);
        const largest = used.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        for (let row = 0; row < rows; row++) {
          const [from, to] = [row * perRow, (row + 1) * perRow];
          const difference = maxDifference(used.subarray(from, to), found[key].subarray(from, to));
          bySteps[step - 1] = Math.max(bySteps[step - 1], difference);
          maxRelDiff = Math.max(maxRelDiff, difference / (largest || 1));
          const isEarlier =
            !failure || step < failure.step || (step === failure.step && difference > failure.difference);
          if (difference > tolerance * Math.max(1, largest) && isEarlier)
            failure = { row: start + row, step, difference };
        }
      }
      if (step === steps)
        for (let row = 0; row < rows; row++) if (sameRow(expected, found, row, rows)) sameAnswers++;
    },
    totals: () => ({
      maxAbsDiff: Math.max(0, ...bySteps),
      maxRelDiff,
      maxAbsDiffBySteps: bySteps,
      sameAnswers,
    }),
    /** The earliest step that differs too much, and the row that does so most. */
    firstFailure: (): Failure | undefined => failure,
  };
}

function sameRow(expected: RecursionResults, found: RecursionResults, row: number, rows: number): boolean {
  const seqLen = found.predictions.length / rows;
  for (let at = row * seqLen; at < (row + 1) * seqLen; at++)
    if (expected.predictions[at] !== found.predictions[at]) return false;
  return true;
}
