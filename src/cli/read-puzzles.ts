// Puzzles as people hand them over: on the command line, in a file or on stdin; of any task that reads text. All are
// checked before the first is tried: a puzzle is either clean or refused with its place.

import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { text as readAll } from "node:stream/consumers";
import { findData } from "../base/data-folder.ts";
import { ToolError } from "../base/errors.ts";
import { fileError, readTextFile } from "../base/files.ts";
import { logInfo } from "../base/log.ts";
import { type NumberedPuzzleRow, parsePuzzleCsv, readPuzzleCsv } from "../formats/csv.ts";

export interface Sourced<Puzzle> {
  readonly puzzle: Puzzle;
  /** File and line; undefined for the only puzzle of a command line. */
  readonly where: string | undefined;
}

/** How the text of one kind of puzzle is read. */
export interface PuzzleReader<Puzzle> {
  /** What to do when a text holds no puzzle, and when a word is none. */
  readonly howInLines: string;
  readonly howInWords: string;
  /** Whether a word is meant as a puzzle rather than as the name of a file. */
  looksLikePuzzle(word: string): boolean;
  /** Whether a text is a CSV of source,question,answer,rating, perhaps with a wrong header. */
  isCsv(text: string): boolean;
  /** All puzzles of a text; `whereOf` names the place of a line, from 1. */
  parseAll(text: string, whereOf: (line: number) => string | undefined): Sourced<Puzzle>[];
  /** A single puzzle, or an error with its place. */
  parse(text: string, where?: string): Puzzle;
  /** Refuses puzzles that the model cannot be asked. */
  check?(puzzle: Puzzle, where: string | undefined): void;
}

const START_BYTES = 4096;

/** The puzzles that the words name (puzzle text, file, `-` for stdin), in order. */
export async function readPuzzles<Puzzle>(
  words: readonly string[],
  reader: PuzzleReader<Puzzle>,
  readInput: () => Promise<string> = readStdin,
): Promise<Sourced<Puzzle>[]> {
  const puzzles: Sourced<Puzzle>[] = [];
  for (const [index, word] of words.entries()) {
    const place = words.length > 1 ? `puzzle ${index + 1}` : undefined;
    for (const sourced of await readWord(word, place, reader, readInput)) {
      reader.check?.(sourced.puzzle, sourced.where);
      puzzles.push(sourced);
    }
  }
  return puzzles;
}

/** The first line of a text, without the mark that some programs put before it. */
export function firstLine(text: string): string {
  return text
    .slice(0, START_BYTES)
    .split("\n", 1)[0]
    .replace(/^\uFEFF|\r$/g, "");
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

async function readWord<Puzzle>(
  word: string,
  place: string | undefined,
  reader: PuzzleReader<Puzzle>,
  readInput: () => Promise<string>,
): Promise<Sourced<Puzzle>[]> {
  if (word === "-") return nonEmpty(parseText(await readInput(), "stdin", reader), "stdin", reader);
  const file = findFile(word, reader);
  if (file !== undefined) return nonEmpty(await readPuzzleFile(file, reader), file, reader);
  if (!reader.looksLikePuzzle(word)) throw noSuchFile(word, reader);
  const puzzles = reader.parseAll(word, () => place);
  // A text without a single line still gets the complaint about its length.
  return puzzles.length > 0 ? puzzles : [{ puzzle: reader.parse(word, place), where: place }];
}

function findFile(word: string, reader: PuzzleReader<unknown>): string | undefined {
  if (existsSync(word)) return word;
  return reader.looksLikePuzzle(word) ? undefined : findData(word);
}

async function readPuzzleFile<Puzzle>(
  path: string,
  reader: PuzzleReader<Puzzle>,
): Promise<Sourced<Puzzle>[]> {
  if (statSync(path).isFile() && reader.isCsv(readFileStart(path)))
    return parseRows(readPuzzleCsv(path), path, reader);
  return parseText(await readTextFile(path), path, reader);
}

function parseText<Puzzle>(text: string, name: string, reader: PuzzleReader<Puzzle>): Sourced<Puzzle>[] {
  if (reader.isCsv(text)) return parseRows(parsePuzzleCsv(text, name), name, reader);
  return reader.parseAll(text, (line) => `${name}:${line}`);
}

/** Questions only: an answer in the file is neither needed nor believed. */
function parseRows<Puzzle>(
  rows: Iterable<NumberedPuzzleRow>,
  name: string,
  reader: PuzzleReader<Puzzle>,
): Sourced<Puzzle>[] {
  return Array.from(rows, ({ question, line }) => {
    const where = `${name}:${line}`;
    return { puzzle: reader.parse(question, where), where };
  });
}

function nonEmpty<Puzzle>(
  puzzles: Sourced<Puzzle>[],
  name: string,
  reader: PuzzleReader<Puzzle>,
): Sourced<Puzzle>[] {
  if (puzzles.length > 0) return puzzles;
  throw new ToolError(`there is no puzzle in ${name}`, { code: "solve/no-puzzles", hint: reader.howInLines });
}

function noSuchFile(word: string, reader: PuzzleReader<unknown>): ToolError {
  return new ToolError(`'${word}' is neither a file nor a puzzle`, {
    code: "solve/no-such-file",
    hint: reader.howInWords,
    exitCode: 2,
  });
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY) logInfo("reading puzzles from the terminal; end with Ctrl-D");
  return readAll(process.stdin);
}
