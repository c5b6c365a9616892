// `whorl eval`: accuracy of a trained model on held-out puzzles, with its interval and how it grows with the steps.

import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { logInfo, printJson, printLine } from "../base/log.ts";
import { stream } from "../base/random/threefry.ts";
import type { NumberFormat } from "../engine/number-format.ts";
import { type Evaluation, evaluate } from "../eval/evaluate.ts";
import { makeRecursion } from "../eval/recursion.ts";
import { type OpenedModel, openModel } from "../runs/open-model.ts";
import type { PartManifest } from "../tasks/dataset.ts";
import { decodePrediction } from "../tasks/sudoku/encode.ts";
import { loadTestPuzzles, type TestPuzzles } from "../tasks/sudoku/load.ts";
import { conflicts } from "../tasks/sudoku/rules.ts";
import { addComputeOptions, type ComputeOptions, executorFrom, parseCount } from "./options.ts";
import { percent } from "./render/numbers.ts";
import { makeStatusLine } from "./render/status-line.ts";

interface EvalOptions extends ComputeOptions {
  data?: string;
  limit?: string;
  steps?: string;
  batch?: string;
  halt?: boolean;
  json?: boolean;
  atLeast?: string;
}

/** Everything a result must say about itself. */
export interface EvalReport extends Evaluation {
  /** Share of answers that break a rule, leave a cell empty or change a given. */
  readonly invalidRate: number;
  readonly checkpoint: string;
  readonly trainedSteps: number | null;
  readonly supervisionSteps: number;
  readonly data: PartManifest;
  readonly backend: string;
  /** Number format it was computed in. */
  readonly format: NumberFormat;
}

export function registerEval(program: Command): void {
  const command = program
    .command("eval")
    .description("measure a trained model on held-out puzzles")
    .argument("<model>", "run folder, checkpoint folder or .safetensors file")
    .option("--data <file>", "puzzles to test on (default: the run's own test set)")
    .option("--limit <n>", "only so many puzzles, drawn at random with a fixed seed")
    .option("--steps <k>", "supervision steps (default: the model's own)")
    .option("--halt", "take each answer when the halting output says so")
    .option("--batch <n>", "puzzles computed together", "256")
    .option("--at-least <share>", "exit with 3 if the exact accuracy is below this")
    .option("--json", "print the result as one line of JSON")
    .addHelpText("after", "\nExample:\n  whorl eval runs/sudoku-6x6 --limit 300")
    .action(runEval);
  addComputeOptions(command);
}

async function runEval(path: string, options: EvalOptions): Promise<void> {
  const opened = await openModel(path);
  const threshold = parseShare(options.atLeast);
  const puzzles = choosePuzzles(opened, options);
  const report = await evaluateModel(opened, puzzles, options);
  if (options.json) printJson(report);
  else for (const line of describe(report)) printLine(line);
  if (threshold !== undefined && report.exactAccuracy < threshold) {
    logInfo(`exact accuracy ${percent(report.exactAccuracy)} is below the ${percent(threshold)} asked for`);
    process.exitCode = 3;
  }
}

function choosePuzzles({ config }: OpenedModel, options: EvalOptions): TestPuzzles {
  const all = loadTestPuzzles(config.data, options.data ?? null);
  if (options.limit === undefined) return all;
  return all.sample(stream(0, "eval-limit"), parseCount("--limit", options.limit));
}

/** Runs the model on the puzzles; progress on stderr. */
export async function evaluateModel(
  opened: OpenedModel,
  { puzzles, examples, manifest }: TestPuzzles,
  options: EvalOptions,
): Promise<EvalReport> {
  const executor = await executorFrom(options, opened.config.engine);
  const steps =
    options.steps === undefined ? opened.model.haltMaxSteps : parseCount("--steps", options.steps);
  const batchSize = Math.min(parseCount("--batch", options.batch ?? "256"), examples.count);
  const recursion = makeRecursion(executor, opened.model, opened.weights, { batchSize, labels: true });
  const status = makeStatusLine();
  let invalid = 0;
  const evaluation = await evaluate(recursion, examples, {
    steps,
    halt: options.halt ? opened.model.wantsToHalt : undefined,
    onProgress: (done) => status.update(() => `evaluated ${done} of ${examples.count} puzzles`),
    onAnswer(index, prediction) {
      const board = decodePrediction(prediction);
      const { question } = puzzles[index];
      const keepsGivens = question.every((digit, cell) => digit === 0 || board[cell] === digit);
      if (!keepsGivens || board.includes(0) || conflicts(board).length > 0) invalid++;
    },
  });
  status.finish();
  return {
    ...evaluation,
    invalidRate: invalid / examples.count,
    checkpoint: opened.path,
    trainedSteps: opened.step ?? null,
    supervisionSteps: steps,
    data: manifest,
    backend: `${executor.description.backend} ${executor.description.isa}`,
    format: recursion.format,
  };
}

function describe(report: EvalReport): string[] {
  const [low, high] = report.interval95;
  const shown = new Set([1, 2, 4, 8, 16, 32, 64, report.supervisionSteps]);
  const bySteps = report.bySteps
    .filter(({ step }) => shown.has(step))
    .map(({ step, exactAccuracy }) => `${step}: ${percent(exactAccuracy)}`);
  return [
    `exact accuracy  ${percent(report.exactAccuracy)}  (95 % interval ${percent(low)} to ${percent(high)}; ${report.puzzles} puzzles)`,
    `cell accuracy   ${percent(report.cellAccuracy)}`,
    `by steps        ${bySteps.join("   ")}`,
    `halting         right for ${percent(report.haltAccuracy)}; ${report.meanSteps.toFixed(1)} steps a puzzle`,
    `invalid answers ${percent(report.invalidRate)}`,
    `time            ${(1000 * report.secondsPerPuzzle).toFixed(1)} ms a puzzle on ${report.backend}`,
    `data            ${report.data.from}, SHA-256 ${report.data.sha256.slice(0, 16)}…`,
    `weights         ${report.checkpoint}`,
  ];
}

function parseShare(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value >= 0 && value <= 1) return value;
  throw new ToolError(`--at-least takes a share from 0 to 1, not '${text}'`, {
    code: "usage/share",
    exitCode: 2,
  });
}
