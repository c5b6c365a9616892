// A trained model tries Sudoku puzzles, and what it answers after each supervision step is judged by the rules. The
// model never sees a solution; whether a puzzle has one is the exact solver's question (tasks/sudoku/solve.ts).
// Accuracy on puzzles with known answers is evaluate.ts.

import { invariant } from "../base/errors.ts";
import type { Executor } from "../engine/executors/executor.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import { decodePrediction, encodeBoard } from "../tasks/sudoku/encode.ts";
import { type Board, type Conflict, conflicts } from "../tasks/sudoku/rules.ts";
import { makeRecursion, type Recursion } from "./recursion.ts";

export interface SolveOptions {
  /** Supervision steps a puzzle gets. */
  readonly steps: number;
  /** Stop a puzzle at the first step after which the model asks to. */
  readonly halt?: boolean;
  /** Most puzzles in memory at once. */
  readonly batchSize?: number;
}

export interface SolveStep {
  /** What the model answers; empty where it predicts no digit. */
  readonly board: Board;
  /** Above 0 the model believes that it is right. */
  readonly haltLogit: number;
}

export interface SudokuAttempt {
  readonly puzzle: Board;
  /** One for each supervision step, at least one. */
  readonly steps: readonly SolveStep[];
  /** The answer after the last of them. */
  readonly answer: Board;
  /** Complete, no rule broken, givens kept. */
  readonly valid: boolean;
  /** The first step, from 1, whose answer is valid. */
  readonly solvedAtStep: number | undefined;
}

/** What is wrong with an answer; nothing in a valid one. */
export interface Judgement {
  /** Cells without a digit. */
  readonly empty: readonly number[];
  readonly conflicts: readonly Conflict[];
  /** Cells whose given digit the answer does not keep. */
  readonly lostGivens: readonly number[];
}

export type SolvableModel = Pick<OpenedModel, "config" | "model" | "weights">;

/** Rows of 512 numbers for 97 tokens make 0.4 MB a puzzle and state: a batch stays below 60 MB. */
const BATCH_SIZE = 128;

/**
 * The attempts in the order of the boards, which must be of the model's size.
 * @example
 * for await (const { answer, valid } of solvePuzzles(opened, executor, boards, { steps: 16 })) console.log(valid);
 */
export async function* solvePuzzles(
  { config, model, weights }: SolvableModel,
  executor: Executor,
  boards: readonly Board[],
  options: SolveOptions,
): AsyncGenerator<SudokuAttempt> {
  if (boards.length === 0) return;
  const batchSize = Math.min(options.batchSize ?? BATCH_SIZE, boards.length);
  const microBatch = config.engine.microBatch ?? undefined;
  const recursion = makeRecursion(executor, model, weights, { batchSize, microBatch });
  const wantsToHalt = options.halt ? model.wantsToHalt : () => false;
  for (let start = 0; start < boards.length; start += batchSize) {
    const batch = boards.slice(start, start + batchSize);
    const traces = await solveBatch(recursion, batch, options.steps, wantsToHalt);
    yield* batch.map((puzzle, row) => attemptOf(puzzle, traces[row]));
  }
}

export function judgeAnswer(puzzle: Board, answer: Board): Judgement {
  const cells = Array.from(puzzle.keys());
  return {
    empty: cells.filter((cell) => answer[cell] === 0),
    conflicts: conflicts(answer),
    lostGivens: cells.filter((cell) => puzzle[cell] !== 0 && answer[cell] !== puzzle[cell]),
  };
}

export function isValid({ empty, conflicts, lostGivens }: Judgement): boolean {
  return empty.length === 0 && conflicts.length === 0 && lostGivens.length === 0;
}

/** How sure the model is that its answer is right, from 0 to 1. */
export function haltProbability(haltLogit: number): number {
  return 1 / (1 + Math.exp(-haltLogit));
}

async function solveBatch(
  recursion: Recursion,
  batch: readonly Board[],
  steps: number,
  wantsToHalt: (haltLogit: number, continueLogit: number) => boolean,
): Promise<SolveStep[][]> {
  const cells = batch[0].length;
  const inputs = new Int32Array(recursion.batchSize * cells); // [rows, S]
  for (const [row, board] of batch.entries()) {
    invariant(board.length === cells, `a board of ${board.length} cells among boards of ${cells}`);
    encodeBoard(board, inputs, row * cells);
  }
  const identifiers = new Int32Array(recursion.batchSize); // one identifier serves all Sudoku puzzles
  const traces: SolveStep[][] = batch.map(() => []);
  const running = new Set(traces.keys());
  for await (const { results } of recursion.run({ rows: batch.length, inputs, identifiers }, steps)) {
    for (const row of running) {
      const [haltLogit, continueLogit] = results.qLogits.subarray(2 * row);
      const tokens = results.predictions.subarray(row * cells, (row + 1) * cells);
      traces[row].push({ board: decodePrediction(tokens), haltLogit });
      if (wantsToHalt(haltLogit, continueLogit)) running.delete(row);
    }
    if (running.size === 0) break;
  }
  return traces;
}

/** A model's steps on a puzzle, judged. */
export function attemptOf(puzzle: Board, steps: readonly SolveStep[]): SudokuAttempt {
  const validSteps = steps.map(({ board }) => isValid(judgeAnswer(puzzle, board)));
  const firstValid = validSteps.indexOf(true);
  return {
    puzzle,
    steps,
    answer: steps[steps.length - 1].board,
    valid: validSteps[steps.length - 1],
    solvedAtStep: firstValid < 0 ? undefined : firstValid + 1,
  };
}
