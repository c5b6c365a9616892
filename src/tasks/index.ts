// The puzzle families, in one list. A family's own folder says what it is; nothing else names them all.

import type { PuzzleShape } from "../models/model.ts";
import type { ArcData } from "./arc/config.ts";
import { loadArc, loadArcTestSet } from "./arc/load.ts";
import type { Dataset, DrawSettings, TestSet } from "./dataset.ts";
import type { MazeData } from "./maze/config.ts";
import { loadMaze, loadMazeTestSet } from "./maze/load.ts";
import { mazeTask } from "./maze/task.ts";
import type { ModuleData } from "./module/config.ts";
import { importTask, loadModuleDataset, loadModuleTestSet } from "./module/load.ts";
import { shapeOf } from "./puzzle-dataset.ts";
import type { SudokuData } from "./sudoku/config.ts";
import { loadSudoku, loadSudokuTestSet } from "./sudoku/load.ts";
import { sudokuTask } from "./sudoku/task.ts";
import type { Task } from "./task.ts";

export type { DataManifest, Dataset, Examples, TestSet, TrainingStream } from "./dataset.ts";
export type { DifficultyScale, Score, Task } from "./task.ts";

/** The `data` section of a configuration, of any family. */
export type TaskData = SudokuData | MazeData | ArcData | ModuleData;

/** Of tasks whose puzzles stand alone: all but ARC. */
export type PuzzleTaskData = Exclude<TaskData, ArcData>;

/** Reads or makes the puzzles of a configuration. */
export async function loadDataset(data: TaskData, draw: DrawSettings): Promise<Dataset> {
  switch (data.task) {
    case "sudoku":
      return loadSudoku(data, draw);
    case "maze":
      return loadMaze(data, draw);
    case "arc":
      return loadArc(data, draw);
    case "module":
      return loadModuleDataset(data, draw);
  }
}

/** The held-out puzzles of a configuration, or those of a file. */
export async function loadTestSet(data: TaskData, file: string | null): Promise<TestSet> {
  switch (data.task) {
    case "sudoku":
      return loadSudokuTestSet(data, file);
    case "maze":
      return loadMazeTestSet(data, file);
    case "arc":
      return loadArcTestSet(data, file);
    case "module":
      return loadModuleTestSet(data, file);
  }
}

/** The task of a configuration. */
export async function taskOf(data: PuzzleTaskData): Promise<Task<unknown>> {
  switch (data.task) {
    case "sudoku":
      return sudokuTask(data.size);
    case "maze":
      return mazeTask(data.size);
    case "module":
      return importTask(data);
  }
}

/**
 * What a model for these puzzles must know, without reading any. How many identifiers ARC needs shows only when its
 * augmentations are made (Dataset.shape) or in a trained model's table: here it is 1.
 */
export async function puzzleShapeOf(data: TaskData): Promise<PuzzleShape> {
  if (data.task === "arc") return { seqLen: data.side ** 2, vocabSize: 12, numPuzzleIdentifiers: 1 };
  return shapeOf(await taskOf(data));
}
