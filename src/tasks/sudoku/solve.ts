// An exact solver: candidate bit masks, propagation by naked and hidden singles, depth-first search at the
// cell with the fewest candidates. Deterministic, and fast enough to count solutions while puzzles are made.
// It judges what the models answer; they themselves never see it.

import { type Board, geometryOf, type SudokuSize, sizeOf } from "./rules.ts";

/** What to look for besides the givens. */
export interface SearchOptions {
  /** Stop after this many solutions. */
  limit: number;
  /** A cell and a digit that it must not hold. */
  forbid?: { cell: number; digit: number };
  /** Order in which digits are tried and which of several equally good cells is taken: `below(n)` of a stream. */
  below?: (n: number) => number;
  /** Give up after this many guesses; contradictory puzzles can take minutes. */
  maxGuesses?: number;
}

export interface SearchResult {
  /** Solutions found, at most the limit. */
  solutions: number;
  /** Digits tried at cells with more than one candidate. */
  guesses: number;
  first: Board | undefined;
  /** Given up: there may be more solutions than found. */
  gaveUp: boolean;
}

/** The solution, or undefined when there is none. With several, the first in the solver's order. */
export function solve(board: Board): Board | undefined {
  return searchBoard(board, { limit: 1 }).first;
}

/** The number of solutions, counted up to `limit`. */
export function countSolutions(board: Board, limit = 2): number {
  return searchBoard(board, { limit }).solutions;
}

/** What a search of about a second can say of a puzzle's solutions. */
export function judgeSolutions(board: Board): 0 | 1 | "several" | "unknown" {
  const { solutions, gaveUp } = searchBoard(board, { limit: 2, maxGuesses: 300_000 });
  if (solutions === 2) return "several";
  if (gaveUp) return "unknown";
  return solutions === 1 ? 1 : 0;
}

/**
 * Difficulty: digits tried on the way to the first solution where naked and hidden singles gave nothing more.
 * 0 means solved by propagation alone. Same idea as the data set's rating (tdoku's guesses), another solver,
 * so not the same number.
 */
export function rate(board: Board): number {
  return searchBoard(board, { limit: 1 }).guesses;
}

export function searchBoard(board: Board, options: SearchOptions): SearchResult {
  const search = searchFor(sizeOf(board));
  return search(board, options);
}

type Search = (board: Board, options: SearchOptions) => SearchResult;

/** The scratch memory of a size is made once; a search is synchronous and leaves nothing behind in it. */
const searches = new Map<SudokuSize, Search>();

function searchFor(size: SudokuSize): Search {
  const known = searches.get(size);
  if (known !== undefined) return known;
  const made = makeSearch(size);
  searches.set(size, made);
  return made;
}

function makeSearch(size: SudokuSize): Search {
  const { cells } = geometryOf(size);
  const full = 2 ** size - 1;
  const propagator = makePropagator(size);
  // One set of candidate masks per depth; a guess settles at least one cell, so `cells` depths suffice.
  const levels = Array.from({ length: cells + 1 }, () => new Uint16Array(cells));

  function start(board: Board, forbid: SearchOptions["forbid"]): boolean {
    const candidates = levels[0].fill(full);
    if (forbid !== undefined) candidates[forbid.cell] &= ~(1 << (forbid.digit - 1));
    for (let cell = 0; cell < cells; cell++) {
      if (board[cell] === 0) continue;
      candidates[cell] &= 1 << (board[cell] - 1);
      if (candidates[cell] === 0) return false;
    }
    return propagator.all(candidates);
  }

  return (board, options) => {
    const result: SearchResult = { solutions: 0, guesses: 0, first: undefined, gaveUp: false };
    const maxGuesses = options.maxGuesses ?? Number.POSITIVE_INFINITY;

    function descend(depth: number): void {
      const candidates = levels[depth];
      const cell = pickCell(candidates, options.below);
      if (cell < 0) {
        result.solutions++;
        result.first ??= Uint8Array.from(candidates, (mask) => 32 - Math.clz32(mask));
        return;
      }
      const next = levels[depth + 1];
      for (const bit of bitsInOrder(candidates[cell], options.below)) {
        if (result.guesses >= maxGuesses) result.gaveUp = true;
        if (result.gaveUp) return;
        result.guesses++;
        next.set(candidates);
        next[cell] = bit;
        if (propagator.from(next, cell)) descend(depth + 1);
        if (result.solutions >= options.limit) return;
      }
    }

    if (options.limit > 0 && start(board, options.forbid)) descend(0);
    return result;
  };
}

/** Propagation to the fixpoint of naked and hidden singles; false when a cell or a unit has no place left. */
function makePropagator(size: SudokuSize) {
  const { cells, units, peers } = geometryOf(size);
  const full = 2 ** size - 1;
  const queue = new Uint8Array(cells);
  const peerCount = peers[0].length;
  const peerTable = Uint8Array.from(peers.flatMap((list) => Array.from(list)));
  const unitTable = Uint8Array.from(units.flatMap((list) => Array.from(list)));
  let queued = 0;

  /** Removes the digits of queued cells from their peers until nothing is queued. */
  function nakedSingles(candidates: Uint16Array): boolean {
    for (let taken = 0; taken < queued; taken++) {
      const cell = queue[taken];
      const bit = candidates[cell];
      const end = (cell + 1) * peerCount;
      for (let at = cell * peerCount; at < end; at++) {
        const peer = peerTable[at];
        const mask = candidates[peer];
        if ((mask & bit) === 0) continue;
        const left = mask & ~bit;
        if (left === 0) return false;
        candidates[peer] = left;
        if ((left & (left - 1)) === 0) queue[queued++] = peer;
      }
    }
    queued = 0;
    return true;
  }

  /** Settles the cell that alone in its unit can hold a digit: 1 settled some, 0 none, −1 contradiction. */
  function hiddenSingles(candidates: Uint16Array, start: number): number {
    let once = 0;
    let twice = 0;
    let settled = 0;
    for (let at = start; at < start + size; at++) {
      const mask = candidates[unitTable[at]];
      twice |= once & mask;
      once |= mask;
      if ((mask & (mask - 1)) === 0) settled |= mask;
    }
    if (once !== full) return -1;
    const hidden = once & ~twice & ~settled;
    if (hidden === 0) return 0;
    for (let at = start; at < start + size; at++) {
      const cell = unitTable[at];
      const bit = candidates[cell] & hidden;
      if (bit === 0) continue;
      if ((bit & (bit - 1)) !== 0) return -1; // two digits that fit nowhere but in this one cell
      candidates[cell] = bit;
      queue[queued++] = cell;
    }
    return nakedSingles(candidates) ? 1 : -1;
  }

  function run(candidates: Uint16Array): boolean {
    if (!nakedSingles(candidates)) return false;
    for (let settled = true; settled; ) {
      settled = false;
      for (let start = 0; start < unitTable.length; start += size) {
        const outcome = hiddenSingles(candidates, start);
        if (outcome < 0) return false;
        if (outcome > 0) settled = true;
      }
    }
    return true;
  }

  return {
    /** From every settled cell. */
    all(candidates: Uint16Array): boolean {
      queued = 0;
      for (let cell = 0; cell < cells; cell++) {
        if ((candidates[cell] & (candidates[cell] - 1)) === 0) queue[queued++] = cell;
      }
      return run(candidates);
    },
    /** From one cell that was just settled. */
    from(candidates: Uint16Array, cell: number): boolean {
      queue[0] = cell;
      queued = 1;
      return run(candidates);
    },
  };
}

/** The unsettled cell with the fewest candidates, −1 when all are settled; ties go to the first, or by lot. */
function pickCell(candidates: Uint16Array, below: SearchOptions["below"]): number {
  let best = -1;
  let fewest = 99;
  let ties = 0;
  for (let cell = 0; cell < candidates.length; cell++) {
    const mask = candidates[cell];
    if ((mask & (mask - 1)) === 0) continue;
    const count = bitCount(mask);
    if (count < fewest) {
      best = cell;
      fewest = count;
      ties = 1;
      if (count === 2 && below === undefined) return cell;
    } else if (below !== undefined && count === fewest) {
      ties++;
      if (below(ties) === 0) best = cell;
    }
  }
  return best;
}

function bitsInOrder(mask: number, below: SearchOptions["below"]): number[] {
  const bits: number[] = [];
  for (let left = mask; left !== 0; left &= left - 1) bits.push(left & -left);
  if (below === undefined) return bits;
  for (let i = bits.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [bits[i], bits[j]] = [bits[j], bits[i]];
  }
  return bits;
}

function bitCount(mask: number): number {
  let count = 0;
  for (let left = mask; left !== 0; left &= left - 1) count++;
  return count;
}
