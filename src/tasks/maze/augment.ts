// A maze turned or mirrored, its answer with it. Source: dataset/build_maze_dataset.py, whose option `aug` is off in
// the published recipe, and for a reason: a mapped answer is still a shortest path, but no longer the one that the rule
// picks (rules.ts), except in most left-right mirrored mazes; the targets then contradict each other.

import type { RandomStream } from "../../base/random/threefry.ts";
import type { Maze } from "./rules.ts";
import { SYMMETRIES, sourceCells } from "./symmetries.ts";

/** The image under the symmetry of that number, 0 … 7; 0 is the maze itself. */
export function imageOf(maze: Maze, symmetry: number): Maze {
  if (symmetry === 0) return maze;
  const { size, walls, start, goal, path } = maze;
  const sources = sourceCells(size, symmetry);
  const mapped = (cells: Uint8Array) => Uint8Array.from(sources, (source) => cells[source]);
  return {
    ...maze,
    walls: mapped(walls),
    start: sources.indexOf(start),
    goal: sources.indexOf(goal),
    path: path && mapped(path),
  };
}

/** One of the seven other images. */
export function drawImage(maze: Maze, random: RandomStream): Maze {
  return imageOf(maze, 1 + random.below(SYMMETRIES - 1));
}
