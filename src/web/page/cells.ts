// An answer as cells to be drawn: what stands in each, and what there is to say of it. Marks are classes for the eye and
// words for the ear, never colour alone.

import type { PuzzleKind } from "../../embed/puzzle-form.ts";
import { mazeOf } from "../../embed/puzzle-form.ts";
import { cropGrid } from "../../tasks/arc/crop.ts";
import { formatTokens, PATH } from "../../tasks/maze/encode.ts";
import { keepsCell } from "../../tasks/maze/score.ts";
import { decodePrediction } from "../../tasks/sudoku/encode.ts";
import { brokenCells, judgeAnswer } from "../../tasks/sudoku/judge.ts";

export interface Cell {
  readonly text: string;
  /** What it is, for people who hear it: `5`, `wall`, `empty`. */
  readonly says: string;
  readonly kind: "" | "wall" | "path" | "end" | `c${number}`;
  readonly isGiven: boolean;
  readonly isChanged: boolean;
  readonly isBroken: boolean;
}

export interface Board {
  readonly rows: number;
  readonly columns: number;
  readonly cells: readonly Cell[];
}

/** @param before the answer of the step before; at the first step what is asked counts as unchanged */
export function answerBoard(
  puzzle: PuzzleKind,
  inputs: Int32Array,
  answer: Int32Array,
  before: Int32Array | undefined,
): Board {
  if (puzzle.kind === "arc") return arcBoard(puzzle.size, answer, before);
  const cells =
    puzzle.kind === "sudoku" ? sudokuCells(inputs, answer, before) : mazeCells(inputs, answer, before);
  return { rows: puzzle.size, columns: puzzle.size, cells };
}

export function sudokuCell(digit: number): Pick<Cell, "text" | "says" | "kind"> {
  return { text: digit === 0 ? "" : String(digit), says: digit === 0 ? "empty" : String(digit), kind: "" };
}

/** @param character as mazes are written */
export function mazeCell(character: string): Pick<Cell, "text" | "says" | "kind"> {
  if (character === "#") return { text: "", says: "wall", kind: "wall" };
  if (character === "S") return { text: "S", says: "start", kind: "end" };
  if (character === "G") return { text: "G", says: "goal", kind: "end" };
  if (character === "o") return { text: "•", says: "path", kind: "path" };
  return character === "?" ? { text: "?", says: "nothing", kind: "" } : { text: "", says: "open", kind: "" };
}

export function arcCell(colour: number): Pick<Cell, "text" | "says" | "kind"> {
  return { text: "", says: `${colour} ${COLOURS[colour]}`, kind: `c${colour}` };
}

export const COLOURS = ["black", "blue", "red", "green", "yellow", "grey", "pink", "orange", "sky", "maroon"];

function sudokuCells(inputs: Int32Array, answer: Int32Array, before = inputs): Cell[] {
  const given = decodePrediction(inputs);
  const digits = decodePrediction(answer);
  const broken = brokenCells(judgeAnswer(given, digits));
  return Array.from(digits, (digit, cell) => ({
    ...sudokuCell(digit),
    isGiven: given[cell] !== 0,
    isChanged: answer[cell] !== before[cell],
    isBroken: broken.has(cell) || digit === 0,
  }));
}

function mazeCells(inputs: Int32Array, answer: Int32Array, before = inputs): Cell[] {
  const maze = mazeOf(inputs);
  return Array.from(formatTokens(answer), (character, cell) => ({
    ...mazeCell(character),
    isGiven: false,
    isChanged: answer[cell] !== before[cell] && (before !== inputs || answer[cell] !== PATH),
    isBroken: !keepsCell(maze, cell, answer[cell]),
  }));
}

function arcBoard(side: number, answer: Int32Array, before = answer): Board {
  const { rows, cols: columns, cells } = cropGrid(answer, side);
  const tokenAt = (tokens: Int32Array, cell: number) =>
    tokens[Math.floor(cell / columns) * side + (cell % columns)];
  return {
    ...{ rows, columns },
    cells: Array.from(cells, (colour, cell) => ({
      ...arcCell(colour),
      isGiven: false,
      isChanged: tokenAt(answer, cell) !== tokenAt(before, cell),
      isBroken: false,
    })),
  };
}
