// Judges an answer to a maze by the rules, not by the known answer: a hard maze has millions of shortest paths, and any
// of them is right.

import type { Score } from "../task.ts";
import { GOAL, OPEN, PATH, START, WALL } from "./encode.ts";
import { describeCell, type Maze, shortestPath } from "./rules.ts";

/** Right: keeps walls, S and G and marks exactly the cells of a shortest path. */
export function scoreMaze(maze: Maze, tokens: ArrayLike<number>): Score {
  const changed = changedCell(maze, tokens);
  if (changed !== undefined) return scoreOf(describeChange(maze, changed, tokens[changed]), false);
  const marked = markedCells(maze, tokens);
  const isPath = formsPath(maze, marked);
  if (!isPath) return scoreOf(describeMarks(maze, marked), false);
  const cells = 2 + countOf(marked);
  const shortest = shortestPath(maze.walls, maze.size, maze.start, maze.goal)?.cells;
  return scoreOf(
    cells === shortest ? undefined : `the path has ${cells} cells, the shortest ${shortest}`,
    true,
  );
}

/** Whether the answer leaves what was given: walls, S and G as they are, open cells open or on the path. */
export function keepsCell(maze: Maze, cell: number, token: number): boolean {
  const given = givenToken(maze, cell);
  return token === given || (given === OPEN && token === PATH);
}

function scoreOf(problem: string | undefined, isPath: boolean): Score {
  const valid = problem === undefined;
  return { valid, problem, measures: { shortestPath: valid ? 1 : 0, anyPath: isPath ? 1 : 0 } };
}

function givenToken({ walls, start, goal }: Maze, cell: number): number {
  if (cell === start) return START;
  if (cell === goal) return GOAL;
  return walls[cell] === 1 ? WALL : OPEN;
}

function changedCell(maze: Maze, tokens: ArrayLike<number>): number | undefined {
  for (let cell = 0; cell < maze.walls.length; cell++) if (!keepsCell(maze, cell, tokens[cell])) return cell;
  return undefined;
}

/** 1 on the path's cells between the ends, [size²]. */
function markedCells({ walls }: Maze, tokens: ArrayLike<number>): Uint8Array {
  return Uint8Array.from(walls, (_, cell) => (tokens[cell] === PATH ? 1 : 0));
}

/**
 * Whether the marked cells with S and G are one path that does not touch itself: both ends have one neighbour among
 * them, the others two, and all hang together. (A path that touches itself could be read in several ways.)
 */
function formsPath({ size, start, goal }: Maze, marked: Uint8Array): boolean {
  const isOn = marked.slice();
  isOn[start] = isOn[goal] = 1;
  let seen = 1;
  let before = -1;
  for (let cell = start; cell !== goal; seen++) {
    const neighbours = neighboursOn(isOn, size, cell);
    if (neighbours.length !== (cell === start ? 1 : 2)) return false;
    const next = neighbours.find((neighbour) => neighbour !== before);
    if (next === undefined) return false;
    before = cell;
    cell = next;
  }
  return neighboursOn(isOn, size, goal).length === 1 && seen === countOf(isOn);
}

function neighboursOn(isOn: Uint8Array, size: number, cell: number): number[] {
  const column = cell % size;
  const neighbours = [cell - size, cell + size];
  if (column > 0) neighbours.push(cell - 1);
  if (column + 1 < size) neighbours.push(cell + 1);
  return neighbours.filter((neighbour) => isOn[neighbour] === 1);
}

function countOf(cells: Uint8Array): number {
  return cells.reduce((count, value) => count + value, 0);
}

function describeChange(maze: Maze, cell: number, token: number): string {
  const became = NAMES[token] ?? `token ${token}`;
  return `${NAMES[givenToken(maze, cell)]} at ${describeCell(cell, maze.size)} became ${became}`;
}

/** What keeps the marked cells from being a path. */
function describeMarks({ size, start, goal }: Maze, marked: Uint8Array): string {
  if (countOf(marked) === 0) return "no path is marked";
  const barred = marked.map((value) => 1 - value);
  barred[start] = barred[goal] = 0;
  const inside = shortestPath(barred, size, start, goal);
  if (inside === undefined) return "the marked cells do not connect S and G";
  const spare = countOf(marked) + 2 - inside.cells;
  return `the path branches or touches itself: ${spare} of the marked cells can be left out`;
}

const NAMES = ["padding", "a wall", "an open cell", "S", "G", "a path cell"];
