import fc from "fast-check";
import { expect, test } from "vitest";
import { makeRandomState } from "../../base/random/mt19937.ts";
import { applyAugmentation, augmentation, drawAugmentation, undoAugmentation } from "./augment.ts";
import { generateSudoku } from "./generate.ts";
import { type Board, formatBoard, geometryOf, isSolved, type SudokuSize } from "./rules.ts";

const anySize = fc.constantFrom<SudokuSize>(4, 6, 9);
const anyIndex = fc.integer({ min: 1, max: 2 ** 31 - 1 });

test("driven by NumPy's RandomState(42), the boards are the reference's", () => {
  // Recorded from shuffle_sudoku after numpy.random.seed(42); the board is not a solution, so that every cell shows.
  const random = makeRandomState(42);
  const board = Uint8Array.from({ length: 81 }, (_, cell) => cell % 10);
  const drawn = Array.from({ length: 4 }, () =>
    applyAugmentation(drawAugmentation(9, random), board).join(""),
  );
  expect(drawn).toEqual([
    "961457208126534870682395047047621593870169435208913754435802961593078126319740682",
    "586742190654327908462173085371890642139508427723019564098456731805264319910685273",
    "158720463865092734981407356536219047374158902643981270092643518407865129720536891",
    "468751209984567032249685310731209685517032846675310498092846173320498751103924567",
  ]);
});

test("index 0 is the puzzle itself; the others are a function of their numbers", () => {
  const { question } = generateSudoku({ size: 9, clues: 30, seed: 1, index: 0 });
  expect(applyAugmentation(augmentation(9, 7, 3, 0), question)).toEqual(question);
  expect(augmentation(9, 7, 3, 5)).toEqual(augmentation(9, 7, 3, 5));
  const boards = [
    augmentation(9, 7, 3, 5),
    augmentation(9, 8, 3, 5),
    augmentation(9, 7, 4, 5),
    augmentation(9, 7, 3, 6),
  ];
  const images = boards.map((each) => formatBoard(applyAugmentation(each, question)));
  expect(new Set([...images, formatBoard(question)]).size).toBe(5);
});

test("an augmented puzzle stays a puzzle with its answer, and can be taken back", () => {
  fc.assert(
    fc.property(anySize, fc.nat(20), anyIndex, (size, puzzleIndex, index) => {
      const clues = { 4: 6, 6: 14, 9: 32 }[size];
      const { question, answer } = generateSudoku({ size, clues, seed: 1, index: puzzleIndex });
      const drawn = augmentation(size, 1, puzzleIndex, index);
      const newQuestion = applyAugmentation(drawn, question);
      const newAnswer = applyAugmentation(drawn, answer);
      expect(isSolved(newAnswer)).toBe(true);
      expect(newQuestion.every((digit, cell) => digit === 0 || digit === newAnswer[cell])).toBe(true);
      expect(undoAugmentation(drawn, newQuestion)).toEqual(question);
      expect(undoAugmentation(drawn, newAnswer)).toEqual(answer);
    }),
    { seed: 1 },
  );
});

test("all kinds of symmetry occur, transposition only with square boxes", () => {
  const count = (size: SudokuSize, what: (drawn: ReturnType<typeof augmentation>) => string) =>
    new Set(Array.from({ length: 2000 }, (_, i) => what(augmentation(size, 1, 0, i + 1)))).size;
  expect(count(4, ({ transpose }) => String(transpose))).toBe(2);
  expect(count(6, ({ transpose }) => String(transpose))).toBe(1);
  expect(count(9, ({ transpose }) => String(transpose))).toBe(2);
  expect(count(4, ({ rows }) => rows.join())).toBe(8);
  expect(count(6, ({ rows }) => rows.join())).toBe(48);
  expect(count(6, ({ columns }) => columns.join())).toBe(72);
  expect(count(4, ({ digits }) => digits.join())).toBe(24);
});

test("without square boxes no number is drawn for a transposition", () => {
  let draws = 0;
  const rand = () => {
    draws++;
    return 0;
  };
  const permutation = (n: number) => Array.from({ length: n }, (_, i) => i);
  const identity: Board = Uint8Array.from({ length: geometryOf(6).cells }, (_, cell) => cell % 7);
  expect(applyAugmentation(drawAugmentation(6, { permutation, rand }), identity)).toEqual(identity);
  expect(draws).toBe(0);
  expect(drawAugmentation(9, { permutation, rand }).transpose).toBe(true);
  expect(draws).toBe(1);
});
