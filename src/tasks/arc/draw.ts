// ARC grids as lines of text for a terminal: blocks in ARC's usual colours, or digits. Whether there are colours is the
// caller's to say (src/cli/render/colors.ts); this file knows nothing of terminals.

import type { Grid } from "./grid.ts";
import type { ArcTest } from "./read.ts";

export interface DrawGridOptions {
  /** Coloured blocks instead of digits. */
  readonly colors?: boolean;
  /** 24-bit colours, for terminals that say so (COLORTERM=truecolor); default: the nearest of 256. */
  readonly trueColor?: boolean;
  /** Cells to be marked, for instance where an answer is wrong. */
  readonly isMarked?: (cell: number) => boolean;
  /** Plain characters only. */
  readonly ascii?: boolean;
}

/**
 * Every cell is two characters wide, which makes it about square.
 * @example
 * console.log(drawGrid(task.train[0].input, { colors: true }).join("\n"));
 */
export function drawGrid(grid: Grid, options: DrawGridOptions = {}): string[] {
  const { rows, cols, cells } = grid;
  return Array.from({ length: rows }, (_, row) => {
    const line = Array.from(cells.subarray(row * cols, (row + 1) * cols), (colour, column) =>
      drawCell(colour, options.isMarked?.(row * cols + column) === true, options),
    );
    return line.join("");
  });
}

/** Input → output; a question mark where there is no output. */
export function drawPair({ input, output }: ArcTest, options: DrawGridOptions = {}): string[] {
  const { isMarked, ...unmarked } = options;
  const left = drawGrid(input, unmarked);
  const right = output ? drawGrid(output, options) : ["?"];
  const height = Math.max(left.length, right.length);
  const middle = Math.floor((Math.min(left.length, right.length) - 1) / 2);
  const arrow = options.ascii ? "  ->  " : "  →   ";
  const blank = " ".repeat(2 * input.cols);
  return Array.from({ length: height }, (_, row) =>
    [left[row] ?? blank, row === Math.max(0, middle) ? arrow : " ".repeat(6), right[row] ?? ""]
      .join("")
      .trimEnd(),
  );
}

/** `isMarked` for an answer: where it is not what it should be. Of another size, every cell is wrong. */
export function differsFrom(expected: Grid, answer: Grid): (cell: number) => boolean {
  const isOtherSize = expected.rows !== answer.rows || expected.cols !== answer.cols;
  return (cell) => isOtherSize || expected.cells[cell] !== answer.cells[cell];
}

function drawCell(colour: number, isMarked: boolean, { colors, trueColor }: DrawGridOptions): string {
  if (!colors) return `${colour}${isMarked ? "!" : " "}`;
  const [red, green, blue, nearest] = PALETTE[colour];
  const background = trueColor ? `48;2;${red};${green};${blue}` : `48;5;${nearest}`;
  const text = isMarked ? "><" : "  ";
  const foreground = red + green + blue > 380 ? "30" : "97";
  return `\u001b[${foreground};${background}m${text}\u001b[0m`;
}

/** The colours of ARC's own viewer, and the nearest of a terminal's 256. */
const PALETTE: readonly (readonly [red: number, green: number, blue: number, nearest: number])[] = [
  [0, 0, 0, 16],
  [0, 116, 217, 32],
  [255, 65, 54, 203],
  [46, 204, 64, 41],
  [255, 220, 0, 220],
  [170, 170, 170, 248],
  [240, 18, 190, 199],
  [255, 133, 27, 208],
  [127, 219, 255, 117],
  [135, 12, 37, 88],
];
