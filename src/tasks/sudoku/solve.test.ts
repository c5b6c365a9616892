import fc from "fast-check";
import { expect, test } from "vitest";
import { findData } from "../../base/data-folder.ts";
import { stream } from "../../base/random/threefry.ts";
import { readSudokuFile } from "./dataset.ts";
import { randomGrid } from "./generate.ts";
import { type Board, formatBoard, geometryOf, isSolved, parseBoard } from "./rules.ts";
import { countSolutions, judgeSolutions, rate, searchBoard, solve } from "./solve.ts";

const EASY = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79";
const EASY_ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179";

/** Trial of every digit in every cell in order: slow and obvious. */
function countPlainly(board: Board, limit: number): number {
  const { size, peers } = geometryOf(board.length === 16 ? 4 : 6);
  const cell = board.indexOf(0);
  if (cell < 0) return isSolved(board) ? 1 : 0;
  let count = 0;
  for (let digit = 1; digit <= size && count < limit; digit++) {
    if (peers[cell].some((peer) => board[peer] === digit)) continue;
    const next = board.slice();
    next[cell] = digit;
    count += countPlainly(next, limit - count);
  }
  return count;
}

test("there are 288 grids of 4 × 4, as is known", () => {
  expect(countSolutions(new Uint8Array(16), 1000)).toBe(288);
});

test("a known puzzle: its solution, and that it needs no guess", () => {
  expect(formatBoard(solve(parseBoard(EASY)) ?? new Uint8Array(81))).toBe(EASY_ANSWER);
  expect(countSolutions(parseBoard(EASY))).toBe(1);
  expect(rate(parseBoard(EASY))).toBe(0);
});

test("a puzzle that propagation does not solve rates above 0, the same every time", () => {
  const hard = parseBoard(
    "85...24..72......9..4.........1.7..23.5...9...4...........8..7..17..........36.4.",
  );
  expect(rate(hard)).toBeGreaterThan(4);
  expect(rate(hard)).toBe(rate(hard));
  expect(countSolutions(hard)).toBe(1);
});

test("counts equal those of plain trial, contradictory boards included", () => {
  const board = fc.oneof(
    fc.array(fc.integer({ min: -9, max: 4 }), { minLength: 16, maxLength: 16 }),
    fc.array(fc.integer({ min: -9, max: 6 }), { minLength: 36, maxLength: 36 }),
  );
  fc.assert(
    fc.property(board, (digits) => {
      const cells = Uint8Array.from(digits, (digit) => Math.max(0, digit));
      expect(countSolutions(cells, 40)).toBe(countPlainly(cells, 40));
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("counts equal those of plain trial on boards that have solutions", () => {
  for (let index = 0; index < 150; index++) {
    const random = stream(1, "partial", index);
    const grid = randomGrid(index % 2 === 0 ? 4 : 6, random);
    const kept = grid.map((digit) => (random.uniform() < 0.4 ? digit : 0));
    const expected = countPlainly(kept, 60);
    expect(expected).toBeGreaterThan(0);
    expect(countSolutions(kept, 60)).toBe(expected);
  }
});

test("a forbidden digit excludes exactly the solutions that have it", () => {
  const empty = new Uint8Array(16);
  const withOne = new Uint8Array(16);
  withOne[5] = 3;
  const without = searchBoard(empty, { limit: 1000, forbid: { cell: 5, digit: 3 } }).solutions;
  expect(without + countSolutions(withOne, 1000)).toBe(288);
});

test("contradictions have no solution", () => {
  expect(solve(parseBoard("11.............."))).toBeUndefined();
  expect(countSolutions(parseBoard("123.......4....."))).toBe(
    countPlainly(parseBoard("123.......4....."), 2),
  );
  expect(rate(parseBoard("11.............."))).toBe(0);
});

const trainFile = findData("sudoku/sudoku-extreme-1k-train.csv");

test.skipIf(!trainFile)("every puzzle of Sudoku-Extreme 1k has exactly one solution, its answer", () => {
  const puzzles = readSudokuFile(trainFile ?? "");
  expect(puzzles.length).toBe(1000);
  const wrong: string[] = [];
  let guessesOnEasy = 0;
  let guesses = 0;
  for (const { question, answer, rating } of puzzles) {
    const result = searchBoard(question, { limit: 2 });
    const found = formatBoard(result.first ?? question);
    if (result.solutions !== 1 || found !== formatBoard(answer)) wrong.push(formatBoard(question));
    const own = rate(question);
    guesses += own / 1000;
    if (rating === 0) guessesOnEasy += own / 154; // 154 rows are rated 0 by the data set
  }
  expect(wrong).toEqual([]);
  // Another solver than the data set's, but what it solves by propagation must be easy here too.
  expect(guessesOnEasy).toBeLessThan(guesses / 10);
});

test("a search that takes too long is given up", () => {
  // Norvig's impossible puzzle: no solution, and minutes to prove it by search.
  const impossible = parseBoard(
    ".....5.8....6.1.43..........1.5........1.6...3.......553.....61........4.........",
  );
  expect(judgeSolutions(impossible)).toBe("unknown");
  expect(judgeSolutions(parseBoard("1...".padEnd(16, ".")))).toBe("several");
  const proper = parseBoard("..541.3......5...6.3.145..3.64.62..1");
  expect(judgeSolutions(proper)).toBe(1);
  expect(searchBoard(proper, { limit: 2 }).gaveUp).toBe(false);
  expect(searchBoard(impossible, { limit: 2, maxGuesses: 10 })).toMatchObject({ guesses: 10, gaveUp: true });
});
