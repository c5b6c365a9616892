// A trained model tries puzzles of any task, and what it answers after each supervision step is judged by the task's
// rules. The model never sees a solution. Sudoku's own view of this is solve-sudoku.ts; ARC's answer is a vote over many
// such attempts (answer-arc.ts); accuracy on puzzles with known answers is evaluate.ts.

import type { Executor } from "../engine/executors/executor.ts";
import type { RecursiveModel } from "../models/model.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import { encodePuzzles } from "../tasks/puzzle-rows.ts";
import type { Score, Task } from "../tasks/task.ts";
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
  /** What the model answers. */
  readonly tokens: Int32Array; // [S]
  /** Above 0 the model believes that it is right. */
  readonly haltLogit: number;
}

export interface Attempt<Puzzle> {
  readonly puzzle: Puzzle;
  /** One for each supervision step, at least one. */
  readonly steps: readonly SolveStep[];
  /** The answer after the last of them. */
  readonly answer: Int32Array; // [S]
  readonly score: Score;
  /** Whether the answer is right by the rules. */
  readonly valid: boolean;
  /** The first step, from 1, whose answer is valid. */
  readonly solvedAtStep: number | undefined;
}

export type SolvableModel = Pick<OpenedModel, "config" | "model" | "weights">;

/** Rows of 512 numbers make 0.4 MB a Sudoku of 81 cells and state: a batch of so many cells stays below 60 MB. */
const BATCH_CELLS = 128 * 81;

/**
 * The attempts in the order of the puzzles.
 * @example
 * for await (const { answer, valid } of solvePuzzles(opened, executor, mazeTask(10), mazes, { steps: 16 }))
 *   console.log(valid);
 */
export async function* solvePuzzles<Puzzle>(
  { config, model, weights }: SolvableModel,
  executor: Executor,
  task: Task<Puzzle>,
  puzzles: readonly Puzzle[],
  options: SolveOptions,
): AsyncGenerator<Attempt<Puzzle>> {
  if (puzzles.length === 0) return;
  const fitting = Math.max(1, Math.floor(BATCH_CELLS / task.seqLen));
  const batchSize = Math.min(options.batchSize ?? fitting, puzzles.length);
  const microBatch = config.engine.microBatch ?? undefined;
  const recursion = makeRecursion(executor, model, weights, { batchSize, microBatch });
  const halt = options.halt ? model.wantsToHalt : undefined;
  for (let start = 0; start < puzzles.length; start += batchSize) {
    const batch = puzzles.slice(start, start + batchSize);
    const traces = await solveBatch(recursion, task, batch, options.steps, halt);
    for (const [row, puzzle] of batch.entries()) yield attemptOf(task, puzzle, traces[row]);
  }
}

/** A model's steps on a puzzle, judged. */
export function attemptOf<Puzzle>(
  task: Task<Puzzle>,
  puzzle: Puzzle,
  steps: readonly SolveStep[],
): Attempt<Puzzle> {
  const scores = steps.map(({ tokens }) => task.score(puzzle, tokens));
  const firstValid = scores.findIndex(({ valid }) => valid);
  const score = scores[scores.length - 1];
  return {
    puzzle,
    steps,
    answer: steps[steps.length - 1].tokens,
    score,
    valid: score.valid,
    solvedAtStep: firstValid < 0 ? undefined : firstValid + 1,
  };
}

async function solveBatch<Puzzle>(
  recursion: Recursion,
  task: Task<Puzzle>,
  batch: readonly Puzzle[],
  steps: number,
  halt: RecursiveModel["wantsToHalt"] | undefined,
): Promise<SolveStep[][]> {
  const { seqLen } = task;
  const inputs = new Int32Array(recursion.batchSize * seqLen); // [rows, S]
  const identifiers = new Int32Array(recursion.batchSize); // [rows]
  const encoded = encodePuzzles(task, batch);
  inputs.set(encoded.inputs);
  identifiers.set(encoded.identifiers);
  const traces: SolveStep[][] = batch.map(() => []);
  const all = [...traces.keys()];
  const rows = { rows: batch.length, inputs, identifiers };
  for await (const { results, places = all } of recursion.run(rows, steps, halt)) {
    for (const [row, place] of places.entries()) {
      const haltLogit = results.qLogits[2 * row];
      // A copy: the next step overwrites the results.
      traces[place].push({ tokens: results.predictions.slice(row * seqLen, (row + 1) * seqLen), haltLogit });
    }
  }
  return traces;
}
