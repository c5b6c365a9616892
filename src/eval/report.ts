// The result of an evaluation as `whorl eval` and `whorl merge` print it: counts, what the task's own rules or votes
// say of the answers, and everything a result must say about itself.

import type { NumberFormat } from "../engine/number-format.ts";
import type { Judgement, PartManifest, TestSet } from "../tasks/dataset.ts";
import { type DifficultyGroup, groupByDifficulty } from "./by-difficulty.ts";
import { answersOf, type Evaluation, type EvaluationRows, summarize } from "./rows.ts";

/** Where a result comes from. */
export interface AboutResult {
  readonly checkpoint: string;
  /** Steps the model was trained for, if known. */
  readonly trainedSteps: number | null;
  readonly backend: string;
  /** Number format it was computed in. */
  readonly format: NumberFormat;
}

/** What `--json` prints. */
export interface EvalReport extends Evaluation, AboutResult, Omit<Judgement, "submission"> {
  readonly supervisionSteps: number;
  readonly data: PartManifest;
  /** By each difficulty that the task knows; absent where it knows none. */
  readonly byDifficulty?: readonly DifficultyGroup[];
}

export interface JudgedResult {
  readonly report: EvalReport;
  /** ARC: two attempts for each test input. */
  readonly submission?: Judgement["submission"];
}

/**
 * Counts and judges. Votes are over all views of a puzzle, so rows that are only a part of the test set (a shard) are
 * counted and not judged.
 * @param seconds all of them, also when several machines shared the work
 */
export function reportOf(
  rows: EvaluationRows,
  testSet: TestSet,
  about: AboutResult,
  seconds: number,
): JudgedResult {
  const isWhole = rows.index.length === testSet.examples.count;
  const { submission, ...judgement }: Judgement = isWhole ? testSet.judge(answersOf(rows)) : {};
  const report = {
    ...summarize(rows, seconds),
    ...judgement,
    ...about,
    supervisionSteps: rows.supervisionSteps,
    data: testSet.manifest,
    ...(testSet.difficulty ? { byDifficulty: groupByDifficulty(rows, testSet.difficulty) } : {}),
  };
  return { report, submission };
}

/**
 * The report of a run of all steps with what a second run on the same puzzles, from which they left when the model
 * asked, really saved.
 */
export function withMeasuredHalting(report: EvalReport, halted: Evaluation): EvalReport {
  if (!report.halting) return report;
  const [all, some] = [report.secondsPerPuzzle, halted.secondsPerPuzzle];
  const measured = {
    secondsPerPuzzleAllSteps: all,
    secondsPerPuzzleHalted: some,
    timeSaved: all === 0 ? 0 : 1 - some / all,
    exactAccuracy: halted.exactAccuracy,
  };
  return { ...report, halting: { ...report.halting, measured } };
}
