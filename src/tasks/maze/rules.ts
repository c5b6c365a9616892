// Mazes on a square grid: walls, a start S and a goal G; the answer is one shortest path between them, moving up, down,
// left and right. Reading them from text and finding the path. Which of the many shortest paths is the answer follows
// the rule that explains every published label of Maze-Hard. Tokens are encode.ts, judging an answer is score.ts.

import { ToolError } from "../../base/errors.ts";

/** Cells are numbered row by row. */
export interface Maze {
  /** Rows, and as many columns. */
  readonly size: number;
  /** 1 on walls, [size²]. */
  readonly walls: Uint8Array;
  readonly start: number;
  readonly goal: number;
  /** The answer: 1 on the path's cells between S and G, [size²]; undefined when nobody has solved it. */
  readonly path: Uint8Array | undefined;
  /** Cells of a shortest path, S and G among them; 0 when nobody has solved it. */
  readonly rating: number;
}

export interface ShortestPath {
  /** 1 on the cells between S and G, [size²]. */
  readonly path: Uint8Array;
  /** With both ends. */
  readonly cells: number;
}

/** Smaller ones are hardly mazes; a generator's grid row must fit into a 32-bit word. */
export const SMALLEST_SIZE = 5;
export const LARGEST_SIZE = 30;

/**
 * The shortest path that counts as the answer: breadth-first from S, first in, first out, neighbours in the order down,
 * left, right, up, each cell keeping the cell it was first reached from; then the chain back from G. Undefined when
 * there is no way.
 */
export function shortestPath(
  walls: Uint8Array,
  size: number,
  start: number,
  goal: number,
): ShortestPath | undefined {
  const parents = reach(walls, size, start, goal);
  if (parents[goal] < 0) return undefined;
  const path = new Uint8Array(size * size);
  let cells = 1;
  for (let cell = goal; cell !== start; cell = parents[cell]) {
    path[cell] = 1;
    cells++;
  }
  path[goal] = 0;
  return { path, cells };
}

/**
 * Reads a maze: all cells in one line, or a line a row, perhaps in the frame of a drawing (draw.ts). `#` is a wall, a
 * space or `.` is open; spaces at the ends of a line are cells. With `o` on the path it has an answer.
 * @example
 * parseMaze("S.#\n#..\n#.G");
 */
export function parseMaze(text: string, where?: string): Maze {
  const rows = rowsOf(text);
  const [first] = rows;
  const size = rows.length === 1 ? Math.round(Math.sqrt(first.length)) : rows.length;
  if (rows.length === 1 && (size < 2 || size * size !== first.length)) throw notSquare(first.length, where);
  const short = rows.length === 1 ? -1 : rows.findIndex((row) => row.length !== size);
  if (short >= 0) throw unequalRow(short, rows[short].length, size, where);
  return mazeOf(rows.join(""), size, where);
}

/** The maze as one line as data sets have it; with `o` on the path when it has an answer and that is asked for. */
export function formatMaze(maze: Maze, withAnswer = false): string {
  const characters = Array.from(maze.walls, (wall): string => (wall === 1 ? "#" : " "));
  if (withAnswer) {
    maze.path?.forEach((marked, cell) => {
      if (marked === 1) characters[cell] = "o";
    });
  }
  characters[maze.start] = "S";
  characters[maze.goal] = "G";
  return characters.join("");
}

/** The maze with the path that counts as its answer, whatever it had; refused when there is no way. */
export function solveMaze(maze: Maze, where?: string): Maze & { readonly path: Uint8Array } {
  const { walls, size, start, goal } = maze;
  const found = shortestPath(walls, size, start, goal);
  if (found) return { ...maze, path: found.path, rating: found.cells };
  throw new ToolError(
    `there is no way from S at ${describeCell(start, size)} to G at ${describeCell(goal, size)}`,
    {
      code: "maze/no-way",
      where,
      hint: "moves go up, down, left and right through open cells: open a wall between the two",
    },
  );
}

export function describeCell(cell: number, size: number): string {
  return `(row ${Math.floor(cell / size) + 1}, column ${(cell % size) + 1})`;
}

/** For every cell the one it was first reached from, -1 when it was not reached before G; S is its own. */
function reach(walls: Uint8Array, size: number, start: number, goal: number): Int32Array {
  const parents = new Int32Array(size * size).fill(-1);
  const queue = new Int32Array(size * size);
  let queued = 0;
  const visit = (cell: number, from: number) => {
    if (walls[cell] === 1 || parents[cell] >= 0) return;
    parents[cell] = from;
    queue[queued++] = cell;
  };
  visit(start, start);
  for (let taken = 0; taken < queued && parents[goal] < 0; taken++) {
    const cell = queue[taken];
    const column = cell % size;
    if (cell + size < walls.length) visit(cell + size, cell);
    if (column > 0) visit(cell - 1, cell);
    if (column + 1 < size) visit(cell + 1, cell);
    if (cell >= size) visit(cell - size, cell);
  }
  return parents;
}

/** The lines that hold cells: without the end of the last line, without a drawing's frame. */
function rowsOf(text: string): string[] {
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  const inside = lines.slice(1, -1);
  const isFramed =
    inside.length > 0 &&
    [lines[0], lines[lines.length - 1]].every((line) => /^\+-+\+$/.test(line)) &&
    inside.every((line) => /^\|.*\|$/.test(line));
  return isFramed ? inside.map((line) => line.slice(1, -1)) : lines;
}

function mazeOf(text: string, size: number, where?: string): Maze {
  const walls = new Uint8Array(text.length);
  const path = new Uint8Array(text.length);
  const ends: Record<"S" | "G", number[]> = { S: [], G: [] };
  let marked = 0;
  for (let cell = 0; cell < text.length; cell++) {
    const character = text[cell];
    if (character === "#") walls[cell] = 1;
    else if (character === "o") marked += path[cell] = 1;
    else if (character === "S" || character === "G") ends[character].push(cell);
    else if (character !== " " && character !== ".") throw unknownCharacter(character, cell, size, where);
  }
  const start = onlyOne("S", ends.S, size, where);
  const goal = onlyOne("G", ends.G, size, where);
  if (marked === 0) return { size, walls, start, goal, path: undefined, rating: 0 };
  return { size, walls, start, goal, path, rating: marked + 2 };
}

function onlyOne(name: "S" | "G", cells: readonly number[], size: number, where?: string): number {
  if (cells.length === 1) return cells[0];
  const meaning = name === "S" ? "start" : "goal";
  const places = cells.slice(0, 2).map((cell) => describeCell(cell, size));
  const problem =
    cells.length === 0
      ? `there is no ${name}`
      : `${name} stands in ${cells.length} cells, the first two at ${places.join(" and ")}`;
  throw new ToolError(problem, {
    code: "maze/bad-ends",
    where,
    hint: `put ${name}, the ${meaning}, into exactly one cell`,
  });
}

function unknownCharacter(character: string, cell: number, size: number, where?: string): ToolError {
  return new ToolError(
    `${JSON.stringify(character)} at ${describeCell(cell, size)} is nothing that mazes have`,
    {
      code: "maze/bad-character",
      where,
      hint: "use # for a wall, a space or . for an open cell, S, G, and o for the path",
    },
  );
}

function notSquare(cells: number, where?: string): ToolError {
  return new ToolError(`the maze has ${cells} cell${cells === 1 ? "" : "s"}, which is not a square`, {
    code: "maze/not-square",
    where,
    hint: "write all rows in one line, or a line a row; spaces at the ends are cells, . is the same as a space",
  });
}

function unequalRow(row: number, length: number, size: number, where?: string): ToolError {
  return new ToolError(`row ${row + 1} has ${length} cells, the maze ${size} rows`, {
    code: "maze/not-square",
    where,
    hint: `write ${size} cells in every row; where spaces at the ends get lost, write . for an open cell`,
  });
}
