// Mazes in the CSV layout of Maze-Hard, read strictly: a row that does not fit is an error with file and line. Fields
// may begin and end with spaces, which are open cells. One size a file. Whether an answer is the one that the rule
// picks is a question of its own (labelProblem): other shortest paths are no less right.
// Source: data set sapientinc/maze-30x30-hard-1k; dataset/build_maze_dataset.py reads the same columns.

import { ToolError } from "../../base/errors.ts";
import { writeFileAtomic } from "../../base/files.ts";
import { formatPuzzleCsv, type NumberedPuzzleRow, parsePuzzleCsv, readPuzzleCsv } from "../../formats/csv.ts";
import { describeCell, formatMaze, type Maze, parseMaze, shortestPath } from "./rules.ts";

/** A maze with its answer. */
export type SolvedMaze = Maze & { readonly path: Uint8Array };

/** All mazes of a file. */
export function readMazeFile(path: string): SolvedMaze[] {
  return nonEmpty(Array.from(mazesOf(readPuzzleCsv(path), path)), path);
}

/** The mazes of a text in the same layout; `name` stands for the file in errors. */
export function parseMazeCsv(text: string, name: string): SolvedMaze[] {
  return nonEmpty(Array.from(mazesOf(parsePuzzleCsv(text, name), name)), name);
}

/** Header and rows as UTF-8, in pieces; the source stays empty as in the published files. */
export function formatMazeCsv(mazes: Iterable<SolvedMaze>): Uint8Array[] {
  return formatPuzzleCsv(rowsOf(mazes));
}

export async function writeMazeFile(path: string, mazes: Iterable<SolvedMaze>): Promise<void> {
  await writeFileAtomic(path, formatMazeCsv(mazes));
}

/** What is wrong with the answer of a maze, if it is not the path that the rule picks. */
export function labelProblem({ walls, size, start, goal, path, rating }: SolvedMaze): string | undefined {
  const found = shortestPath(walls, size, start, goal);
  if (found === undefined) return "there is no way from S to G";
  if (found.cells !== rating) return `the answer has ${rating} cells, a shortest path ${found.cells}`;
  const other = path.findIndex((marked, cell) => marked === 1 && found.path[cell] === 0);
  if (other < 0) return undefined;
  return `the answer runs through ${describeCell(other, size)}, the path of the rule does not`;
}

function* rowsOf(mazes: Iterable<SolvedMaze>) {
  for (const maze of mazes) {
    const rating = String(maze.rating);
    yield { source: "", question: formatMaze(maze), answer: formatMaze(maze, true), rating };
  }
}

function* mazesOf(rows: Iterable<NumberedPuzzleRow>, name: string): Generator<SolvedMaze> {
  let size: number | undefined;
  for (const row of rows) {
    const where = `${name}:${row.line}`;
    const maze = mazeOf(row, where);
    size ??= maze.size;
    if (maze.size !== size)
      throw badRow(`the maze is ${maze.size}×${maze.size}, the ones before ${size}×${size}`, where);
    yield maze;
  }
}

function mazeOf({ question, answer, rating }: NumberedPuzzleRow, where: string): SolvedMaze {
  const maze = parseMaze(question, where);
  const { size } = maze;
  if (maze.path) throw badRow(`the question has "o" at ${describeCell(question.indexOf("o"), size)}`, where);
  if (answer.length !== question.length)
    throw badRow(`the answer has ${answer.length} characters, the question ${question.length}`, where);
  const path = new Uint8Array(answer.length);
  let cells = 2;
  for (let cell = 0; cell < answer.length; cell++) {
    if (answer[cell] === question[cell]) continue;
    if (answer[cell] !== "o" || question[cell] !== " ") {
      const place = describeCell(cell, size);
      throw badRow(`the question has "${question[cell]}" at ${place}, the answer "${answer[cell]}"`, where);
    }
    path[cell] = 1;
    cells++;
  }
  if (rating !== String(cells))
    throw badRow(`the rating is "${rating}", the answer's path has ${cells} cells`, where);
  return { ...maze, path, rating: cells };
}

function badRow(message: string, where: string): ToolError {
  return new ToolError(message, {
    code: "maze/bad-row",
    where,
    hint: "a row is source, question (#, space, S and G, row by row), answer (with o on the path) and the path's cells",
  });
}

function nonEmpty(mazes: SolvedMaze[], name: string): SolvedMaze[] {
  if (mazes.length > 0) return mazes;
  throw new ToolError("the file has a header and no mazes", {
    code: "maze/no-puzzles",
    where: `${name}:2`,
    hint: "write one maze a line after the header, or make some: `whorl data generate maze`",
  });
}
