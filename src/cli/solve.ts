// `whorl solve`: a trained model answers puzzles that someone hands it. A wrong answer is a result (exit code 0); a
// puzzle that cannot be one is refused before anything runs.

import type { Command } from "commander";
import { writeFileAtomic } from "../base/files.ts";
import { logInfo, printJson, printLine } from "../base/log.ts";
import { type SudokuAttempt, solvePuzzles } from "../eval/solve-sudoku.ts";
import { type OpenedModel, openModel } from "../runs/open-model.ts";
import { type Board, formatBoard } from "../tasks/sudoku/rules.ts";
import { judgeSolutions } from "../tasks/sudoku/solve.ts";
import { addComputeOptions, type ComputeOptions, executorFrom, parseCount } from "./options.ts";
import { readPuzzles, type SourcedBoard } from "./read-puzzles.ts";
import { drawTraceSvg } from "./render/board-svg.ts";
import { type BoardStyle, describeAnswer, drawAnswer, drawTrace } from "./render/board-trace.ts";
import { stdoutColors } from "./render/colors.ts";
import { integer } from "./render/numbers.ts";
import { makeStatusLine } from "./render/status-line.ts";
import { terminalWidth } from "./render/table.ts";

interface SolveCommandOptions extends ComputeOptions {
  steps?: string;
  halt?: boolean;
  trace?: boolean;
  svg?: string;
  json?: boolean;
}

/** Shorter work needs no progress shown. */
const QUIET_MS = 2000;

type SolutionCount = ReturnType<typeof judgeSolutions>;

const HELP = `
A puzzle is 16, 36 or 81 characters, row by row, . or 0 for an empty cell. A file holds one puzzle a line, grids in
lines, or rows of source,question,answer,rating.

Examples:
  whorl solve runs/my-run 1.3..2....4.4..1 --trace
  whorl solve runs/my-run puzzles.txt --json`;

export function registerSolve(program: Command): void {
  const command = program
    .command("solve")
    .description("let a trained model solve Sudoku puzzles")
    .argument("<model>", "run folder, checkpoint folder or .safetensors file")
    .argument("<puzzle...>", "puzzle, file of puzzles, or - to read from stdin")
    .option("--steps <n>", "supervision steps (default: as many as the model was trained for)")
    .option("--halt", "stop at the first step after which the model asks to")
    .option("--trace", "show the board after every step")
    .option("--svg <file>", "also draw the way to the first puzzle's answer as a picture")
    .option("--json", "print one JSON value");
  addComputeOptions(command)
    .addHelpText("after", HELP)
    .action((model: string, words: string[], options: SolveCommandOptions) =>
      runSolve(model, words, options),
    );
}

/** The model's way to the answer of one puzzle, as `--trace` shows it. */
export async function showSolution(
  opened: OpenedModel,
  board: Board,
  options: ComputeOptions,
): Promise<void> {
  const executor = await executorFrom(options, opened.config.engine);
  const attempts = solvePuzzles(opened, executor, [board], { steps: opened.model.haltMaxSteps });
  await showResults(attempts, [{ board, where: undefined }], true);
}

async function runSolve(
  modelPath: string,
  words: readonly string[],
  options: SolveCommandOptions,
): Promise<void> {
  const askedSteps = options.steps === undefined ? undefined : parseCount("--steps", options.steps);
  const opened = await openModel(modelPath);
  const puzzles = await readPuzzles(words, opened.config.data.size);
  const executor = await executorFrom(options, opened.config.engine);
  const steps = askedSteps ?? opened.model.haltMaxSteps;
  const boards = puzzles.map(({ board }) => board);
  const attempts = alsoDrawn(
    solvePuzzles(opened, executor, boards, { steps, halt: options.halt }),
    options.svg,
  );
  if (options.json) await printResults(attempts, puzzles);
  else await showResults(attempts, puzzles, options.trace === true);
}

/** The same attempts; the first is also drawn into a file, if one is named. */
async function* alsoDrawn(attempts: AsyncIterable<SudokuAttempt>, file: string | undefined) {
  let isFirst = true;
  for await (const attempt of attempts) {
    if (isFirst && file !== undefined) await writeFileAtomic(file, drawTraceSvg(attempt));
    isFirst = false;
    yield attempt;
  }
}

async function printResults(
  attempts: AsyncIterable<SudokuAttempt>,
  puzzles: readonly SourcedBoard[],
): Promise<void> {
  const status = makeStatusLine();
  const startMs = performance.now();
  const results: ReturnType<typeof resultOf>[] = [];
  for await (const attempt of attempts) {
    const solutions = judgePuzzle(puzzles[results.length], status.note);
    results.push(resultOf(attempt, solutions));
    if (performance.now() > startMs + QUIET_MS)
      status.update(() => `${integer(results.length)} of ${integer(puzzles.length)} puzzles tried`);
  }
  status.finish();
  printJson(results);
}

async function showResults(
  attempts: AsyncIterable<SudokuAttempt>,
  puzzles: readonly SourcedBoard[],
  trace: boolean,
): Promise<void> {
  const style: BoardStyle = { colors: stdoutColors(), width: terminalWidth() };
  let tried = 0;
  let solved = 0;
  for await (const attempt of attempts) {
    const puzzle = puzzles[tried++];
    if (puzzles.length > 1) {
      if (tried > 1) printLine("");
      printLine(style.colors.bold(`${tried} of ${puzzles.length}${puzzle.where ? `: ${puzzle.where}` : ""}`));
    }
    judgePuzzle(puzzle, logInfo);
    const drawing = trace ? drawTrace(attempt, style) : drawAnswer(attempt, style);
    for (const line of [...drawing, ...describeAnswer(attempt, style)]) printLine(line);
    if (attempt.valid) solved++;
  }
  if (tried > 1) printLine(`\n${integer(solved)} of ${integer(tried)} solved`);
}

/** Says so when the puzzle is not a proper one; it is tried all the same. */
function judgePuzzle({ board, where }: SourcedBoard, say: (text: string) => void): SolutionCount {
  const solutions = judgeSolutions(board);
  if (solutions === 1) return solutions;
  const said = {
    0: "the puzzle has no solution",
    several: "the puzzle has several solutions",
    unknown: "the puzzle may have no solution, or several: the search was given up",
  }[solutions];
  say(`warning: ${where === undefined ? said : `${said} — ${where}`}`);
  return solutions;
}

function resultOf(attempt: SudokuAttempt, solutions: SolutionCount) {
  const { puzzle, answer, valid, solvedAtStep, steps } = attempt;
  return {
    input: formatBoard(puzzle),
    answer: formatBoard(answer),
    valid,
    solvedAtStep: solvedAtStep ?? null,
    haltLogits: steps.map(({ haltLogit }) => haltLogit),
    steps: steps.map(({ board }) => formatBoard(board)),
    solutions,
  };
}
