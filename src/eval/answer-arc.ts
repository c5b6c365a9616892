// ARC's two attempts for every test input: a trained model answers all augmented views, and the answers vote.

import type { Executor } from "../engine/executors/executor.ts";
import type { NumberFormat } from "../engine/number-format.ts";
import type { RecursiveModel } from "../models/model.ts";
import type { ModelWeights } from "../models/weights.ts";
import { gridToJson } from "../tasks/arc/grid.ts";
import type { ArcTask, ArcTest } from "../tasks/arc/read.ts";
import type { Attempts } from "../tasks/arc/vote.ts";
import type { TestSet } from "../tasks/dataset.ts";
import { evaluateRows } from "./evaluate.ts";
import { makeRecursion } from "./recursion.ts";
import { answersOf } from "./rows.ts";

/** By task, two attempts for each test input. */
export type ArcSubmission = Readonly<Record<string, readonly Attempts[]>>;

/** Views computed together. */
const BATCH_SIZE = 64;

/** @param format default: the model's own where the executor has it */
export async function answerArcTasks(
  executor: Executor,
  model: RecursiveModel,
  weights: ModelWeights,
  { examples, judge }: TestSet,
  options: { steps: number; format?: NumberFormat; onProgress?(done: number): void },
): Promise<ArcSubmission> {
  const { steps, format, onProgress } = options;
  const batchSize = Math.max(1, Math.min(BATCH_SIZE, examples.count));
  const recursion = makeRecursion(executor, model, weights, { batchSize, labels: true, format });
  const rows = await evaluateRows(recursion, examples, { steps, onProgress });
  return judge(answersOf(rows)).submission as ArcSubmission; // ARC's judgement always has one
}

/** Whether one of the two attempts is the output; null where that is not known. */
export function isSolved({ output }: ArcTest, attempts: Attempts | undefined): boolean | null {
  if (!output) return null;
  const wanted = JSON.stringify(gridToJson(output));
  return Object.values(attempts ?? {}).some((grid) => JSON.stringify(grid) === wanted);
}

/** Whether all test inputs of a task are solved. */
export function isTaskSolved({ id, test }: ArcTask, submission: ArcSubmission): boolean | null {
  const solved = test.map((pair, i) => isSolved(pair, submission[id]?.[i]));
  return solved.includes(null) ? null : solved.every(Boolean);
}
