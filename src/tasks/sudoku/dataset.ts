// Sudoku puzzles in the CSV layout of Sudoku-Extreme, read strictly: a row that does not fit is an error
// with file and line, never a silently dropped puzzle. Works for 4 × 4 and 6 × 6 as well; one size a file.
// Source: data set sapientinc/sudoku-extreme; dataset/build_sudoku_dataset.py reads the same columns.

import { ToolError } from "../../base/errors.ts";
import { writeFileAtomic } from "../../base/files.ts";
import { formatPuzzleCsv, type NumberedPuzzleRow, parsePuzzleCsv, readPuzzleCsv } from "../../formats/csv.ts";
import {
  type Board,
  conflicts,
  describeCell,
  describeConflict,
  formatBoard,
  isSolved,
  type SudokuSize,
  sizeOfCells,
} from "./rules.ts";

export interface SudokuPuzzle {
  /** Where it comes from, free text. */
  source: string;
  question: Board;
  answer: Board;
  /** Guesses of a solver; 0 means solved by propagation alone. */
  rating: number;
}

/** All puzzles of a file. */
export function readSudokuFile(path: string): SudokuPuzzle[] {
  return nonEmpty(Array.from(sudokuPuzzles(path)), path);
}

/** The puzzles of a file one at a time, for files that do not fit into memory. */
export function sudokuPuzzles(path: string): Generator<SudokuPuzzle> {
  return puzzlesOf(readPuzzleCsv(path), path);
}

/** The puzzles of a text in the same layout; `name` stands for the file in errors. */
export function parseSudokuCsv(text: string, name: string): SudokuPuzzle[] {
  return nonEmpty(Array.from(puzzlesOf(parsePuzzleCsv(text, name), name)), name);
}

/** Header and rows as UTF-8, in pieces. */
export function formatSudokuCsv(puzzles: Iterable<SudokuPuzzle>): Uint8Array[] {
  return formatPuzzleCsv(rowsOf(puzzles));
}

export async function writeSudokuFile(path: string, puzzles: Iterable<SudokuPuzzle>): Promise<void> {
  await writeFileAtomic(path, formatSudokuCsv(puzzles));
}

function* rowsOf(puzzles: Iterable<SudokuPuzzle>) {
  for (const { source, question, answer, rating } of puzzles) {
    yield { source, question: formatBoard(question), answer: formatBoard(answer), rating: String(rating) };
  }
}

function* puzzlesOf(rows: Iterable<NumberedPuzzleRow>, name: string): Generator<SudokuPuzzle> {
  let size: SudokuSize | undefined;
  for (const row of rows) {
    const where = `${name}:${row.line}`;
    const rowSize = sizeOfCells(row.question.length);
    if (rowSize === undefined) throw badRow(`the question has ${row.question.length} characters`, where);
    size ??= rowSize;
    if (rowSize !== size) {
      throw badRow(
        `the question has ${row.question.length} characters, the rows before ${size * size}`,
        where,
      );
    }
    yield puzzleOf(row, size, where);
  }
}

function puzzleOf(row: NumberedPuzzleRow, size: SudokuSize, where: string): SudokuPuzzle {
  if (row.answer.length !== size * size) {
    throw badRow(`the answer has ${row.answer.length} characters, the question ${size * size}`, where);
  }
  const question = readCells(row.question, "question", size, where);
  const answer = readCells(row.answer, "answer", size, where);
  const wrong = question.findIndex((digit, cell) => digit !== 0 && digit !== answer[cell]);
  if (wrong >= 0) {
    const place = describeCell(wrong, size);
    throw badRow(`the question has ${question[wrong]} at ${place}, the answer ${answer[wrong]}`, where);
  }
  checkAnswer(answer, size, where);
  if (!/^\d+$/.test(row.rating)) throw badRow(`the rating is "${row.rating}", not a whole number`, where);
  return { source: row.source, question, answer, rating: Number(row.rating) };
}

function readCells(text: string, field: "question" | "answer", size: SudokuSize, where: string): Board {
  const cells = new Uint8Array(text.length);
  for (let cell = 0; cell < text.length; cell++) {
    const character = text[cell];
    if (field === "question" && (character === "." || character === "0")) continue;
    const digit = character >= "1" && character <= "9" ? Number(character) : undefined;
    if (digit === undefined || digit > size) {
      throw badRow(`the ${field} has "${character}" at ${describeCell(cell, size)}`, where);
    }
    cells[cell] = digit;
  }
  return cells;
}

function checkAnswer(answer: Board, size: SudokuSize, where: string): void {
  if (isSolved(answer)) return;
  const [first] = conflicts(answer);
  throw badRow(`the answer breaks a rule: ${describeConflict(first, size)}`, where);
}

function badRow(message: string, where: string): ToolError {
  return new ToolError(message, {
    code: "sudoku/bad-row",
    where,
    hint: "a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating",
  });
}

function nonEmpty(puzzles: SudokuPuzzle[], name: string): SudokuPuzzle[] {
  if (puzzles.length > 0) return puzzles;
  throw new ToolError("the file has a header and no puzzles", {
    code: "sudoku/no-puzzles",
    where: `${name}:2`,
    hint: "write one puzzle a line after the header, or make some: `whorl data generate sudoku`",
  });
}
