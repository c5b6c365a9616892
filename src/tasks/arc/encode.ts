// ARC grids as tokens on a square canvas: 0 padding, 1 end marker, colour c is c + 2. End markers stand on the row just
// below the grid and on the column just right of it, as far as the canvas reaches; the corner stays 0.
// Source: np_grid_to_seq_translational_augment of the reference's dataset/build_arc_dataset.py (spec/trm.md section 11).

import { type Grid, type GridView, viewGrid } from "./grid.ts";

/** Padding, end marker, ten colours. */
export const ARC_VOCABULARY = 12;

/** Where the grid's first cell lies on the canvas. */
export interface GridOffset {
  readonly row: number;
  readonly column: number;
}

const END = 1;
const SAME_COLOURS = Uint8Array.from({ length: 10 }, (_, colour) => colour);

/** Fills all side² tokens of `out`. */
export function encodeGrid(grid: Grid, offset: GridOffset, side: number, out: Uint8Array | Int32Array) {
  encodeView(viewGrid(grid, 0), SAME_COLOURS, offset, side, out, 0);
}

/** The same for a turned grid with other colours, without making it first; `padding` is 0, or -100 in labels. */
export function encodeView(
  view: GridView,
  colours: Uint8Array,
  { row, column }: GridOffset,
  side: number,
  out: Uint8Array | Int32Array,
  padding: number,
) {
  const { rows, cols, cells, start, rowStep, columnStep } = view;
  out.fill(padding);
  let line = row * side + column;
  for (let i = 0; i < rows; i++, line += side) {
    let from = start + i * rowStep;
    for (let j = 0; j < cols; j++, from += columnStep) out[line + j] = colours[cells[from]] + 2;
    if (column + cols < side) out[line + cols] = END;
  }
  if (row + rows < side) out.fill(END, line, line + cols);
}
