// Sudoku as a data set: puzzles read from files of the Sudoku-Extreme layout or made by the generator.

import { ToolError } from "../../base/errors.ts";
import type { Dataset, DrawSettings } from "../dataset.ts";
import { loadPuzzles, loadPuzzleTestSet, type PuzzleTestSet } from "../puzzle-dataset.ts";
import type { PuzzleOrigin } from "../puzzle-parts.ts";
import type { SudokuData } from "./config.ts";
import { readSudokuFile, type SudokuPuzzle } from "./dataset.ts";
import { sequenceLength } from "./encode.ts";
import { generateSet } from "./generate.ts";
import type { SudokuSize } from "./rules.ts";
import { sudokuTask } from "./task.ts";

export function loadSudoku(data: SudokuData, draw: DrawSettings): Dataset {
  return loadPuzzles(sudokuTask(data.size), originOf(data), data, draw);
}

/** The puzzles of a file, or the test set of a configuration. */
export function loadSudokuTestSet(data: SudokuData, file: string | null): PuzzleTestSet<SudokuPuzzle> {
  return loadPuzzleTestSet(sudokuTask(data.size), originOf(data), data, file);
}

function originOf({ size, generate, minDifficulty }: SudokuData): PuzzleOrigin<SudokuPuzzle> {
  const clues = generate?.clues ?? 0;
  return {
    recipe: `${clues} clues`,
    generate: (settings) => generateSet({ size, clues, ...settings }),
    read: (path) => readPuzzles(path, size),
    isWanted: ({ rating }) => minDifficulty === null || rating >= minDifficulty,
  };
}

/** The puzzles of a file, which must be of the size that the configuration says. */
export function readPuzzles(path: string, size: SudokuSize): SudokuPuzzle[] {
  const puzzles = readSudokuFile(path);
  const cells = sequenceLength(size);
  const other = puzzles.find(({ question }) => question.length !== cells);
  if (!other) return puzzles;
  throw new ToolError(
    `${path} has puzzles of ${other.question.length} cells, not the ${cells} of ${size}×${size}`,
    {
      code: "sudoku/size",
      where: "data.size",
      hint: "set data.size to that of the file, or name another file",
      exitCode: 2,
    },
  );
}
