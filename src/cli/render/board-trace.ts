// What a model made of a Sudoku, for the terminal: puzzle and answer beside each other, and the boards after every
// supervision step. What colour shows is said in words where there is no colour.

import { type BoardStage, boardStagesOf, changedCells, type SudokuAttempt } from "../../eval/solve-sudoku.ts";
import { drawBoard } from "../../tasks/sudoku/draw.ts";
import { brokenCells, isValid, type Judgement, judgeAnswer } from "../../tasks/sudoku/judge.ts";
import { type Board, type Conflict, sizeOf } from "../../tasks/sudoku/rules.ts";
import type { Colors } from "./colors.ts";
import { sideBySide } from "./table.ts";
import { describeCourse, describeStill, layOut, stepTitle, type TraceStyle } from "./trace.ts";

/** Most cells or rules that a line lists. */
const LISTED = 4;
const COUNT_WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/** Puzzle and answer. */
export function drawAnswer({ puzzle, answer }: SudokuAttempt, { colors }: TraceStyle): string[] {
  const broken = brokenCells(judgeAnswer(puzzle, answer));
  const style = (text: string, cell: number): string => {
    if (broken.has(cell)) return colors.red(text);
    return puzzle[cell] ? colors.bold(text) : colors.cyan(text);
  };
  return sideBySide([drawPuzzle(puzzle, colors), ["answer", ...drawBoard(answer, { style })]]);
}

/** In words: whether the answer is right, since when, and how sure the model is. */
export function describeAnswer(attempt: SudokuAttempt, { colors }: TraceStyle): string[] {
  const { puzzle, answer, valid } = attempt;
  const verdict = valid
    ? colors.green("valid: complete, breaks no rule, keeps the givens")
    : colors.red(`not valid: ${describeFaults(judgeAnswer(puzzle, answer), puzzle)}`);
  return [verdict, describeCourse(attempt)];
}

/** The puzzle and the board after each step; steps that change nothing share a line. */
export function drawTrace(attempt: SudokuAttempt, { colors, width }: TraceStyle): string[] {
  const { puzzle } = attempt;
  const panels = boardStagesOf(attempt).map((stage) => ({
    drawing: drawStage(stage, puzzle, colors),
    notes: describeStage(stage, attempt, colors),
  }));
  return layOut([{ drawing: drawPuzzle(puzzle, colors), notes: [] }, ...panels], width);
}

function drawPuzzle(puzzle: Board, colors: Colors): string[] {
  const style = (text: string, cell: number) => (puzzle[cell] ? colors.bold(text) : colors.dim(text));
  return ["puzzle", ...drawBoard(puzzle, { style })];
}

function drawStage(stage: BoardStage, puzzle: Board, colors: Colors): string[] {
  const { first, board, judgement, haltLogit } = stage;
  const broken = brokenCells(judgement);
  const changed = new Set(first === 1 ? [] : changedCells(stage));
  const style = (text: string, cell: number): string => {
    const hue = broken.has(cell) ? colors.red : colors.cyan;
    if (changed.has(cell)) return colors.inverse(hue(text));
    if (broken.has(cell)) return colors.red(text);
    return puzzle[cell] ? colors.bold(text) : text;
  };
  return [stepTitle(first, haltLogit), ...drawBoard(board, { style }), describeCounts(judgement, colors)];
}

function describeStage(stage: BoardStage, { puzzle, steps }: SudokuAttempt, colors: Colors): string[] {
  const { first, last, board, before, judgement } = stage;
  const lines: string[] = [];
  if (!colors.isColorSupported) {
    const changes = changedCells(stage);
    if (first === 1) lines.push(`step 1: filled in ${changes.length} cells`);
    else {
      const listed = changes.map(
        (cell) => `${cellName(cell, board)} ${symbol(before[cell])}→${symbol(board[cell])}`,
      );
      lines.push(`step ${first}: changed ${list(listed)}`);
    }
    const faults = [...judgement.conflicts.map(shortConflict), ...lostGivens(judgement, puzzle)];
    if (faults.length > 0) lines.push(`step ${first}: broken: ${list(faults)}`);
  }
  if (last > first) lines.push(describeStill(first, last, steps));
  return lines;
}

function describeCounts(judgement: Judgement, colors: Colors): string {
  if (isValid(judgement)) return colors.green("solved");
  return `${judgement.empty.length} empty, ${brokenCells(judgement).size} in conflict`;
}

function describeFaults(judgement: Judgement, puzzle: Board): string {
  const { empty, conflicts } = judgement;
  const faults = [...conflicts.map(shortConflict), ...lostGivens(judgement, puzzle)];
  const cells = empty.length === 1 ? "1 cell is empty" : `${empty.length} cells are empty`;
  return [...(empty.length > 0 ? [cells] : []), ...(faults.length > 0 ? [list(faults)] : [])].join("; ");
}

/** For instance `two 5s in row 2`. */
function shortConflict({ unit, index, digit, cells }: Conflict): string {
  return `${COUNT_WORDS[cells.length]} ${digit}s in ${unit} ${index + 1}`;
}

function lostGivens({ lostGivens }: Judgement, puzzle: Board): string[] {
  return lostGivens.map((cell) => `${cellName(cell, puzzle)} is given as ${puzzle[cell]}`);
}

/** As players write it: r1c3. */
function cellName(cell: number, board: Board): string {
  const size = sizeOf(board);
  return `r${Math.floor(cell / size) + 1}c${(cell % size) + 1}`;
}

function symbol(digit: number): string {
  return digit === 0 ? "·" : String(digit);
}

function list(words: readonly string[]): string {
  const more = words.length - LISTED;
  return `${words.slice(0, LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
