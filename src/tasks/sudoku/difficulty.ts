// How hard a Sudoku is, in two measures that are equal for all symmetric images of a puzzle: guesses that a search
// needs, and, for puzzles that need none, the rounds of singles until the board is full. Neither is the `rating` of
// the data sets, which counts the guesses of another solver (tdoku).

import { canonicalForm } from "./canonical.ts";
import { type Board, geometryOf, sizeOf } from "./rules.ts";
import { searchBoard } from "./solve.ts";

/** Beyond every proper puzzle; contradictory boards could be searched for minutes. */
const MOST_GUESSES = 100_000;

/**
 * Digits that solve.ts tries to find the solution and to prove that there is no other: depth first at the cell with the
 * fewest candidates, after every try all naked and hidden singles. 0 means that singles fill the board. Everything is
 * tried, so the order of the digits does not matter; the order of the cells does, so the canonical form is searched.
 */
export function countGuesses(board: Board): number {
  return searchBoard(canonicalForm(board), { limit: 2, maxGuesses: MOST_GUESSES }).guesses;
}

/**
 * Rounds in which all cells that the board at the start of the round decides are filled at once: cells for which one
 * digit is left (naked singles) and cells that alone in a unit can hold a digit (hidden singles). That is the length of
 * the longest chain of such conclusions. Undefined when singles do not fill the board.
 */
export function countRounds(board: Board): number | undefined {
  const filled = board.slice();
  for (let rounds = 0; ; rounds++) {
    if (!filled.includes(0)) return rounds;
    const found = findSingles(filled);
    if (!found || found.size === 0) return undefined;
    for (const [cell, digit] of found) filled[cell] = digit;
  }
}

/** Digits by cell; undefined when two conclusions contradict each other. */
function findSingles(board: Board): Map<number, number> | undefined {
  const { units } = geometryOf(sizeOf(board));
  const open = candidatesOf(board);
  const found = new Map<number, number>();
  const isOne = (mask: number) => (mask & (mask - 1)) === 0;
  const note = (cell: number, mask: number) => {
    const digit = 32 - Math.clz32(mask);
    const agrees = isOne(mask) && (found.get(cell) ?? digit) === digit;
    found.set(cell, digit);
    return agrees;
  };
  for (const [cell, mask] of open.entries()) {
    if (board[cell] > 0) continue;
    if (mask === 0) return undefined;
    if (isOne(mask)) note(cell, mask);
  }
  for (const unit of units) {
    let [once, twice] = [0, 0];
    for (const cell of unit) {
      twice |= once & open[cell];
      once |= open[cell];
    }
    const hidden = once & ~twice;
    for (const cell of unit) if (open[cell] & hidden && !note(cell, open[cell] & hidden)) return undefined;
  }
  return found;
}

/** A bit for each digit that an empty cell may hold; 0 for full cells. */
function candidatesOf(board: Board): Uint16Array {
  const { size, peers } = geometryOf(sizeOf(board));
  return Uint16Array.from(board, (digit, cell) => {
    if (digit > 0) return 0;
    let taken = 0;
    for (const peer of peers[cell]) if (board[peer] > 0) taken |= 1 << (board[peer] - 1);
    return (2 ** size - 1) & ~taken;
  });
}
