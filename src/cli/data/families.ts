// The families of puzzles that have a CSV layout, Sudoku and Maze, as `whorl data` needs them: told from a file, read,
// turned, decoded from tokens. ARC, whose files are JSON, is inspect-arc.ts and build.ts.

import { statSync } from "node:fs";
import { invariant } from "../../base/errors.ts";
import { PUZZLE_CSV_HEADER } from "../../formats/csv.ts";
import { imageOf } from "../../tasks/maze/augment.ts";
import { canonicalKey as mazeKey } from "../../tasks/maze/canonical.ts";
import { formatMazeCsv, readMazeFile, type SolvedMaze } from "../../tasks/maze/dataset.ts";
import { decodeMaze } from "../../tasks/maze/decode.ts";
import { SYMMETRIES } from "../../tasks/maze/symmetries.ts";
import { mazeTask } from "../../tasks/maze/task.ts";
import { augmented } from "../../tasks/puzzle-dataset.ts";
import { canonicalKey as sudokuKey } from "../../tasks/sudoku/canonical.ts";
import { formatSudokuCsv, type SudokuPuzzle, sudokuPuzzles } from "../../tasks/sudoku/dataset.ts";
import { decodeSudoku } from "../../tasks/sudoku/decode.ts";
import { sizeOf } from "../../tasks/sudoku/rules.ts";
import { sudokuTask } from "../../tasks/sudoku/task.ts";
import type { Task } from "../../tasks/task.ts";
import { readFileStart } from "../read-puzzles.ts";

export interface CsvFamily<Puzzle> {
  readonly name: "sudoku" | "maze";
  /** As people say it, for instance `Sudoku 9 × 9`. */
  title(size: number): string;
  /** The puzzles of a file; strict. */
  read(path: string): Iterable<Puzzle>;
  format(puzzles: Iterable<Puzzle>): Uint8Array[];
  sizeOf(puzzle: Puzzle): number;
  /** Equal for puzzles that are images of each other. */
  keyOf(puzzle: Puzzle): string;
  ratingOf(puzzle: Puzzle): number;
  /** What the rating is, and where that of a data folder comes from, which holds none. */
  readonly rating: { readonly label: string; readonly recomputed: string };
  taskOf(puzzle: Puzzle): Pick<Task<Puzzle>, "seqLen" | "vocabSize" | "encode">;
  /** Augmentations that a puzzle can have besides itself. */
  readonly maxAugmentations: number;
  /** The augmentation number `index` of the puzzle number `group`; 0 is the puzzle itself. */
  imageOf(puzzle: Puzzle, draw: { seed: number; group: number; index: number }): Puzzle;
  /** Elements of augmented training tokens as the reference's builder writes them. */
  readonly augmentedDtype: "uint8" | "int64";
  /** The puzzle of a row of a data folder; its place stands in errors. */
  readonly decode: (inputs: Int32Array, labels: Int32Array, where: string) => Puzzle;
}

/** As in the reference's recipe and then some; every one is a row in the folder. */
const MAX_SUDOKU_AUGMENTATIONS = 100_000;

export const sudokuFamily: CsvFamily<SudokuPuzzle> = {
  name: "sudoku",
  title: (size) => `Sudoku ${size} × ${size}`,
  read: sudokuPuzzles,
  format: formatSudokuCsv,
  sizeOf: ({ question }) => sizeOf(question),
  keyOf: ({ question }) => sudokuKey(question),
  ratingOf: ({ rating }) => rating,
  rating: { label: "rating", recomputed: "guesses of Whorl's own solver" },
  taskOf: ({ question }) => sudokuTask(sizeOf(question)),
  maxAugmentations: MAX_SUDOKU_AUGMENTATIONS,
  // The same images that training draws with equal `data.augmentations` and `train.seed`.
  imageOf: (puzzle, { seed, group, index }) =>
    augmented(sudokuTask(sizeOf(puzzle.question)), puzzle, seed, group, index),
  augmentedDtype: "int64",
  decode: decodeSudoku,
};

export const mazeFamily: CsvFamily<SolvedMaze> = {
  name: "maze",
  title: (size) => `Maze ${size} × ${size}`,
  read: readMazeFile,
  format: formatMazeCsv,
  sizeOf: ({ size }) => size,
  keyOf: mazeKey,
  ratingOf: ({ rating }) => rating,
  rating: { label: "path cells", recomputed: "cells of the path" },
  taskOf: ({ size }) => mazeTask(size),
  maxAugmentations: SYMMETRIES - 1,
  // In the order of the reference's builder (option aug), not drawn.
  imageOf(maze, { index }) {
    const { path, ...image } = imageOf(maze, index);
    invariant(path, "an image lost its answer");
    return { ...image, path };
  },
  augmentedDtype: "uint8",
  decode: decodeMaze,
};

/** Which family a CSV belongs to; undefined for other files. A first row that is wrong still tells. */
export function csvFamilyOf(path: string): "sudoku" | "maze" | undefined {
  if (!statSync(path).isFile()) return undefined;
  const [header, first = ""] = readFileStart(path).split(/\r?\n/);
  if (header.replace(/^\uFEFF/, "") !== PUZZLE_CSV_HEADER) return undefined;
  if (/^(?:"[^"]*"|[^,"]*),[^,]*[#SG]/.test(first)) return "maze";
  return /^("|[^,"]*,[\d.]+,|$)/.test(first) ? "sudoku" : undefined;
}
