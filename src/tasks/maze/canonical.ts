// When two mazes are the same: under the eight symmetries of the square and exchange of S and G. The canonical form is
// the smallest of these 16 strings, as in data/maze/README.md.

import { formatMaze, type Maze } from "./rules.ts";
import { SYMMETRIES, sourceCells } from "./symmetries.ts";

/** The canonical form as text, to compare and to collect in sets. */
export function canonicalKey(maze: Maze): string {
  const { size, start, goal } = maze;
  const forward = codesOf(maze);
  const backward = forward.slice();
  backward[start] = forward[goal];
  backward[goal] = forward[start];
  let smallest = forward;
  for (let symmetry = 0; symmetry < SYMMETRIES; symmetry++) {
    const sources = sourceCells(size, symmetry);
    for (const codes of [forward, backward]) {
      if (isSmaller(codes, sources, smallest)) smallest = Uint8Array.from(sources, (source) => codes[source]);
    }
  }
  return String.fromCharCode(...smallest); // at most 900 arguments
}

/** A number that images share and most other mazes do not; cheaper than the form. */
export function symmetryInvariant(maze: Maze): number {
  const { size, walls, start, goal } = maze;
  let sum = Math.imul(orbitOf(start, size) + orbitOf(goal, size), 0x9e3779b1);
  for (let cell = 0; cell < walls.length; cell++)
    if (walls[cell] === 1) sum = (sum + orbitOf(cell, size)) | 0;
  return sum;
}

/** A hash of the place up to symmetry: the distances from the nearer sides, in either order. */
function orbitOf(cell: number, size: number): number {
  const row = Math.floor(cell / size);
  const column = cell % size;
  const down = Math.min(row, size - 1 - row);
  const across = Math.min(column, size - 1 - column);
  const place = Math.min(down, across) * size + Math.max(down, across) + 1;
  const mixed = Math.imul(place ^ (place << 7), 0x2c1b3c6d);
  return Math.imul(mixed ^ (mixed >>> 15), 0x297a2d39);
}

function codesOf(maze: Maze): Uint8Array {
  const text = formatMaze(maze);
  return Uint8Array.from({ length: text.length }, (_, cell) => text.charCodeAt(cell));
}

function isSmaller(codes: Uint8Array, sources: Int32Array, than: Uint8Array): boolean {
  for (let cell = 0; cell < than.length; cell++) {
    const difference = codes[sources[cell]] - than[cell];
    if (difference !== 0) return difference < 0;
  }
  return false;
}
