// ARC grids: rectangles of colours 0 … 9, read strictly, compared, hashed as the reference hashes them, and turned.
// Source: arc_grid_to_np and grid_hash of the reference's dataset/build_arc_dataset.py, dihedral_transform of
// dataset/common.py (spec/trm.md section 11).

import { ToolError } from "../../base/errors.ts";

export interface Grid {
  readonly rows: number;
  readonly cols: number;
  /** Row by row. */
  readonly cells: Uint8Array;
}

/** Rows and columns that a grid of the competition may have. */
export const MAX_SIDE = 30;

/** Inverse of each dihedral transformation. */
export const DIHEDRAL_INVERSE: readonly number[] = [0, 3, 2, 1, 4, 5, 6, 7];

/** `where` says which grid, for instance `task 1f0c79e5, train pair 2, output`. */
export function parseGrid(json: unknown, where: string, maxSide = MAX_SIDE): Grid {
  if (!Array.isArray(json) || json.length === 0)
    throw badGrid("a grid is a list of rows, at least one", where);
  const rows = json.length;
  const first: unknown = json[0];
  if (!Array.isArray(first)) throw badGrid(`not a list of cells but ${show(first)}`, `${where}, row 1`);
  const cols = first.length;
  if (cols === 0) throw badGrid("an empty row", `${where}, row 1`);
  if (rows > maxSide || cols > maxSide)
    throw badGrid(`a grid of ${rows} × ${cols}, larger than ${maxSide} × ${maxSide}`, where);
  const cells = new Uint8Array(rows * cols);
  json.forEach((row: unknown, r) => {
    const place = `${where}, row ${r + 1}`;
    if (!Array.isArray(row)) throw badGrid(`not a list of cells but ${show(row)}`, place);
    if (row.length !== cols) throw badGrid(`${row.length} cells, but ${cols} in the first row`, place);
    for (let c = 0; c < cols; c++) {
      const colour: unknown = row[c];
      if (typeof colour !== "number" || !Number.isInteger(colour) || colour < 0 || colour > 9)
        throw badGrid(
          `the colour ${show(colour)}, not a whole number from 0 to 9`,
          `${place}, cell ${c + 1}`,
        );
      cells[r * cols + c] = colour;
    }
  });
  return { rows, cols, cells };
}

/** Rows of numbers, as in the files. */
export function gridToJson({ rows, cols, cells }: Grid): number[][] {
  return Array.from({ length: rows }, (_, row) => Array.from(cells.subarray(row * cols, (row + 1) * cols)));
}

export function gridsEqual(a: Grid, b: Grid): boolean {
  return a.rows === b.rows && a.cols === b.cols && a.cells.every((colour, cell) => colour === b.cells[cell]);
}

/** Where a turned grid finds its cells in the original: cell (i, j) is `cells[start + i · rowStep + j · columnStep]`. */
export interface GridView {
  readonly rows: number;
  readonly cols: number;
  readonly cells: Uint8Array;
  readonly start: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/**
 * A dihedral image without copying. 0 identity, 1/2/3 a quarter turn counter-clockwise ×1/2/3, 4 left-right,
 * 5 up-down, 6 transposed, 7 transposed along the other diagonal.
 */
export function viewGrid({ rows, cols, cells }: Grid, transform: number): GridView {
  // One object literal for all: this is called for every row that is served, and spreading cost 10 µs a call.
  const isTurned = exchangesSides(transform);
  const rowsBackward = FROM_LAST_ROW[transform];
  const columnsBackward = FROM_LAST_COLUMN[transform];
  const alongColumn = rowsBackward ? -cols : cols;
  const alongRow = columnsBackward ? -1 : 1;
  return {
    rows: isTurned ? cols : rows,
    cols: isTurned ? rows : cols,
    cells,
    start: (rowsBackward ? (rows - 1) * cols : 0) + (columnsBackward ? cols - 1 : 0),
    rowStep: isTurned ? alongRow : alongColumn,
    columnStep: isTurned ? alongColumn : alongRow,
  };
}

/** Whether an image begins in the original's last row, and in its last column; by transformation. */
const FROM_LAST_ROW: readonly boolean[] = [false, false, true, true, false, true, false, true];
const FROM_LAST_COLUMN: readonly boolean[] = [false, true, true, false, true, false, false, true];

/** Whether the transformation exchanges rows and columns. */
export function exchangesSides(transform: number): boolean {
  return transform === 1 || transform === 3 || transform >= 6;
}

export function dihedral(grid: Grid, transform: number): Grid {
  return copyView(viewGrid(grid, transform), IDENTITY_COLOURS);
}

const IDENTITY_COLOURS = Uint8Array.from({ length: 10 }, (_, colour) => colour);

/** The grid that a view shows, its colours replaced. */
export function copyView(view: GridView, colours: Uint8Array): Grid {
  const { rows, cols, cells, start, rowStep, columnStep } = view;
  const copied = new Uint8Array(rows * cols);
  let cell = 0;
  for (let i = 0; i < rows; i++) {
    let from = start + i * rowStep;
    for (let j = 0; j < cols; j++, from += columnStep) copied[cell++] = colours[cells[from]];
  }
  return { rows, cols, cells: copied };
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function badGrid(problem: string, where: string): ToolError {
  return new ToolError(`not an ARC grid: ${problem}`, {
    code: "arc/bad-grid",
    where,
    hint: "a grid is a list of rows of equal length with whole numbers from 0 to 9",
  });
}
