// Sudoku puzzles as people hand them over: on the command line, in a file (Sudoku-Extreme CSV, a puzzle a line, or
// grids in lines) or on stdin. All are checked before the first is tried: a puzzle is either clean or refused with its place.

import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { text as readAll } from "node:stream/consumers";
import { findData } from "../base/data-folder.ts";
import { ToolError } from "../base/errors.ts";
import { fileError, readTextFile } from "../base/files.ts";
import { logInfo } from "../base/log.ts";
import { type NumberedPuzzleRow, parsePuzzleCsv, readPuzzleCsv } from "../formats/csv.ts";
import {
  type Board,
  checkNoConflicts,
  parseBoard,
  type SudokuSize,
  sizeOf,
  sizeOfCells,
} from "../tasks/sudoku/rules.ts";

export interface SourcedBoard {
  readonly board: Board;
  /** File and line; undefined for the only puzzle of a command line. */
  readonly where: string | undefined;
}

/** Longest line that still counts as a row of a grid rather than a puzzle: 9 cells and a few too many. */
const ROW_CELLS = 12;
const START_BYTES = 4096;

/** The puzzles that the words name (puzzle text, file, `-` for stdin), in order, all fit for a model of the size. */
export async function readPuzzles(
  words: readonly string[],
  size: SudokuSize,
  readInput: () => Promise<string> = readStdin,
): Promise<SourcedBoard[]> {
  const puzzles: SourcedBoard[] = [];
  for (const [index, word] of words.entries()) {
    const place = words.length > 1 ? `puzzle ${index + 1}` : undefined;
    for (const puzzle of await readWord(word, place, readInput)) {
      checkSize(puzzle, size);
      checkNoConflicts(puzzle.board, puzzle.where);
      puzzles.push(puzzle);
    }
  }
  return puzzles;
}

/** The puzzles of a text: one a line, or grids in lines; lines that start with `#` are comments. */
export function parsePuzzles(text: string, whereOf: (line: number) => string | undefined): SourcedBoard[] {
  return joinBands(splitBlocks(text)).flatMap((block) => {
    if (isGrid(block)) return [boardOf(block, whereOf)];
    return block.map((line) => boardOf([line], whereOf));
  });
}

/** The first bytes of a file as text, enough to tell what it holds. */
export function readFileStart(path: string): string {
  const buffer = Buffer.alloc(START_BYTES);
  try {
    const file = openSync(path, "r");
    try {
      return buffer.toString("utf8", 0, readSync(file, buffer, 0, START_BYTES, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  }
}

async function readWord(
  word: string,
  place: string | undefined,
  readInput: () => Promise<string>,
): Promise<SourcedBoard[]> {
  if (word === "-") return nonEmpty(parseFile(await readInput(), "stdin"), "stdin");
  const file = findFile(word);
  if (file !== undefined) return nonEmpty(await readPuzzleFile(file), file);
  if (!looksLikePuzzle(word)) throw noSuchFile(word);
  const puzzles = parsePuzzles(word, () => place);
  // A text without a single line still gets the complaint about its length.
  return puzzles.length > 0 ? puzzles : [{ board: parseBoard(word, place), where: place }];
}

function findFile(word: string): string | undefined {
  if (existsSync(word)) return word;
  return looksLikePuzzle(word) ? undefined : findData(word);
}

async function readPuzzleFile(path: string): Promise<SourcedBoard[]> {
  if (statSync(path).isFile() && isCsv(readFileStart(path))) return csvBoards(readPuzzleCsv(path), path);
  return parseFile(await readTextFile(path), path);
}

function parseFile(text: string, name: string): SourcedBoard[] {
  if (isCsv(text)) return csvBoards(parsePuzzleCsv(text, name), name);
  return parsePuzzles(text, (line) => `${name}:${line}`);
}

function isCsv(text: string): boolean {
  return text.slice(0, START_BYTES).split("\n", 1)[0].includes(",");
}

/** Questions only: an answer in the file is neither needed nor believed. */
function csvBoards(rows: Iterable<NumberedPuzzleRow>, name: string): SourcedBoard[] {
  return Array.from(rows, ({ question, line }) => {
    const where = `${name}:${line}`;
    return { board: parseBoard(question, where), where };
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

function boardOf(lines: readonly TextLine[], whereOf: (line: number) => string | undefined): SourcedBoard {
  const where = whereOf(lines[0].number);
  return { board: parseBoard(lines.map(({ text }) => text).join("\n"), where), where };
}

function looksLikePuzzle(word: string): boolean {
  if (/[/\\]|\.(csv|txt|json|sdk)$/i.test(word)) return false;
  const cells = plainCharacters(word).replace(/[\s|+-]/g, "");
  const known = cells.replace(/[^0-9.]/g, "");
  return 2 * known.length >= cells.length || sizeOfCells(cells.length) !== undefined;
}

function checkSize({ board, where }: SourcedBoard, size: SudokuSize): void {
  const found = sizeOf(board);
  if (found === size) return;
  throw new ToolError(`the puzzle is ${found} × ${found}, the model solves ${size} × ${size}`, {
    code: "solve/size",
    where,
    hint: `take a model trained on ${found} × ${found}, or a puzzle of ${size * size} cells`,
  });
}

function nonEmpty(puzzles: SourcedBoard[], name: string): SourcedBoard[] {
  if (puzzles.length > 0) return puzzles;
  throw new ToolError(`there is no puzzle in ${name}`, {
    code: "solve/no-puzzles",
    hint: "write one puzzle a line: 16, 36 or 81 characters, . or 0 for an empty cell",
  });
}

function noSuchFile(word: string): ToolError {
  return new ToolError(`'${word}' is neither a file nor a puzzle`, {
    code: "solve/no-such-file",
    hint: "give 16, 36 or 81 characters (. or 0 for an empty cell), a file, or - to read from stdin",
    exitCode: 2,
  });
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) logInfo("reading puzzles from the terminal; end with Ctrl-D");
  return readAll(process.stdin);
}
