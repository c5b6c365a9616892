// The grid that an answer means: the largest rectangle of colours in the upper left corner of the canvas (spec/trm.md
// section 12, evaluators/arc.py of the reference). Where no model put an end marker, that is a guess like any other.

import type { Grid } from "./grid.ts";

const COLOR_TOKENS_START = 2; // 0 is padding, 1 the end marker
const COLOR_TOKENS_END = 12;

/** @param tokens of a square canvas. The result may be 0×0; of equally large rectangles the one with fewer rows wins. */
export function cropGrid(tokens: ArrayLike<number>, side: number): Grid {
  let best = { rows: 0, cols: 0 };
  let width = side;
  for (let rows = 1; rows <= side && width > 0; rows++) {
    width = Math.min(width, colorsFrom(tokens, (rows - 1) * side, width));
    if (rows * width > best.rows * best.cols) best = { rows, cols: width };
  }
  return { ...best, cells: copyCells(tokens, side, best.rows, best.cols) };
}

/** How many tokens from `start` on are colours, at most `most`. */
function colorsFrom(tokens: ArrayLike<number>, start: number, most: number): number {
  let length = 0;
  while (length < most && isColor(tokens[start + length])) length++;
  return length;
}

function isColor(token: number): boolean {
  return token >= COLOR_TOKENS_START && token < COLOR_TOKENS_END;
}

function copyCells(tokens: ArrayLike<number>, side: number, rows: number, cols: number): Uint8Array {
  const cells = new Uint8Array(rows * cols);
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < cols; col++)
      cells[row * cols + col] = tokens[row * side + col] - COLOR_TOKENS_START;
  return cells;
}
