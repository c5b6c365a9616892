// `whorl start`, what `npm start` runs: trains a small TRM on generated Sudoku from nothing, measures it on held-out
// puzzles, and replays how it solves one of them.

import type { Command } from "commander";
import { logInfo, printJson, printLine } from "../base/log.ts";
import { loadConfig } from "../config/load.ts";
import type { Executor } from "../engine/executors/executor.ts";
import { solvePuzzles } from "../eval/solve.ts";
import { type OpenedModel, openModel } from "../runs/open-model.ts";
import { freeRunDir, openRun } from "../runs/run.ts";
import type { PuzzleTestSet } from "../tasks/puzzle-dataset.ts";
import type { SudokuPuzzle } from "../tasks/sudoku/dataset.ts";
import { loadSudokuTestSet } from "../tasks/sudoku/load.ts";
import { type Board, countGivens, sizeOf } from "../tasks/sudoku/rules.ts";
import { sudokuTask } from "../tasks/sudoku/task.ts";
import { evaluateModel } from "./eval.ts";
import { addComputeOptions, type ComputeOptions, executorFrom } from "./options.ts";
import { duration, percent } from "./render/numbers.ts";
import { showSolution } from "./solve.ts";
import { trainWithProgress } from "./train.ts";

export function registerStart(program: Command): void {
  const command = program
    .command("start")
    .description("the main job in one go: train a small model, evaluate it, watch it solve a puzzle")
    .option("--json", "print the result as one line of JSON, without the show")
    .action(runStart);
  addComputeOptions(command);
}

async function runStart(given: ComputeOptions & { json?: boolean }): Promise<void> {
  const usual = await loadConfig("sudoku-6x6");
  const executor = await executorFrom(given, usual.config.engine); // says why, when it is not the native one
  const { backend } = executor.description;
  const options = { ...given, backend };
  const preset = backend === "reference" ? "sudoku-4x4" : "sudoku-6x6";
  if (backend === "reference") logInfo("training on 4×4 boards, because the reference backend is slow");
  const { config } = await loadConfig(preset);
  const runDir = freeRunDir("start");
  const trained = await trainWithProgress(config, runDir, options);
  if (trained.stopped === "interrupted") return;

  const { record } = await openRun(runDir);
  const opened = await openModel(runDir);
  if (config.data.task !== "sudoku") throw new Error(`${preset} is no Sudoku`);
  const held = loadSudokuTestSet(config.data, null);
  const { report } = await evaluateModel(opened, held, options);
  const cluesMax = Math.max(...held.puzzles.map(({ question }) => countGivens(question)));
  if (options.json) {
    printJson({
      backend,
      preset,
      trainSeconds: trained.trainSeconds,
      trainFlops: trained.flops,
      heldOutPuzzles: report.puzzles,
      heldOutInTraining: record.data.heldOutInTraining,
      cluesMax,
      exactAccuracy: report.exactAccuracy,
      interval95: report.interval95,
      cellAccuracy: report.cellAccuracy,
      invalidRate: report.invalidRate,
      runDir,
    });
    return;
  }
  const [low, high] = report.interval95;
  printLine(
    `After ${duration(trained.trainSeconds)} of training it solves ${percent(report.exactAccuracy)} of ${report.puzzles} puzzles ` +
      `it never saw (95 % interval ${percent(low)} to ${percent(high)}), each with at most ${cluesMax} cells given.`,
  );
  printLine("The one that it took longest to solve, step by step:\n");
  await showSolution(opened, await longestSolved(opened, executor, held), options);
  printLine("\nMore to do with it:");
  printLine(
    `  npx whorl solve ${runDir} PUZZLE --trace    (a puzzle is ${held.puzzles[0].question.length} characters, . for empty)`,
  );
  printLine(`  npx whorl eval ${runDir} --steps 32`);
  printLine("  npx whorl train sudoku-6x6 model.hiddenSize=64");
}

/** The solved puzzle with the most steps before its solution; the first of equals. */
async function longestSolved(
  opened: OpenedModel,
  executor: Executor,
  { puzzles }: PuzzleTestSet<SudokuPuzzle>,
): Promise<Board> {
  const task = sudokuTask(sizeOf(puzzles[0].question));
  const attempts = solvePuzzles(opened, executor, task, puzzles, { steps: opened.model.haltMaxSteps });
  let longest = { steps: 0, board: puzzles[0].question };
  for await (const { puzzle, valid, solvedAtStep = 0 } of attempts)
    if (valid && solvedAtStep > longest.steps) longest = { steps: solvedAtStep, board: puzzle.question };
  return longest.board;
}
