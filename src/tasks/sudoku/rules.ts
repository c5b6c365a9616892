// The rules of Sudoku in the three sizes Whorl knows: 4 × 4, 6 × 6 (boxes of 2 rows × 3 columns) and 9 × 9.
// Geometry, reading a puzzle from text, and what breaks a rule. A board is one byte per cell, row by row,
// 0 for empty; its length tells its size. Solving is solve.ts, tokens are encode.ts.

import { invariant, ToolError } from "../../base/errors.ts";

export type SudokuSize = 4 | 6 | 9;

/** Cells row by row: 0 empty, else the digit. 16, 36 or 81 of them. */
export type Board = Uint8Array;

export interface SudokuGeometry {
  size: SudokuSize;
  cells: number;
  boxRows: number;
  boxCols: number;
  /** Groups of rows that share boxes, and of columns. */
  bands: number;
  stacks: number;
  /** Cells of every unit: the rows, then the columns, then the boxes. */
  units: readonly Uint8Array[];
  /** For every cell the cells that may not hold its digit. */
  peers: readonly Uint8Array[];
  /** For every cell the index of its box. */
  boxOf: Uint8Array;
}

export interface Conflict {
  unit: "row" | "column" | "box";
  /** Which one, from 0; boxes run row by row. */
  index: number;
  digit: number;
  /** The cells of the unit that hold the digit, at least two. */
  cells: number[];
}

export function geometryOf(size: SudokuSize): SudokuGeometry {
  return GEOMETRIES[size];
}

/** The size of a board, by its length. */
export function sizeOf(board: Board): SudokuSize {
  const size = sizeOfCells(board.length);
  invariant(size !== undefined, `a board of ${board.length} cells`);
  return size;
}

/** 16 → 4, 36 → 6, 81 → 9, anything else → undefined. */
export function sizeOfCells(cells: number): SudokuSize | undefined {
  if (cells === 16) return 4;
  if (cells === 36) return 6;
  return cells === 81 ? 9 : undefined;
}

/**
 * Reads a puzzle: 16, 36 or 81 characters (`.` or `0` for empty), or the grid in lines, in both cases with
 * any spaces and the lines `|`, `-`, `+` between. Does not look for conflicts.
 * @example
 * parseBoard("1.3. .2.. ..4. 4..1");
 */
export function parseBoard(text: string, where?: string): Board {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/[\s|+-]/g, ""));
  const filled = lines.filter((line) => line !== "");
  const cells = filled.join("");
  const size = sizeOfCells(cells.length);
  if (size === undefined) throw wrongLength(cells.length, where);
  if (filled.length > 1) checkLineLengths(filled, size, where);
  return Uint8Array.from(cells, (character, cell) => parseCell(character, cell, size, where));
}

/** The board as one line, `.` for empty. */
export function formatBoard(board: Board): string {
  return Array.from(board, (digit) => (digit === 0 ? "." : String(digit))).join("");
}

/** Every digit that stands twice in a row, column or box: rows first, then columns, then boxes. */
export function conflicts(board: Board): Conflict[] {
  const { size, units } = geometryOf(sizeOf(board));
  const found: Conflict[] = [];
  for (const [position, unit] of units.entries()) {
    for (let digit = 1; digit <= size; digit++) {
      const cells = Array.from(unit).filter((cell) => board[cell] === digit);
      if (cells.length > 1)
        found.push({ unit: kindOf(position, size), index: position % size, digit, cells });
    }
  }
  return found;
}

/** Refuses a board on which two equal digits meet. */
export function checkNoConflicts(board: Board, where?: string): void {
  const [first, ...others] = conflicts(board);
  if (first === undefined) return;
  const more =
    others.length === 0 ? "" : ` (and ${others.length} more conflict${others.length === 1 ? "" : "s"})`;
  throw new ToolError(`the givens contradict each other: ${describeConflict(first, sizeOf(board))}${more}`, {
    code: "sudoku/conflict",
    where,
    hint: "check the puzzle for a mistyped digit",
  });
}

/** For instance `two 5s in row 1, at (row 1, column 2) and (row 1, column 9)`. */
export function describeConflict(conflict: Conflict, size: SudokuSize): string {
  const places = conflict.cells.map((cell) => describeCell(cell, size)).join(" and ");
  const count = COUNT_WORDS[conflict.cells.length] ?? String(conflict.cells.length);
  return `${count} ${conflict.digit}s in ${conflict.unit} ${conflict.index + 1}, at ${places}`;
}

/** Every cell filled and no rule broken. */
export function isSolved(board: Board): boolean {
  const { size, units } = geometryOf(sizeOf(board));
  const full = 2 ** (size + 1) - 2;
  return units.every((unit) => unit.reduce((mask, cell) => mask | (1 << board[cell]), 0) === full);
}

export function describeCell(cell: number, size: SudokuSize): string {
  return `(row ${Math.floor(cell / size) + 1}, column ${(cell % size) + 1})`;
}

export function countGivens(board: Board): number {
  return board.reduce((count, digit) => count + (digit === 0 ? 0 : 1), 0);
}

const COUNT_WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

function kindOf(position: number, size: SudokuSize): Conflict["unit"] {
  if (position < size) return "row";
  return position < 2 * size ? "column" : "box";
}

function parseCell(character: string, cell: number, size: SudokuSize, where?: string): number {
  if (character === "." || character === "0") return 0;
  const digit = /^[1-9]$/.test(character) ? Number(character) : undefined;
  const place = describeCell(cell, size);
  if (digit === undefined) {
    throw new ToolError(`"${character}" at ${place} is neither a digit nor an empty cell`, {
      code: "sudoku/bad-character",
      where,
      hint: `use 1 to ${size}, and . or 0 for an empty cell`,
    });
  }
  if (digit > size) {
    throw new ToolError(`${digit} at ${place} is too large for a ${size} × ${size} puzzle`, {
      code: "sudoku/digit-too-large",
      where,
      hint: `use 1 to ${size}, and . or 0 for an empty cell`,
    });
  }
  return digit;
}

function wrongLength(cells: number, where?: string): ToolError {
  return new ToolError(`the puzzle has ${cells} cell${cells === 1 ? "" : "s"}`, {
    code: "sudoku/wrong-length",
    where,
    hint: "a Sudoku has 16 (4 × 4), 36 (6 × 6) or 81 (9 × 9) cells, with . or 0 for an empty one",
  });
}

function checkLineLengths(lines: string[], size: SudokuSize, where?: string): void {
  // Not the grid's own lines, but perhaps a long puzzle wrapped somewhere: then only the total counts.
  if (lines.length !== size) return;
  const row = lines.findIndex((line) => line.length !== size);
  if (row < 0) return;
  throw new ToolError(`row ${row + 1} has ${lines[row].length} cells, not ${size}`, {
    code: "sudoku/wrong-length",
    where,
    hint: "write every row with all its cells, . or 0 for an empty one",
  });
}

function makeGeometry(size: SudokuSize, boxRows: number, boxCols: number): SudokuGeometry {
  const cells = size * size;
  const stacks = size / boxCols;
  const all = Array.from({ length: cells }, (_, cell) => cell);
  const rowOf = (cell: number) => Math.floor(cell / size);
  const columnOf = (cell: number) => cell % size;
  const boxOf = (cell: number) =>
    Math.floor(rowOf(cell) / boxRows) * stacks + Math.floor(columnOf(cell) / boxCols);
  const units: Uint8Array[] = [];
  for (const unitOf of [rowOf, columnOf, boxOf]) {
    for (let index = 0; index < size; index++) {
      units.push(Uint8Array.from(all.filter((cell) => unitOf(cell) === index)));
    }
  }
  const meet = (a: number, b: number) =>
    rowOf(a) === rowOf(b) || columnOf(a) === columnOf(b) || boxOf(a) === boxOf(b);
  return {
    size,
    cells,
    boxRows,
    boxCols,
    bands: size / boxRows,
    stacks,
    units,
    peers: all.map((cell) => Uint8Array.from(all.filter((other) => other !== cell && meet(cell, other)))),
    boxOf: Uint8Array.from(all, boxOf),
  };
}

const GEOMETRIES: Record<SudokuSize, SudokuGeometry> = {
  4: makeGeometry(4, 2, 2),
  6: makeGeometry(6, 2, 3),
  9: makeGeometry(9, 3, 3),
};
