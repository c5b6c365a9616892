// Makes hard mazes like those of Maze-Hard: a wall probability uniform in 0.3 … 0.5, walls independent of each other,
// S and G uniform among the open cells, kept if the shortest path is long enough. HRM's generator was never published;
// this recipe reproduces the published set (data/maze/README.md). For 30×30 and 110 cells one try in about 54,000 is
// kept, so a try must be cheap: rows are bit masks, and a try ends when the searches from S and from G meet too soon.

import { ToolError } from "../../base/errors.ts";
import { type RandomStream, stream } from "../../base/random/threefry.ts";
import { canonicalKey } from "./canonical.ts";
import { LARGEST_SIZE, type Maze, SMALLEST_SIZE, shortestPath } from "./rules.ts";

export interface MazeSettings {
  /** Rows and columns, 5 … 30. */
  readonly size: number;
  /** Least cells of the shortest path, S and G among them; null: usual for the size. */
  readonly minPath: number | null;
  readonly seed: number;
}

export interface MazeSetSettings extends MazeSettings {
  readonly count: number;
  /** Canonical keys of mazes that must not occur, for instance those of a test set. */
  readonly exclude?: ReadonlySet<string>;
}

/** The published filter. */
const HARD_SIZE = 30;
const HARD_PATH = 110;
/**
 * Fitted so that about the same share of tries is kept at every size; measured on 120 mazes each: 5: 1/21,000,
 * 6: 1/55,000, 8: 1/45,000, 10: 1/41,000, 15: 1/33,000, 20: 1/43,000, 30: 1/58,000.
 */
const PATH_EXPONENT = 1.1;

const LEAST_WALLS = 0.3;
const MOST_WALLS = 0.5;
/** About a minute of 30×30; a thousand times what the usual least path takes. */
const MAX_TRIES = 50_000_000;
/** Mazes in a row that were all known already, after which a set counts as exhausted. */
const MAX_REPEATS = 2000;

/** As hard for its size as 110 cells are for 30×30. */
export function usualMinPath(size: number): number {
  return Math.round(HARD_PATH * (size / HARD_SIZE) ** PATH_EXPONENT);
}

/**
 * The maze of a number: a pure function of size, least path, seed and index.
 * @example
 * formatMaze(generateMaze({ size: 10, minPath: null, seed: 0 }, 0));
 */
export function generateMaze({ size, minPath, seed }: MazeSettings, index: number): Maze {
  const least = minPath ?? usualMinPath(size);
  return drawMaze(size, least, stream(seed, "maze", size, least, index));
}

/** The mazes of the indices 0, 1, … without those that are images of an earlier or an excluded one. */
export function* generateMazes(settings: MazeSetSettings): Generator<Maze> {
  const { count, exclude } = settings;
  const known = new Set<string>();
  let repeats = 0;
  for (let index = 0; known.size < count; index++) {
    const maze = generateMaze(settings, index);
    const key = canonicalKey(maze);
    if (known.has(key) || exclude?.has(key)) {
      if (++repeats >= MAX_REPEATS) throw exhausted(settings, known.size);
      continue;
    }
    repeats = 0;
    known.add(key);
    yield maze;
  }
}

/** One maze of the distribution, by random numbers that begin with four of the stream's. */
export function drawMaze(size: number, minPath: number, random: RandomStream): Maze {
  checkSettings(size, minPath);
  const words = Int32Array.from({ length: 4 }, random.uint32);
  const grid = makeGrid(size);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const open = drawWalls(grid, words);
    if (open < minPath) continue;
    const start = openCell(grid, below(words, open));
    const goal = openCell(grid, below(words, open));
    if (start === goal || meetsBefore(grid, start, goal, minPath - 1)) continue;
    const walls = wallsOf(grid);
    const found = shortestPath(walls, size, start, goal);
    // The searches above stop at the least length: only here it shows whether there is a way at all.
    if (found) return { size, walls, start, goal, path: found.path, rating: found.cells };
  }
  throw new ToolError(
    `no ${size}×${size} maze with a path of ${minPath} cells came up in ${MAX_TRIES} tries`,
    {
      code: "maze/path-unreachable",
      where: "minPath",
      hint: `ask for fewer cells; usual for ${size}×${size} are ${usualMinPath(size)}`,
    },
  );
}

/** Rows 1 … size as masks, bit = column, between two empty rows. Side 0 searches from S, side 1 from G. */
interface Grid {
  readonly size: number;
  readonly open: Int32Array;
  /** Cells that a side found in its last step. */
  readonly frontier: readonly [Int32Array, Int32Array];
  /** Open cells that a side has not found. */
  readonly unseen: readonly [Int32Array, Int32Array];
}

function makeGrid(size: number): Grid {
  const rows = () => new Int32Array(size + 2);
  return { size, open: rows(), frontier: [rows(), rows()], unseen: [rows(), rows()] };
}

/**
 * Draws a wall probability and the walls; returns how many cells are open. Every column of a row compares a random
 * binary fraction of its own with the probability, all columns at once, digit by digit, until each has met a digit that
 * differs: about six words a row.
 */
function drawWalls({ size, open }: Grid, words: Int32Array): number {
  const wallShare = LEAST_WALLS + ((MOST_WALLS - LEAST_WALLS) * (nextWord(words) >>> 0)) / 2 ** 32;
  const openShare = Math.floor((1 - wallShare) * 2 ** 32);
  const full = 2 ** size - 1;
  // nextWord written out: the words in local variables make this loop, half of all the time, three times as fast.
  let a = words[0];
  let b = words[1];
  let c = words[2];
  let d = words[3];
  let count = 0;
  for (let row = 1; row <= size; row++) {
    let undecided = full;
    let mask = 0;
    for (let digits = openShare; undecided !== 0 && digits !== 0; digits <<= 1) {
      const drawn = (a + b + d) | 0;
      d = (d + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + drawn) | 0;
      if ((digits | 0) < 0) {
        mask |= undecided & ~drawn;
        undecided &= drawn;
      } else {
        undecided &= ~drawn;
      }
    }
    open[row] = mask;
    count += bitCount(mask);
  }
  words[0] = a;
  words[1] = b;
  words[2] = c;
  words[3] = d;
  return count;
}

/** The open cell number `index`, row by row. */
function openCell({ size, open }: Grid, index: number): number {
  let left = index;
  for (let row = 1; row <= size; row++) {
    let mask = open[row];
    const count = bitCount(mask);
    if (left >= count) {
      left -= count;
      continue;
    }
    for (; left > 0; left--) mask &= mask - 1;
    return (row - 1) * size + 31 - Math.clz32(mask & -mask);
  }
  return -1;
}

/**
 * Whether S and G are less than `steps` apart, or in different parts of which one is that small. Searches from both
 * ends, a step at a time where the fewer rows are; the first cell that both have found lies on a shortest path.
 */
function meetsBefore(grid: Grid, start: number, goal: number, steps: number): boolean {
  const { size } = grid;
  const [fromStart, fromGoal] = grid.frontier;
  const [unseenByStart, unseenByGoal] = grid.unseen;
  begin(grid, start, fromStart, unseenByStart);
  begin(grid, goal, fromGoal, unseenByGoal);
  let startFirst = Math.floor(start / size) + 1;
  let startLast = startFirst;
  let goalFirst = Math.floor(goal / size) + 1;
  let goalLast = goalFirst;
  for (let step = 1; step < steps; step++) {
    let found: Found;
    if (startLast - startFirst <= goalLast - goalFirst) {
      startFirst = Math.max(1, startFirst - 1);
      startLast = Math.min(size, startLast + 1);
      found = spread(fromStart, unseenByStart, unseenByGoal, startFirst, startLast);
    } else {
      goalFirst = Math.max(1, goalFirst - 1);
      goalLast = Math.min(size, goalLast + 1);
      found = spread(fromGoal, unseenByGoal, unseenByStart, goalFirst, goalLast);
    }
    if (found !== "more") return true;
  }
  return false;
}

function begin({ size, open }: Grid, cell: number, frontier: Int32Array, unseen: Int32Array): void {
  for (let row = 1; row <= size; row++) {
    frontier[row] = 0;
    unseen[row] = open[row];
  }
  const row = Math.floor(cell / size) + 1;
  frontier[row] = 1 << (cell % size);
  unseen[row] ^= frontier[row];
}

type Found = "none" | "met" | "more";

/** One step of one side: its new frontier replaces the old one. */
function spread(
  frontier: Int32Array,
  unseen: Int32Array,
  unseenByOther: Int32Array,
  first: number,
  last: number,
): Found {
  let above = frontier[first - 1];
  let here = frontier[first];
  let found = 0;
  let met = 0;
  for (let row = first; row <= last; row++) {
    const under = frontier[row + 1];
    const next = ((here << 1) | (here >> 1) | above | under) & unseen[row];
    frontier[row] = next;
    unseen[row] ^= next;
    found |= next;
    met |= next & ~unseenByOther[row];
    above = here;
    here = under;
  }
  if (met !== 0) return "met";
  return found === 0 ? "none" : "more";
}

function wallsOf({ size, open }: Grid): Uint8Array {
  return Uint8Array.from({ length: size * size }, (_, cell) => {
    const row = open[Math.floor(cell / size) + 1];
    return 1 - ((row >>> (cell % size)) & 1);
  });
}

/** The generator sfc32 (Doty-Humphrey, PractRand): several times as fast as the named streams, which give its start. */
function nextWord(words: Int32Array): number {
  const sum = (words[0] + words[1] + words[3]) | 0;
  words[3] = words[3] + 1;
  words[0] = words[1] ^ (words[1] >>> 9);
  words[1] = words[2] + (words[2] << 3);
  words[2] = ((words[2] << 21) | (words[2] >>> 11)) + sum;
  return sum;
}

/** An unbiased integer in [0, n). */
function below(words: Int32Array, n: number): number {
  const wholeMultiples = 2 ** 32 - (2 ** 32 % n);
  for (;;) {
    const drawn = nextWord(words) >>> 0;
    if (drawn < wholeMultiples) return drawn % n;
  }
}

function bitCount(mask: number): number {
  let bits = mask - ((mask >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function checkSettings(size: number, minPath: number): void {
  if (!Number.isInteger(size) || size < SMALLEST_SIZE || size > LARGEST_SIZE) {
    throw new ToolError(`a maze cannot have ${size} rows here`, {
      code: "maze/bad-size",
      where: "size",
      hint: `ask for ${SMALLEST_SIZE} to ${LARGEST_SIZE}`,
      exitCode: 2,
    });
  }
  if (Number.isInteger(minPath) && minPath >= 2 && minPath <= size * size) return;
  throw new ToolError(`the shortest path of a ${size}×${size} maze cannot have ${minPath} cells or more`, {
    code: "maze/bad-path",
    where: "minPath",
    hint: `ask for 2 or more; usual for ${size}×${size} are ${usualMinPath(size)}`,
    exitCode: 2,
  });
}

function exhausted({ size, minPath, count, exclude }: MazeSetSettings, found: number): ToolError {
  const least = minPath ?? usualMinPath(size);
  const besides = exclude === undefined || exclude.size === 0 ? "" : ` besides ${exclude.size} excluded ones`;
  return new ToolError(
    `only ${found} of ${count} different ${size}×${size} mazes with ${least} cells on the path were found${besides}`,
    {
      code: "maze/set-exhausted",
      where: `the last ${MAX_REPEATS} were all images of known ones`,
      hint: `ask for at most ${found}, shorter paths, or a larger size`,
    },
  );
}
