// Exact and cell accuracy of a model on held-out examples, after every supervision step. The headline is the share of
// puzzles with every labelled cell right after the last step, as the reference counts it.

import type { RecursiveModel } from "../models/model.ts";
import { type Examples, sliceExamples } from "../tasks/dataset.ts";
import type { Recursion, RecursionResults } from "./recursion.ts";
import { wilsonInterval } from "./wilson.ts";

export interface EvaluateOptions {
  /** Supervision steps to run; the model's haltMaxSteps as published. */
  readonly steps: number;
  /** Take each puzzle's answer from the first step at which the model asks to halt, by this rule of its own. */
  readonly halt?: RecursiveModel["wantsToHalt"];
  /** Called after each batch with the puzzles done so far. */
  onProgress?(done: number): void;
  /** Called for every puzzle's final answer. */
  onAnswer?(index: number, prediction: Int32Array): void;
}

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
  /** Share of puzzles where "halting logit positive" agrees with "solved", after the last step. */
  readonly haltAccuracy: number;
  /** Mean steps until the answer was taken: all of them unless `halt`. */
  readonly meanSteps: number;
  readonly lmLoss: number;
  readonly secondsPerPuzzle: number;
}

/** Evaluates all examples, a batch of the runner's size at a time. The runner must have been made with `labels`. */
export async function evaluate(
  recursion: Recursion,
  examples: Examples,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const sums = new Sums(options.steps);
  const startMs = performance.now();
  for (let start = 0; start < examples.count; start += recursion.batchSize) {
    const part = sliceExamples(examples, start, recursion.batchSize);
    await evaluateBatch(recursion, part, start, options, sums);
    options.onProgress?.(start + part.count);
  }
  return sums.result(examples.count, (performance.now() - startMs) / 1000);
}

/** What is taken as a row's answer so far. */
interface Answer {
  exact: number;
  cells: number;
  steps: number;
  final: boolean;
}

async function evaluateBatch(
  recursion: Recursion,
  part: Examples,
  start: number,
  options: EvaluateOptions,
  sums: Sums,
): Promise<void> {
  const answers = Array.from(
    { length: part.count },
    (): Answer => ({ exact: 0, cells: 0, steps: 0, final: false }),
  );
  const seqLen = part.inputs.length / part.count;
  const batch = { rows: part.count, inputs: part.inputs, labels: part.labels, identifiers: part.identifiers };
  for await (const { step, results } of recursion.run(batch, options.steps)) {
    const isLast = step === options.steps;
    for (let row = 0; row < part.count; row++) {
      sums.afterStep(step, row, results);
      const answer = answers[row];
      if (answer.final) continue;
      const [haltLogit, continueLogit] = results.qLogits.subarray(2 * row, 2 * row + 2);
      answer.final = isLast || options.halt?.(haltLogit, continueLogit) === true;
      if (!answer.final) continue;
      answer.exact = results.exact[row];
      answer.cells = cellShare(results, row);
      answer.steps = step;
      options.onAnswer?.(start + row, results.predictions.slice(row * seqLen, (row + 1) * seqLen));
    }
    if (isLast) for (let row = 0; row < part.count; row++) sums.last(row, results, answers[row]);
  }
}

function cellShare(results: RecursionResults, row: number): number {
  return results.correct[row] / Math.max(results.labelled[row], 1);
}

class Sums {
  readonly #exact: Float64Array;
  readonly #cells: Float64Array;
  #answerExact = 0;
  #answerCells = 0;
  #answerSteps = 0;
  #haltRight = 0;
  #lmLoss = 0;

  constructor(steps: number) {
    this.#exact = new Float64Array(steps);
    this.#cells = new Float64Array(steps);
  }

  afterStep(step: number, row: number, results: RecursionResults): void {
    this.#exact[step - 1] += results.exact[row];
    this.#cells[step - 1] += cellShare(results, row);
  }

  last(row: number, results: RecursionResults, answer: Answer): void {
    this.#answerExact += answer.exact;
    this.#answerCells += answer.cells;
    this.#answerSteps += answer.steps;
    this.#haltRight += results.qLogits[2 * row] >= 0 === results.exact[row] > 0 ? 1 : 0;
    this.#lmLoss += results.lmLoss[row];
  }

  result(puzzles: number, seconds: number): Evaluation {
    const share = (sum: number) => (puzzles === 0 ? 0 : sum / puzzles);
    return {
      puzzles,
      exactAccuracy: share(this.#answerExact),
      cellAccuracy: share(this.#answerCells),
      interval95: wilsonInterval(this.#answerExact, puzzles),
      bySteps: Array.from(this.#exact, (exact, i) => ({
        step: i + 1,
        exactAccuracy: share(exact),
        cellAccuracy: share(this.#cells[i]),
      })),
      haltAccuracy: share(this.#haltRight),
      meanSteps: share(this.#answerSteps),
      lmLoss: share(this.#lmLoss),
      secondsPerPuzzle: share(seconds),
    };
  }
}
