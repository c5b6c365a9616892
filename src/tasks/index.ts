// The puzzle families, in one list.

import type { PuzzleShape } from "../models/model.ts";
import type { Dataset } from "./dataset.ts";
import { type DrawSettings, loadSudoku, type SudokuData, sudokuShape } from "./sudoku/load.ts";

export type { DataManifest, Dataset, Examples, TrainingStream } from "./dataset.ts";

/** The `data` section of a configuration, of any family. */
export type TaskData = SudokuData & { readonly task: "sudoku" };

/** Reads or makes the puzzles of a configuration. */
export function loadDataset(data: TaskData, draw: DrawSettings): Dataset {
  return loadSudoku(data, draw);
}

/** What a model for these puzzles must know, without reading any. */
export function puzzleShapeOf(data: TaskData): PuzzleShape {
  return sudokuShape(data.size);
}
