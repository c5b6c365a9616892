// Makes Sudoku puzzles with exactly one solution: a random full grid, then givens taken away in random order
// as long as the solution stays the only one. A puzzle is a pure function of size, clues, seed and index;
// a set holds no two puzzles that are symmetric images of each other.

import { ToolError } from "../../base/errors.ts";
import { type RandomStream, stream } from "../../base/random/threefry.ts";
import { canonicalKey } from "./canonical.ts";
import type { SudokuPuzzle } from "./dataset.ts";
import { type Board, countGivens, geometryOf, type SudokuSize } from "./rules.ts";
import { rate, searchBoard } from "./solve.ts";

/** So many givens exactly, or a number drawn from a range (both ends included). */
export type ClueCount = number | { min: number; max: number };

export interface GenerateOptions {
  size: SudokuSize;
  clues: ClueCount;
  seed: number;
  index: number;
  /** Full grids to try before giving up; few clues are not reachable from every grid. */
  tries?: number;
}

export interface GenerateSetOptions {
  size: SudokuSize;
  clues: ClueCount;
  seed: number;
  count: number;
  /** Canonical keys of puzzles that must not occur, for instance those of a test set. */
  exclude?: ReadonlySet<string>;
  tries?: number;
}

/** The fewest givens of any puzzle with one solution (9 × 9: McGuire et al. 2012). */
const FEWEST_CLUES: Record<SudokuSize, number> = { 4: 4, 6: 8, 9: 17 };
const DEFAULT_TRIES = 100;
/** Puzzles in a row that were all known already, after which a set counts as exhausted. */
const MAX_REPEATS = 2000;

/**
 * @example
 * generateSudoku({ size: 6, clues: 16, seed: 0, index: 0 }).question;
 */
export function generateSudoku(options: GenerateOptions): SudokuPuzzle {
  const { size, seed, index, tries = DEFAULT_TRIES } = options;
  const { min, max } = clueRange(options.clues, size);
  const random = stream(seed, "sudoku-puzzle", size, min, max, index);
  const target = min + random.below(max - min + 1);
  let fewest = geometryOf(size).cells;
  for (let attempt = 0; attempt < tries; attempt++) {
    const answer = randomGrid(size, random);
    const question = withoutGivens(answer, target, random);
    const clues = countGivens(question);
    if (clues <= max) return { source: `whorl-${size}x${size}`, question, answer, rating: rate(question) };
    fewest = Math.min(fewest, clues);
  }
  throw new ToolError(`no ${size} × ${size} puzzle with ${max} clues came up in ${tries} tries`, {
    code: "sudoku/clues-unreachable",
    where: `clues=${max}, seed=${seed}, index=${index}`,
    hint: `the fewest reached was ${fewest}: ask for ${fewest} or more`,
  });
}

/** The puzzles of the indices 0, 1, … without those that are images of an earlier or an excluded one. */
export function* generateSet(options: GenerateSetOptions): Generator<SudokuPuzzle> {
  const { count, exclude, ...puzzleOptions } = options;
  const known = new Set<string>();
  let repeats = 0;
  for (let index = 0; known.size < count; index++) {
    const puzzle = generateSudoku({ ...puzzleOptions, index });
    const key = canonicalKey(puzzle.question);
    if (known.has(key) || exclude?.has(key)) {
      if (++repeats >= MAX_REPEATS) throw exhausted(options, known.size);
      continue;
    }
    repeats = 0;
    known.add(key);
    yield puzzle;
  }
}

/** A random full grid; every grid can come up, though not all equally often. */
export function randomGrid(size: SudokuSize, random: RandomStream): Board {
  const empty = new Uint8Array(geometryOf(size).cells);
  const { first } = searchBoard(empty, { limit: 1, below: random.below });
  return first ?? empty;
}

/** Takes givens away in random order until `target` are left or every further one is needed. */
function withoutGivens(answer: Board, target: number, random: RandomStream): Board {
  const question = answer.slice();
  let left = question.length;
  for (const cell of random.permutation(question.length)) {
    if (left <= target) break;
    const digit = question[cell];
    question[cell] = 0;
    // The only solution stays the only one if no other digit in this cell leads to one.
    if (searchBoard(question, { limit: 1, forbid: { cell, digit } }).solutions === 0) left--;
    else question[cell] = digit;
  }
  return question;
}

function clueRange(clues: ClueCount, size: SudokuSize): { min: number; max: number } {
  const { min, max } = typeof clues === "number" ? { min: clues, max: clues } : clues;
  const { cells } = geometryOf(size);
  const fewest = FEWEST_CLUES[size];
  const isWhole = Number.isInteger(min) && Number.isInteger(max);
  if (isWhole && fewest <= min && min <= max && max <= cells) return { min, max };
  const asked = min === max ? `${min} clues` : `${min} to ${max} clues`;
  throw new ToolError(`a ${size} × ${size} puzzle cannot have ${asked}`, {
    code: "sudoku/bad-clues",
    hint: `ask for ${fewest} (no puzzle with fewer has one solution) to ${cells}`,
    exitCode: 2,
  });
}

function exhausted({ size, clues, count, exclude }: GenerateSetOptions, found: number): ToolError {
  const { min, max } = clueRange(clues, size);
  const asked = min === max ? `${min}` : `${min} to ${max}`;
  const besides = exclude === undefined || exclude.size === 0 ? "" : ` besides ${exclude.size} excluded ones`;
  return new ToolError(
    `only ${found} of ${count} different ${size} × ${size} puzzles with ${asked} clues were found${besides}`,
    {
      code: "sudoku/set-exhausted",
      where: `the last ${MAX_REPEATS} were all symmetric images of known ones`,
      hint: `ask for at most ${found}, give a range of clues, or take a larger size`,
    },
  );
}
