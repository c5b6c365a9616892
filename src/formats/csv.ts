// The puzzle CSV that Sudoku-Extreme and Maze-Hard share: the header `source,question,answer,rating`, one
// puzzle a line. Read strictly and in pieces (the full training file is larger than a string may be).
// Not a general CSV reader: other columns, other separators and line breaks inside quotes are errors.

import { closeSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { ToolError } from "../base/errors.ts";
import { fileError } from "../base/files.ts";

export const PUZZLE_CSV_HEADER = "source,question,answer,rating";
const COLUMNS = 4;
const CHUNK_BYTES = 1 << 20;
const ROWS_PER_PIECE = 4096;

export interface PuzzleRow {
  source: string;
  question: string;
  answer: string;
  /** As written; what a rating means is the task's business. */
  rating: string;
}

export interface NumberedPuzzleRow extends PuzzleRow {
  /** Line in the file, the header being line 1. */
  line: number;
}

/**
 * The rows of a file, read as they are asked for.
 * @example
 * for (const row of readPuzzleCsv("train.csv")) console.log(row.line, row.question);
 */
export function readPuzzleCsv(path: string): Generator<NumberedPuzzleRow> {
  return rowsOf(readLines(path), path);
}

/** The rows of a text; `name` stands for the file in errors. */
export function parsePuzzleCsv(text: string, name: string): Generator<NumberedPuzzleRow> {
  return rowsOf(splitLines([text]), name);
}

/** Header and rows as UTF-8, in pieces that can be written one after the other. */
export function formatPuzzleCsv(rows: Iterable<PuzzleRow>): Uint8Array[] {
  const encoder = new TextEncoder();
  const pieces: Uint8Array[] = [];
  let lines = [PUZZLE_CSV_HEADER];
  const flush = () => {
    pieces.push(encoder.encode(`${lines.join("\n")}\n`));
    lines = [];
  };
  for (const row of rows) {
    lines.push([row.source, row.question, row.answer, row.rating].map(quoted).join(","));
    if (lines.length >= ROWS_PER_PIECE) flush();
  }
  if (lines.length > 0) flush();
  return pieces;
}

function* rowsOf(lines: Iterable<string>, name: string): Generator<NumberedPuzzleRow> {
  let line = 0;
  for (const text of lines) {
    line++;
    if (line === 1) {
      checkHeader(text, name);
      continue;
    }
    const fields = splitFields(text, `${name}:${line}`);
    if (fields.length !== COLUMNS) throw wrongFieldCount(text, fields.length, `${name}:${line}`);
    const [source, question, answer, rating] = fields;
    yield { source, question, answer, rating, line };
  }
  if (line === 0) {
    throw new ToolError("the file is empty", {
      code: "csv/empty",
      where: `${name}:1`,
      hint: `a puzzle file starts with the line ${PUZZLE_CSV_HEADER}`,
    });
  }
}

function checkHeader(text: string, name: string): void {
  if (text.replace(/^\uFEFF/, "") === PUZZLE_CSV_HEADER) return;
  throw new ToolError(`the header is "${text.slice(0, 80)}"`, {
    code: "csv/bad-header",
    where: `${name}:1`,
    hint: `a puzzle file starts with the line ${PUZZLE_CSV_HEADER}`,
  });
}

function wrongFieldCount(text: string, count: number, where: string): ToolError {
  const counted = `the row has ${count} field${count === 1 ? "" : "s"}, not ${COLUMNS}`;
  return new ToolError(text === "" ? "the line is empty" : counted, {
    code: "csv/wrong-fields",
    where,
    hint: `every row has the fields ${PUZZLE_CSV_HEADER}`,
  });
}

function splitFields(line: string, where: string): string[] {
  if (!line.includes('"')) return line.split(",");
  const fields: string[] = [];
  // A field is quoted (with "" for a quote) or free of quotes, and ends at a comma or the end of the line.
  const field = /(?:"(?<quoted>(?:[^"]|"")*)"|(?<plain>[^",]*))(?<end>,|$)/y;
  for (;;) {
    const match = field.exec(line);
    if (!match?.groups) {
      throw new ToolError(`a quote does not enclose a whole field: ${line.slice(0, 80)}`, {
        code: "csv/bad-quote",
        where,
        hint: 'quote a whole field ("…") and write "" for a quote inside it',
      });
    }
    const { quoted, plain, end } = match.groups;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end === "") return fields;
  }
}

function quoted(field: string): string {
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

function* splitLines(chunks: Iterable<string>): Generator<string> {
  let rest = "";
  for (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield withoutReturn(line);
  }
  if (rest !== "") yield withoutReturn(rest);
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function* readLines(path: string): Generator<string> {
  yield* splitLines(readChunks(path));
}

function* readChunks(path: string): Generator<string> {
  const decoder = new StringDecoder("utf8");
  const buffer = Buffer.alloc(CHUNK_BYTES);
  const file = attempt(path, () => openSync(path, "r"));
  try {
    for (;;) {
      const size = attempt(path, () => readSync(file, buffer, 0, CHUNK_BYTES, null));
      if (size === 0) break;
      yield decoder.write(buffer.subarray(0, size));
    }
    yield decoder.end();
  } finally {
    closeSync(file);
  }
}

function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  }
}
