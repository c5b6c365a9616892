// What embedding needs to know of a puzzle family: its text as tokens and back, and what its rules say of an answer.
// Nothing here needs Node, so the page reads and judges with the functions that training does.

import { ToolError } from "../base/errors.ts";
import { cropGrid } from "../tasks/arc/crop.ts";
import { ARC_VOCABULARY, encodeGrid } from "../tasks/arc/encode.ts";
import { type Grid, gridToJson, parseGrid } from "../tasks/arc/grid.ts";
import { encodeQuestion, formatTokens, VOCABULARY } from "../tasks/maze/encode.ts";
import { type Maze, parseMaze, solveMaze } from "../tasks/maze/rules.ts";
import { scoreMaze } from "../tasks/maze/score.ts";
import { decodePrediction, encodeBoard, sequenceLength, vocabularySize } from "../tasks/sudoku/encode.ts";
import { problemOf } from "../tasks/sudoku/judge.ts";
import { checkNoConflicts, formatBoard, parseBoard, type SudokuSize, sizeOf } from "../tasks/sudoku/rules.ts";

export interface PuzzleForm {
  /** S, cells of a board. */
  readonly seqLen: number;
  /** V, tokens with the padding. */
  readonly vocabSize: number;
  /** Tokens of a question; refuses what cannot be one. */
  read(text: string): Int32Array; // [S]
  /** Tokens of a question or an answer as text. */
  format(tokens: ArrayLike<number>): string;
  /** `valid` is undefined where no rules tell. */
  judge(inputs: Int32Array, answer: Int32Array): Verdict;
}

export interface Verdict {
  readonly valid: boolean | undefined;
  readonly problem: string | undefined;
}

/** A family that can be embedded in a browser, with the size of its boards. */
export type PuzzleKind =
  | { readonly kind: "sudoku"; readonly size: SudokuSize }
  | { readonly kind: "maze"; readonly size: number }
  | { readonly kind: "arc"; readonly size: number };

export function formOf(kind: PuzzleKind): PuzzleForm {
  switch (kind.kind) {
    case "sudoku":
      return sudokuForm(kind.size);
    case "maze":
      return mazeForm(kind.size);
    case "arc":
      return arcForm(kind.size);
  }
}

function sudokuForm(size: SudokuSize): PuzzleForm {
  return {
    seqLen: sequenceLength(size),
    vocabSize: vocabularySize(size),
    read(text) {
      const board = parseBoard(text);
      if (sizeOf(board) !== size) throw otherSize("the Sudoku", sizeOf(board), size);
      checkNoConflicts(board);
      return encodeBoard(board);
    },
    format: (tokens) => formatBoard(decodePrediction(tokens)),
    judge(inputs, answer) {
      const problem = problemOf(decodePrediction(inputs), decodePrediction(answer));
      return { valid: problem === undefined, problem };
    },
  };
}

function mazeForm(size: number): PuzzleForm {
  const form = { seqLen: size * size, vocabSize: VOCABULARY };
  return {
    ...form,
    read(text) {
      const maze = parseMaze(text);
      if (maze.size !== size) throw otherSize("the maze", maze.size, size);
      const inputs = new Int32Array(form.seqLen);
      encodeQuestion(solveMaze(maze), inputs);
      return inputs;
    },
    format: formatTokens,
    judge(inputs, answer) {
      const { valid, problem } = scoreMaze(mazeOf(inputs), answer);
      return { valid, problem };
    },
  };
}

/** The maze of a question's tokens. */
export function mazeOf(inputs: ArrayLike<number>): Maze {
  return parseMaze(formatTokens(inputs));
}

/** Text is the grid as JSON, or a line a row of digits. */
function arcForm(side: number): PuzzleForm {
  const form = { seqLen: side * side, vocabSize: ARC_VOCABULARY };
  return {
    ...form,
    read(text) {
      const inputs = new Int32Array(form.seqLen);
      encodeGrid(readArcGrid(text, side), { row: 0, column: 0 }, side, inputs);
      return inputs;
    },
    format: (tokens) => JSON.stringify(gridToJson(cropGrid(tokens, side))),
    judge: () => ({ valid: undefined, problem: undefined }),
  };
}

/**
 * @example
 * readArcGrid("120\n003", 30); // as readArcGrid("[[1,2,0],[0,0,3]]", 30)
 */
export function readArcGrid(text: string, side: number): Grid {
  const trimmed = text.trim();
  if (trimmed.startsWith("[")) return parseGrid(parseJson(trimmed), "the grid", side);
  const rows = trimmed.split(/\r?\n/).map((line) => line.replace(/[\s,]/g, ""));
  const json = rows.map((row) => Array.from(row, (digit) => (/\d/.test(digit) ? Number(digit) : digit)));
  return parseGrid(json, "the grid", side);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ToolError("the grid starts like JSON and is none", {
      code: "arc/bad-grid",
      hint: "write [[0, 1], [2, 3]], or a line of digits for every row",
      cause,
    });
  }
}

function otherSize(what: string, found: number, size: number): ToolError {
  return new ToolError(`${what} is ${found} × ${found}, the model solves ${size} × ${size}`, {
    code: "solve/size",
    hint: `give one of ${size * size} cells`,
  });
}
