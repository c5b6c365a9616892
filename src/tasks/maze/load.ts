// Mazes as a data set: read from files of the Maze-Hard layout or made by the generator.

import { ToolError } from "../../base/errors.ts";
import type { Dataset, DrawSettings } from "../dataset.ts";
import { loadPuzzles, loadPuzzleTestSet, type PuzzleTestSet } from "../puzzle-dataset.ts";
import type { PuzzleOrigin } from "../puzzle-parts.ts";
import type { MazeData } from "./config.ts";
import { readMazeFile } from "./dataset.ts";
import { generateMazes, usualMinPath } from "./generate.ts";
import type { Maze } from "./rules.ts";
import { mazeTask } from "./task.ts";

export function loadMaze(data: MazeData, draw: DrawSettings): Dataset {
  return loadPuzzles(mazeTask(data.size), originOf(data), data, draw);
}

/** The mazes of a file, or the test set of a configuration. */
export function loadMazeTestSet(data: MazeData, file: string | null): PuzzleTestSet<Maze> {
  return loadPuzzleTestSet(mazeTask(data.size), originOf(data), data, file);
}

function originOf({ size, generate }: MazeData): PuzzleOrigin<Maze> {
  const minPath = generate?.minPath ?? usualMinPath(size);
  return {
    recipe: `paths of ${minPath} cells or more`,
    generate: (settings) => generateMazes({ size, minPath, ...settings }),
    read: (path) => readMazes(path, size),
  };
}

/** The mazes of a file, which must be of the size that the configuration says. */
export function readMazes(path: string, size: number): Maze[] {
  const mazes = readMazeFile(path);
  const found = mazes[0].size;
  if (found === size) return mazes;
  throw new ToolError(`${path} has mazes of ${found}×${found}, not ${size}×${size}`, {
    code: "maze/size",
    where: "data.size",
    hint: "set data.size to that of the file, or name another file",
    exitCode: 2,
  });
}
