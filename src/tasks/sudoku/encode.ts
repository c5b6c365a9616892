// Boards as the tokens that models read and predict: 0 is padding and never occurs, 1 an empty cell, digit d
// is d + 1. Questions and answers alike, so all cells are supervised, givens too (spec/trm.md section 10).

import { invariant } from "../../base/errors.ts";
import { type Board, geometryOf, type SudokuSize } from "./rules.ts";

/** Padding, empty and the digits: 11 for 9 × 9. */
export function vocabularySize(size: SudokuSize): number {
  return size + 2;
}

export function sequenceLength(size: SudokuSize): number {
  return geometryOf(size).cells;
}

/** Tokens of a board, written to `out` from `offset` on when given. */
export function encodeBoard(
  board: Board,
  out: Int32Array = new Int32Array(board.length),
  offset = 0,
): Int32Array {
  for (let cell = 0; cell < board.length; cell++) out[offset + cell] = board[cell] + 1;
  return out;
}

/** The board of tokens that are known to be valid, such as a data set's. */
export function decodeBoard(tokens: ArrayLike<number>): Board {
  return Uint8Array.from(tokens, (token) => {
    invariant(token >= 1 && token <= 10, `Sudoku token ${token}`);
    return token - 1;
  });
}

/** The board of a model's most likely tokens: padding or empty, which a model may predict, become empty cells. */
export function decodePrediction(tokens: ArrayLike<number>): Board {
  return Uint8Array.from(tokens, (token) => Math.max(0, token - 1));
}
