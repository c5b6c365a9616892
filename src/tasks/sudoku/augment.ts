// The symmetries of Sudoku as training augmentation: relabelled digits, transposition, reordered bands, rows,
// stacks and columns. Question and answer take the same one. Source: shuffle_sudoku of the reference's
// dataset/build_sudoku_dataset.py, in its order of draws (spec/trm.md section 11).
// Differs from the reference: drawn from named streams when needed, instead of once from an unseeded generator.

import { stream } from "../../base/random/threefry.ts";
import { type Board, geometryOf, type SudokuSize } from "./rules.ts";

export interface Augmentation {
  size: SudokuSize;
  /** New digit of every digit; empty stays empty. */
  digits: Uint8Array;
  transpose: boolean;
  /** Row and column of the (possibly transposed) old board that each new row and column shows. */
  rows: Uint8Array;
  columns: Uint8Array;
}

/** What a random source must offer; NumPy's RandomState does. */
export interface AugmentationRandom {
  permutation(n: number): ArrayLike<number>;
  /** Uniform in [0, 1). */
  rand(): number;
}

/**
 * The augmentation number `index` of a puzzle; 0 is the puzzle itself. A pure function, so a data set of a
 * thousand augmentations a puzzle needs no memory and a resumed run sees the same boards.
 */
export function augmentation(size: SudokuSize, seed: number, group: number, index: number): Augmentation {
  if (index === 0) return identityAugmentation(size);
  const random = stream(seed, "sudoku-augmentation", group, index);
  return drawAugmentation(size, { permutation: random.permutation, rand: random.uniform });
}

/**
 * One random augmentation. Draws in the reference's order: digits, transposition, bands, the rows of each
 * band, stacks, the columns of each stack. Not transposed where boxes are not square: the transposed board
 * would have other boxes, so there is also no draw for it.
 */
export function drawAugmentation(size: SudokuSize, random: AugmentationRandom): Augmentation {
  const { bands, boxRows, stacks, boxCols } = geometryOf(size);
  const digits = Uint8Array.of(0, ...Array.from(random.permutation(size), (digit) => digit + 1));
  const transpose = boxRows === boxCols && random.rand() < 0.5;
  const rows = drawLines(bands, boxRows, random);
  const columns = drawLines(stacks, boxCols, random);
  return { size, digits, transpose, rows, columns };
}

export function identityAugmentation(size: SudokuSize): Augmentation {
  const lines = Uint8Array.from({ length: size }, (_, line) => line);
  const digits = Uint8Array.from({ length: size + 1 }, (_, digit) => digit);
  return { size, digits, transpose: false, rows: lines, columns: lines };
}

/** The augmented board, written to `out` when given (not the board itself). */
export function applyAugmentation(
  { size, digits, transpose, rows, columns }: Augmentation,
  board: Board,
  out: Board = new Uint8Array(board.length),
): Board {
  const rowStep = transpose ? 1 : size;
  const columnStep = transpose ? size : 1;
  let cell = 0;
  for (let i = 0; i < size; i++) {
    const start = rows[i] * rowStep;
    for (let j = 0; j < size; j++) out[cell++] = digits[board[start + columns[j] * columnStep]];
  }
  return out;
}

/** Takes the original back from an augmented board, such as a model's answer to it. */
export function undoAugmentation(
  { size, digits, transpose, rows, columns }: Augmentation,
  board: Board,
  out: Board = new Uint8Array(board.length),
): Board {
  const original = new Uint8Array(size + 1);
  for (let digit = 0; digit <= size; digit++) original[digits[digit]] = digit;
  const rowStep = transpose ? 1 : size;
  const columnStep = transpose ? size : 1;
  let cell = 0;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) out[rows[i] * rowStep + columns[j] * columnStep] = original[board[cell++]];
  }
  return out;
}

/** Groups of lines in random order, the lines in each in random order. */
function drawLines(groups: number, linesPerGroup: number, random: AugmentationRandom): Uint8Array {
  const order: number[] = [];
  for (const group of Array.from(random.permutation(groups))) {
    for (const line of Array.from(random.permutation(linesPerGroup)))
      order.push(group * linesPerGroup + line);
  }
  return Uint8Array.from(order);
}
