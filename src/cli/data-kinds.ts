// The kinds of data sets that `whorl data inspect` knows, each with how it is recognised and what is said of it.
// A new kind is one more entry of the list.

import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { basename } from "node:path";
import { ToolError } from "../base/errors.ts";
import { fileError } from "../base/files.ts";
import { PUZZLE_CSV_HEADER } from "../formats/csv.ts";
import { applyAugmentation, augmentation } from "../tasks/sudoku/augment.ts";
import { type SudokuPuzzle, sudokuPuzzles } from "../tasks/sudoku/dataset.ts";
import { drawBoard } from "../tasks/sudoku/draw.ts";
import { countGivens, sizeOf } from "../tasks/sudoku/rules.ts";
import { countSolutions } from "../tasks/sudoku/solve.ts";
import { readFileStart } from "./read-puzzles.ts";
import { integer } from "./render/numbers.ts";
import { formatFields, formatTable, rowsThatFit, sideBySide } from "./render/table.ts";

export interface InspectOptions {
  /** Have the exact solver confirm every puzzle. */
  readonly check: boolean;
  /** Puzzles to draw. */
  readonly show: number;
  /** Columns of the terminal. */
  readonly width: number;
}

export interface Inspection {
  /** For scripts: at least task, examples, puzzles, groups, identifiers and sha256. */
  readonly summary: Readonly<Record<string, unknown>>;
  /** For people. */
  readonly lines: readonly string[];
}

interface DataKind {
  readonly name: string;
  isKind(path: string): boolean;
  inspect(path: string, options: InspectOptions): Promise<Inspection>;
}

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Tells what kind of data set it is and describes it. */
export async function inspectData(path: string, options: InspectOptions): Promise<Inspection> {
  const kind = dataKinds.find(({ isKind }) => isKind(path));
  if (kind) return kind.inspect(path, options);
  const what = statSync(path).isDirectory() ? "folder" : "file";
  throw new ToolError(`this ${what} is no data set that Whorl knows`, {
    code: "data/unknown-kind",
    where: path,
    hint: `known are: ${dataKinds.map(({ name }) => name).join("; ")}`,
  });
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  return { min: sorted[0], median, max: sorted[sorted.length - 1] };
}

/** A table with a line for every spread. */
export function spreadTable(spreads: readonly (readonly [label: string, spread: Spread])[]): string[] {
  const columns = [
    { title: "" },
    ...["min", "median", "max"].map((title) => ({ title, align: "right" as const })),
  ];
  return formatTable(
    columns,
    spreads.map(([label, { min, median, max }]) => [label, String(min), String(median), String(max)]),
  );
}

const sudokuCsv: DataKind = {
  name: `a Sudoku CSV (header ${PUZZLE_CSV_HEADER}; questions of 16, 36 or 81 digits and dots)`,
  isKind(path) {
    if (!statSync(path).isFile()) return false;
    const [header, first = ""] = readFileStart(path).split(/\r?\n/);
    return header.replace(/^\uFEFF/, "") === PUZZLE_CSV_HEADER && /^("|[^,"]*,[\d.]+,|$)/.test(first);
  },
  inspect: inspectSudoku,
};

const dataKinds: readonly DataKind[] = [sudokuCsv];

/** Reads a puzzle at a time: the full training file has millions. */
async function inspectSudoku(path: string, { check, show, width }: InspectOptions): Promise<Inspection> {
  const givens: number[] = [];
  const ratings: number[] = [];
  const shown: SudokuPuzzle[] = [];
  const ambiguous: number[] = [];
  let size = 0;
  for (const puzzle of sudokuPuzzles(path)) {
    size = sizeOf(puzzle.question);
    givens.push(countGivens(puzzle.question));
    ratings.push(puzzle.rating);
    if (shown.length < show) shown.push(puzzle);
    // The reader has checked that the answer is a solution, so only a second one can be wrong.
    if (check && countSolutions(puzzle.question, 2) !== 1) ambiguous.push(givens.length);
  }
  if (givens.length === 0) throw noPuzzles(path);
  const puzzles = givens.length;
  const sha256 = await hashFile(path);
  const spreads = { givens: spreadOf(givens), ratings: spreadOf(ratings) };
  const uniqueSolutions = check ? { uniqueSolutions: puzzles - ambiguous.length } : {};
  return {
    summary: {
      task: "sudoku",
      size,
      examples: puzzles,
      puzzles,
      groups: puzzles,
      identifiers: 1,
      ...spreads,
      ...uniqueSolutions,
      sha256: { [basename(path)]: sha256 },
    },
    lines: [
      ...formatFields([
        ["file", path],
        ["task", `Sudoku ${size} × ${size}`],
        ["puzzles", integer(puzzles)],
        ["solutions", check ? describeCheck(puzzles, ambiguous) : "one each by the file; --check makes sure"],
        ["sha256", sha256],
      ]),
      "",
      ...spreadTable([
        ["givens", spreads.givens],
        ["rating", spreads.ratings],
      ]),
      ...shown.flatMap((puzzle, index) => ["", ...drawWithImages(puzzle, index, width)]),
    ],
  };
}

function describeCheck(puzzles: number, ambiguous: readonly number[]): string {
  if (ambiguous.length === 0) return `exactly one each: all ${integer(puzzles)} checked`;
  const listed = ambiguous.slice(0, 5).join(", ");
  const more = ambiguous.length > 5 ? ", …" : "";
  return `${integer(ambiguous.length)} of ${integer(puzzles)} have several: puzzle ${listed}${more}`;
}

/** A puzzle beside two of the symmetric images that training would show. */
function drawWithImages({ question }: SudokuPuzzle, index: number, width: number): string[] {
  const blocks = [0, 1, 2].map((image) => {
    const board = applyAugmentation(augmentation(sizeOf(question), 0, index, image), question);
    return [image === 0 ? `puzzle ${index + 1}` : `augmentation ${image}`, ...drawBoard(board)];
  });
  return rowsThatFit(blocks, (block) => block, width).flatMap(sideBySide);
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk);
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  }
  return hash.digest("hex");
}

function noPuzzles(path: string): ToolError {
  return new ToolError("the file has a header and no puzzles", {
    code: "data/no-puzzles",
    where: `${path}:2`,
  });
}
