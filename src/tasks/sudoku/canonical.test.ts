import { expect, test } from "vitest";
import { findData } from "../../base/data-folder.ts";
import { stream } from "../../base/random/threefry.ts";
import { applyAugmentation, augmentation } from "./augment.ts";
import { canonicalForm, canonicalKey, symmetryInvariant } from "./canonical.ts";
import { readSudokuFile } from "./dataset.ts";
import { generateSudoku, randomGrid } from "./generate.ts";
import { type Board, countGivens, formatBoard, geometryOf, type SudokuSize } from "./rules.ts";
import { countSolutions } from "./solve.ts";

/** The smallest of all images, digits numbered as they appear: slow and obvious. */
function smallestImage(board: Board, size: SudokuSize): string {
  const { bands, boxRows, stacks, boxCols } = geometryOf(size);
  const rowOrders = lineOrders(bands, boxRows);
  const columnOrders = lineOrders(stacks, boxCols);
  let smallest = "~";
  for (const transpose of boxRows === boxCols ? [false, true] : [false]) {
    for (const rows of rowOrders) {
      for (const columns of columnOrders) {
        const cells = rows.flatMap((row) =>
          columns.map((column) => board[transpose ? column * size + row : row * size + column]),
        );
        const image = relabelled(cells);
        if (image < smallest) smallest = image;
      }
    }
  }
  return smallest;
}

function relabelled(cells: number[]): string {
  const labels = new Map([[0, 0]]);
  return cells
    .map((digit) => {
      if (!labels.has(digit)) labels.set(digit, labels.size);
      return labels.get(digit);
    })
    .join("");
}

function orders(n: number): number[][] {
  if (n === 0) return [[]];
  return orders(n - 1).flatMap((rest) =>
    Array.from({ length: n }, (_, at) => [...rest.slice(0, at), n - 1, ...rest.slice(at)]),
  );
}

function lineOrders(groups: number, linesPerGroup: number): number[][] {
  const inner = orders(linesPerGroup);
  return orders(groups).flatMap((groupOrder) => {
    let found: number[][] = [[]];
    for (const group of groupOrder) {
      const choices = inner.map((order) => order.map((line) => group * linesPerGroup + line));
      found = found.flatMap((head) => choices.map((tail) => [...head, ...tail]));
    }
    return found;
  });
}

/** A board with some digits of a random grid, sometimes with arbitrary ones: no solution is needed here. */
function someBoard(size: SudokuSize, index: number): Board {
  const random = stream(1, "canonical-test", size, index);
  const density = 0.05 + 0.9 * random.uniform();
  const isArbitrary = random.uniform() < 0.3;
  return randomGrid(size, random).map((digit) => {
    if (random.uniform() >= density) return 0;
    return isArbitrary ? 1 + random.below(size) : digit;
  });
}

function expectSameClasses(boards: Board[], size: SudokuSize): void {
  const keyOf = new Map<string, string>();
  const imageOf = new Map<string, string>();
  for (const board of boards) {
    const key = canonicalKey(board);
    const image = smallestImage(board, size);
    expect(keyOf.get(image) ?? key).toBe(key);
    expect(imageOf.get(key) ?? image).toBe(image);
    keyOf.set(image, key);
    imageOf.set(key, image);
  }
  // Both kinds must occur, or the comparison shows nothing.
  expect(keyOf.size).toBeGreaterThan(boards.length / 10);
  expect(keyOf.size).toBeLessThan(boards.length);
}

test("4 × 4: forms are equal exactly when one board is an image of the other", () => {
  const boards = Array.from({ length: 500 }, (_, index) => someBoard(4, index));
  boards.push(new Uint8Array(16));
  expectSameClasses(boards, 4);
});

test("6 × 6: forms are equal exactly when one board is an image of the other", () => {
  const boards = Array.from({ length: 16 }, (_, index) => someBoard(6, index));
  const images = boards.map((board, index) => applyAugmentation(augmentation(6, 3, 0, index + 1), board));
  const changed = boards.slice(0, 8).map((board) => swapTwoCells(board));
  expectSameClasses([...boards, ...images, ...changed], 6);
});

function swapTwoCells(board: Board): Board {
  const changed = board.slice();
  changed[0] = board[1];
  changed[1] = board[0];
  return changed;
}

test("9 × 9: images share a form, and the form is itself an image", () => {
  const boards = Array.from({ length: 200 }, (_, index) => someBoard(9, index));
  const full = stream(2, "full");
  boards.push(randomGrid(9, full), new Uint8Array(81), mostSymmetricGrid());
  boards.push(mostSymmetricGrid().map((digit) => (digit === 1 ? 1 : 0)));
  boards.push(mostSymmetricGrid().map((digit) => (digit <= 4 ? digit : 0)));
  for (const [index, board] of boards.entries()) {
    const form = canonicalForm(board);
    const image = applyAugmentation(augmentation(9, 5, 0, index + 1), board);
    expect(formatBoard(canonicalForm(image))).toBe(formatBoard(form));
    expect(symmetryInvariant(image)).toBe(symmetryInvariant(board));
    expect(formatBoard(canonicalForm(form))).toBe(formatBoard(form));
    expect(countGivens(form)).toBe(countGivens(board));
    expect(symmetryInvariant(form)).toBe(symmetryInvariant(board));
  }
});

/** A grid with 648 automorphisms. */
function mostSymmetricGrid(): Board {
  return Uint8Array.from({ length: 81 }, (_, cell) => {
    const row = Math.floor(cell / 9);
    return (((row % 3) * 3 + Math.floor(row / 3) + (cell % 9)) % 9) + 1;
  });
}

test("9 × 9: a puzzle with one given moved is another puzzle, and transposed it is the same", () => {
  for (let index = 0; index < 40; index++) {
    const { question } = generateSudoku({ size: 9, clues: 30, seed: 1, index });
    const transposed = Uint8Array.from(
      question,
      (_, cell) => question[(cell % 9) * 9 + Math.floor(cell / 9)],
    );
    expect(canonicalKey(transposed)).toBe(canonicalKey(question));
    const moved = question.slice();
    const given = question.findIndex((digit) => digit !== 0);
    moved[given] = 0;
    moved[question.indexOf(0)] = question[given];
    if (countSolutions(moved) === 1) continue; // may, with luck, be an image
    expect(canonicalKey(moved)).not.toBe(canonicalKey(question));
  }
});

test("6 × 6: transposition is not a symmetry, because boxes would turn", () => {
  const board = new Uint8Array(36);
  board.set([1, 2, 3, 0, 0, 0, 4]); // the first box has four givens; transposed they lie in two boxes
  const transposed = Uint8Array.from(board, (_, cell) => board[(cell % 6) * 6 + Math.floor(cell / 6)]);
  expect(canonicalKey(transposed)).not.toBe(canonicalKey(board));
});

const testFile = findData("sudoku/sudoku-extreme-1k-test_hard.csv");

test.skipIf(!testFile)("Sudoku-Extreme 1k: no test puzzle is an image of another", () => {
  const held = readSudokuFile(testFile ?? "").map((puzzle) => puzzle.question);
  expect(new Set(held.map(canonicalKey)).size).toBe(15972);
});
