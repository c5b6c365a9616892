// Sudoku puzzles in all the forms that people write them in: a puzzle a line, grids in lines, frames around them, our own
// drawings, rows of a Sudoku-Extreme CSV. Where the text comes from is read-puzzles.ts.

import { ToolError } from "../base/errors.ts";
import {
  type Board,
  checkNoConflicts,
  parseBoard,
  type SudokuSize,
  sizeOf,
  sizeOfCells,
} from "../tasks/sudoku/rules.ts";
import { firstLine, type PuzzleReader, type Sourced } from "./read-puzzles.ts";

/** Longest line that still counts as a row of a grid rather than a puzzle: 9 cells and a few too many. */
const ROW_CELLS = 12;

/** Reads boards fit for a model of the size. */
export function boardReader(size: SudokuSize): PuzzleReader<Board> {
  return {
    howInLines: "write one puzzle a line: 16, 36 or 81 characters, . or 0 for an empty cell",
    howInWords: "give 16, 36 or 81 characters (. or 0 for an empty cell), a file, or - to read from stdin",
    looksLikePuzzle,
    isCsv: (text) => firstLine(text).includes(","),
    parseAll: parseBoards,
    parse: parseBoard,
    check(board, where) {
      checkSize(board, size, where);
      checkNoConflicts(board, where);
    },
  };
}

/** The puzzles of a text: one a line, or grids in lines; lines that start with `#` are comments. */
export function parseBoards(text: string, whereOf: (line: number) => string | undefined): Sourced<Board>[] {
  return joinBands(splitBlocks(text)).flatMap((block) => {
    if (isGrid(block)) return [boardOf(block, whereOf)];
    return block.map((line) => boardOf([line], whereOf));
  });
}

interface TextLine {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  readonly cells: number;
}

/** Runs of lines without an empty one between; lines that only draw a frame are left out. */
function splitBlocks(text: string): TextLine[][] {
  const blocks: TextLine[][] = [[]];
  const lines = plainCharacters(text).split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const cells = line.replace(/[\s|+-]/g, "").length;
    if (line.trim() === "") blocks.push([]);
    else if (cells > 0 && !line.startsWith("#"))
      blocks[blocks.length - 1].push({ text: line, number: index + 1, cells });
  }
  return blocks.filter((block) => block.length > 0);
}

/** Our own drawings (drawBoard) can be pasted back. */
function plainCharacters(text: string): string {
  return text
    .replace(/^\uFEFF/, "")
    .replace(/[─│┌┬┐├┼┤└┴┘]/g, "|")
    .replaceAll("·", ".");
}

function isGrid(block: readonly TextLine[]): boolean {
  return block[0].cells <= ROW_CELLS;
}

/** Some people leave an empty line between the bands of a grid: parts that add up to a grid are one. */
function joinBands(blocks: readonly TextLine[][]): TextLine[][] {
  const joined: TextLine[][] = [];
  for (const block of blocks) {
    const before = joined[joined.length - 1];
    const size = block[0].cells;
    const fits = before !== undefined && before[0].cells === size && before.length + block.length <= size;
    if (fits) before.push(...block);
    else joined.push([...block]);
  }
  return joined;
}

function boardOf(lines: readonly TextLine[], whereOf: (line: number) => string | undefined): Sourced<Board> {
  const where = whereOf(lines[0].number);
  return { puzzle: parseBoard(lines.map(({ text }) => text).join("\n"), where), where };
}

function looksLikePuzzle(word: string): boolean {
  if (/[/\\]|\.(csv|txt|json|sdk)$/i.test(word)) return false;
  const cells = plainCharacters(word).replace(/[\s|+-]/g, "");
  const known = cells.replace(/[^0-9.]/g, "");
  return 2 * known.length >= cells.length || sizeOfCells(cells.length) !== undefined;
}

function checkSize(board: Board, size: SudokuSize, where: string | undefined): void {
  const found = sizeOf(board);
  if (found === size) return;
  throw new ToolError(`the puzzle is ${found} × ${found}, the model solves ${size} × ${size}`, {
    code: "solve/size",
    where,
    hint: `take a model trained on ${found} × ${found}, or a puzzle of ${size * size} cells`,
  });
}
