// Puzzles of any task that reads text: those of a maze, and of a module of one's own. Spaces count, since they may be
// cells. Sudoku, which people write in more ways, is read-boards.ts.

import { ToolError } from "../base/errors.ts";
import { PUZZLE_CSV_HEADER } from "../formats/csv.ts";
import type { Task } from "../tasks/task.ts";
import { firstLine, type PuzzleReader, type Sourced } from "./read-puzzles.ts";

/** A line with at least this share of a board's cells is a puzzle (with a few too few), a shorter one a row of a grid. */
const WHOLE_SHARE = 0.75;

/** @param where the key of the configuration that names the task, for errors */
export function taskReader<Puzzle>(task: Task<Puzzle>, where: string): PuzzleReader<Puzzle> {
  if (!task.parse) throw noParse(task.title, where);
  const parse = withPlace(task.parse.bind(task));
  return {
    howInLines: `write one puzzle (${task.title}) a line, or grids in lines with an empty line between`,
    howInWords: `give a puzzle (${task.title}), a file, or - to read from stdin`,
    looksLikePuzzle: (word) => !looksLikePath(word) || isReadable(word, parse),
    isCsv: (text) => firstLine(text) === PUZZLE_CSV_HEADER || /^source,/.test(firstLine(text)),
    parseAll: (text, whereOf) =>
      splitPuzzles(text, task.seqLen).map((lines): Sourced<Puzzle> => {
        const place = whereOf(lines[0].number);
        return { puzzle: parse(lines.map((line) => line.text).join("\n"), place), where: place };
      }),
    parse,
  };
}

interface TextLine {
  readonly text: string;
  /** From 1. */
  readonly number: number;
}

/** Lines that are a puzzle each, and runs of shorter lines that are one together. */
function splitPuzzles(text: string, cells: number): TextLine[][] {
  const puzzles: TextLine[][] = [];
  let grid: TextLine[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const numbered = { text: line, number: index + 1 };
    if (line !== "" && line.length < WHOLE_SHARE * cells) {
      grid.push(numbered);
      continue;
    }
    if (grid.length > 0) puzzles.push(grid);
    grid = [];
    if (line !== "") puzzles.push([numbered]);
  }
  return grid.length > 0 ? [...puzzles, grid] : puzzles;
}

function looksLikePath(word: string): boolean {
  return /[/\\]|\.(csv|txt|json)$/i.test(word);
}

function isReadable(word: string, parse: (text: string) => unknown): boolean {
  try {
    parse(word);
    return true;
  } catch {
    return false;
  }
}

/** Errors of the task say what is wrong with the text; here they learn where it stands. */
function withPlace<Puzzle>(parse: (text: string) => Puzzle): (text: string, where?: string) => Puzzle {
  return (text, where) => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const {
        code = "solve/bad-puzzle",
        hint,
        exitCode,
      }: Partial<ToolError> = error instanceof ToolError ? error : {};
      throw new ToolError(error.message, { code, where, hint, exitCode, cause: error });
    }
  };
}

function noParse(title: string, where: string): ToolError {
  return new ToolError(`puzzles of ${title} cannot be read: the task has no parse()`, {
    code: "solve/no-parse",
    where,
    hint: "add parse(text) to the task, see examples/lights-out",
    exitCode: 2,
  });
}
