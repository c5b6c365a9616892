// `whorl solve`: a trained model answers puzzles that someone hands it. A wrong answer is a result (exit code 0); a
// puzzle that cannot be one is refused before anything runs.

import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import { logInfo, printJson, printLine } from "../base/log.ts";
import { type Attempt, solvePuzzles } from "../eval/solve.ts";
import { openAnyModel } from "../onnx/open-any.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import { importTask } from "../tasks/module/load.ts";
import { encodePuzzles, formatTokens } from "../tasks/puzzle-rows.ts";
import { type Board, sizeOf } from "../tasks/sudoku/rules.ts";
import type { Task } from "../tasks/task.ts";
import { addComputeOptions, type ComputeOptions, executorFrom, parseCount } from "./options.ts";
import type { Sourced } from "./read-puzzles.ts";
import { stdoutColors } from "./render/colors.ts";
import { integer } from "./render/numbers.ts";
import { makeStatusLine } from "./render/status-line.ts";
import { terminalWidth } from "./render/table.ts";
import type { TraceStyle } from "./render/trace.ts";
import { arcKind } from "./solve-arc.ts";
import { mazeKind, type PuzzleKind, sudokuKind, taskKind, unsolved } from "./solve-kinds.ts";

interface SolveCommandOptions extends ComputeOptions {
  steps?: string;
  halt?: boolean;
  trace?: boolean;
  svg?: string;
  json?: boolean;
}

/** Shorter work needs no progress shown. */
const QUIET_MS = 2000;

const HELP = `
A Sudoku is 16, 36 or 81 characters, row by row, . or 0 for an empty cell; a maze is its cells (# wall, space or . open,
S start, G goal), where spaces count; other puzzles are as their task reads them. A file holds one puzzle a line, grids
in lines, or rows of source,question,answer,rating. ARC tasks are JSON files; the model must have been trained with their
demonstrations (\`whorl adapt\` does that for new ones).

Examples:
  whorl solve runs/my-run 1.3..2....4.4..1 --trace
  whorl solve runs/my-run puzzles.txt --json`;

export function registerSolve(program: Command): void {
  const command = program
    .command("solve")
    .description("let a trained model solve puzzles")
    .argument("<model>", "run folder, checkpoint folder, .safetensors, .pt or .onnx file")
    .argument("<puzzle...>", "puzzle, file of puzzles, or - to read from stdin")
    .option("--steps <n>", "supervision steps (default: as many as the model was trained for)")
    .option("--halt", "stop at the first step after which the model asks to")
    .option("--trace", "show the answer after every step")
    .option("--svg <file>", "also draw the way to the first Sudoku's answer as a picture")
    .option("--json", "print one JSON value");
  addComputeOptions(command)
    .addHelpText("after", HELP)
    .action((model: string, words: string[], options: SolveCommandOptions) =>
      runSolve(model, words, options),
    );
}

/** The model's way to the answer of one Sudoku, as `--trace` shows it. */
export async function showSolution(
  opened: OpenedModel,
  board: Board,
  options: ComputeOptions,
): Promise<void> {
  const executor = await executorFrom(options, opened.config.engine);
  const kind = sudokuKind(sizeOf(board));
  const puzzle = unsolved(board);
  const attempts = solvePuzzles(opened, executor, kind.task, [puzzle], { steps: opened.model.haltMaxSteps });
  await showResults(kind, attempts, [{ puzzle, where: undefined }], true);
}

async function runSolve(
  modelPath: string,
  words: readonly string[],
  options: SolveCommandOptions,
): Promise<void> {
  const askedSteps = options.steps === undefined ? undefined : parseCount("--steps", options.steps);
  const opened = await openAnyModel(modelPath);
  const steps = askedSteps ?? opened.model.haltMaxSteps;
  const { data } = opened.config;
  switch (data.task) {
    case "arc": {
      const executor = await executorFrom(options, opened.config.engine);
      const colors = stdoutColors().isColorSupported;
      return solveKind(arcKind(opened, data, executor, { steps, colors }), opened, words, {
        ...options,
        steps,
      });
    }
    case "sudoku":
      return solveKind(sudokuKind(data.size), opened, words, { ...options, steps });
    case "maze":
      return solveKind(mazeKind(data.size), opened, words, { ...options, steps });
    case "module":
      return solveKind(taskKind(await importTask(data), data.module), opened, words, { ...options, steps });
  }
}

async function solveKind<Puzzle>(
  kind: PuzzleKind<Puzzle>,
  opened: OpenedModel,
  words: readonly string[],
  options: Omit<SolveCommandOptions, "steps"> & { steps: number },
): Promise<void> {
  if (options.svg !== undefined && !kind.drawSvg) throw noPicture(kind.task.title);
  const puzzles = await kind.read(words);
  const executor = await executorFrom(options, opened.config.engine);
  const questions = puzzles.map(({ puzzle }) => puzzle);
  const { steps, halt } = options;
  const attempts = alsoDrawn(
    kind,
    solvePuzzles(opened, executor, kind.task, questions, { steps, halt }),
    options.svg,
  );
  if (options.json) await printResults(kind, attempts, puzzles);
  else await showResults(kind, attempts, puzzles, options.trace === true);
}

/** The same attempts; the first is also drawn into a file, if one is named. */
async function* alsoDrawn<Puzzle>(
  { drawSvg }: PuzzleKind<Puzzle>,
  attempts: AsyncIterable<Attempt<Puzzle>>,
  file: string | undefined,
) {
  let isFirst = true;
  for await (const attempt of attempts) {
    if (isFirst && drawSvg && file !== undefined) await writeFileAtomic(file, drawSvg(attempt));
    isFirst = false;
    yield attempt;
  }
}

async function printResults<Puzzle>(
  kind: PuzzleKind<Puzzle>,
  attempts: AsyncIterable<Attempt<Puzzle>>,
  puzzles: readonly Sourced<Puzzle>[],
): Promise<void> {
  const status = makeStatusLine();
  const startMs = performance.now();
  const results: object[] = [];
  for await (const attempt of attempts) {
    const more = kind.inspect(puzzles[results.length], status.note);
    results.push({ ...resultOf(kind.task, attempt), ...more });
    if (performance.now() > startMs + QUIET_MS)
      status.update(() => `${integer(results.length)} of ${integer(puzzles.length)} puzzles tried`);
  }
  status.finish();
  printJson(results);
}

async function showResults<Puzzle>(
  kind: PuzzleKind<Puzzle>,
  attempts: AsyncIterable<Attempt<Puzzle>>,
  puzzles: readonly Sourced<Puzzle>[],
  trace: boolean,
): Promise<void> {
  const style: TraceStyle = { colors: stdoutColors(), width: terminalWidth() };
  let tried = 0;
  let solved = 0;
  for await (const attempt of attempts) {
    const sourced = puzzles[tried++];
    if (puzzles.length > 1) {
      if (tried > 1) printLine("");
      const { where } = sourced;
      printLine(style.colors.bold(`${tried} of ${puzzles.length}${where ? `: ${where}` : ""}`));
    }
    kind.inspect(sourced, logInfo);
    for (const line of kind.show(attempt, style, trace)) printLine(line);
    if (attempt.valid) solved++;
  }
  if (tried > 1) printLine(`\n${integer(solved)} of ${integer(tried)} solved`);
}

function resultOf<Puzzle>(task: Task<Puzzle>, attempt: Attempt<Puzzle>) {
  const { puzzle, answer, valid, solvedAtStep, steps, score } = attempt;
  return {
    input: formatTokens(task, encodePuzzles(task, [puzzle]).inputs),
    answer: formatTokens(task, answer),
    valid,
    solvedAtStep: solvedAtStep ?? null,
    haltLogits: steps.map(({ haltLogit }) => haltLogit),
    steps: steps.map(({ tokens }) => formatTokens(task, tokens)),
    ...(score.measures ? { measures: score.measures } : {}),
  };
}

function noPicture(title: string): ToolError {
  return new ToolError(`--svg draws Sudoku only, and the model solves ${title}`, {
    code: "solve/no-svg",
    hint: "--trace shows the way to the answer in the terminal",
    exitCode: 2,
  });
}
