// Colours for the rows, columns and digits of a board that depend on nothing a symmetry can change, refined
// until no two that differ look alike: the step that canonical.ts repeats. Bands, stacks and boxes are told
// apart by the lines in them. Colours are hashes; a collision merges classes and is harmless.

import type { SudokuGeometry } from "./rules.ts";

/** The givens of a board in one orientation. */
export interface Givens {
  count: number;
  rows: Uint8Array;
  columns: Uint8Array;
  digits: Uint8Array;
  /** Lines without a given, by line: rows, then columns. */
  isEmpty: boolean[];
}

export interface Colouring {
  givens: Givens;
  /** Colours of the rows, the columns, then the digits. */
  colours: Int32Array;
  /** Distinct colours of rows plus those of columns. */
  lineClasses: number;
  /** Distinct colours in all, and a hash of them: equal for images of each other. */
  classes: number;
  trace: number;
}

/** Colours refined until no class splits any more. */
export function refined(givens: Givens, start: Int32Array, geometry: SudokuGeometry): Colouring {
  const { size } = geometry;
  const boxes = new Int32Array(size);
  let colours = start;
  let classes = 0;
  for (let round = 0; ; round++) {
    colours = refineOnce(givens, colours, boxes, geometry);
    const rowClasses = distinct(colours, 0, size);
    const columnClasses = distinct(colours, size, 2 * size);
    const now = rowClasses + columnClasses + distinct(colours, 2 * size, 3 * size);
    // The colours of boxes reach the lines one round later, so the first round without a split does not count.
    const isStable = round > 1 && now <= classes;
    classes = now;
    if (!isStable && now < 3 * size) continue;
    return {
      givens,
      colours,
      lineClasses: rowClasses + columnClasses,
      classes,
      trace: traceOf(colours, size),
    };
  }
}

/** One round: every given tells its row, column, digit and box what the other three look like. */
function refineOnce(
  { count, rows, columns, digits }: Givens,
  colours: Int32Array,
  boxes: Int32Array,
  { size, boxRows, boxCols, stacks }: SudokuGeometry,
): Int32Array {
  const own = new Int32Array(3 * size);
  colourLines(colours, own, 0, size, boxRows);
  colourLines(colours, own, size, 2 * size, boxCols);
  for (let i = 2 * size; i < 3 * size; i++) own[i] = mix(colours[i]);
  const heard = new Int32Array(4 * size);
  for (let given = 0; given < count; given++) {
    const row = rows[given];
    const column = size + columns[given];
    const digit = 2 * size + digits[given];
    const box = Math.floor(row / boxRows) * stacks + Math.floor(columns[given] / boxCols);
    const said = mix(
      Math.imul(own[row], 0x2c1b3c6d) +
        Math.imul(own[column], 0x297a2d39) +
        Math.imul(own[digit], 0x1b56c4e9) +
        boxes[box],
    );
    heard[row] += said;
    heard[column] += said;
    heard[digit] += said;
    heard[3 * size + box] += said;
  }
  for (let i = 0; i < 3 * size; i++) own[i] = mix(own[i] + Math.imul(heard[i], 0x7feb352d));
  for (let i = 0; i < size; i++) boxes[i] = mix(heard[3 * size + i]);
  return own;
}

/** Colours of lines together with those of their band or stack. */
function colourLines(from: Int32Array, to: Int32Array, start: number, end: number, groupSize: number): void {
  for (let group = start; group < end; group += groupSize) {
    let sum = 0;
    for (let line = group; line < group + groupSize; line++) sum += mix(from[line] + 0x3c6ef372);
    const shared = mix(sum);
    for (let line = group; line < group + groupSize; line++)
      to[line] = mix(from[line] + Math.imul(shared, 3));
  }
}

function distinct(colours: Int32Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) {
    let isNew = 1;
    for (let j = start; j < i; j++) if (colours[j] === colours[i]) isNew = 0;
    count += isNew;
  }
  return count;
}

function traceOf(colours: Int32Array, size: number): number {
  let trace = 0;
  for (let i = 0; i < 3 * size; i++)
    trace = (trace + mix(colours[i] + Math.floor(i / size) * 0x1f123bb5)) | 0;
  return trace;
}

/** A hash of a 32-bit integer. */
export function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return x ^ (x >>> 15);
}
