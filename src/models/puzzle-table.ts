// The puzzle table as numbers [identifiers, n]: a vector for each puzzle of the training set, a million of them for
// ARC. It starts at zero and only rows that a batch used ever change, so nothing here writes to a row without need:
// memory that was never written costs none (but where Linux is set to huge pages `always`, a row takes 2 MB around
// it). The update itself is optim/sign-sgd.ts, its files runs/table-segments.ts.

import { invariant } from "../base/errors.ts";

/** Whether a row is not all zero bits; -0 counts as changed, so that copies are equal to the bit. */
function isUsed(bits: Int32Array, size: number, row: number): boolean {
  for (let i = row * size; i < (row + 1) * size; i++) if (bits[i] !== 0) return true;
  return false;
}

function bitsOf(table: Float32Array): Int32Array {
  return new Int32Array(table.buffer, table.byteOffset, table.length);
}

/** The rows that are not as they started, ascending. */
export function usedRows(table: Float32Array, size: number): Int32Array {
  const bits = bitsOf(table);
  const rows = new Int32Array(table.length / size);
  let count = 0;
  for (let row = 0; row < rows.length; row++) if (isUsed(bits, size, row)) rows[count++] = row;
  return rows.slice(0, count);
}

/** Back to zero, where it is not. */
export function clearTable(table: Float32Array, size: number): void {
  for (const row of usedRows(table, size)) table.fill(0, row * size, (row + 1) * size);
}

/** Copies `source` to the beginning of `target`; later rows keep their values. */
export function copyTable(target: Float32Array, source: Float32Array, size: number): void {
  clearTable(target.subarray(0, source.length), size);
  const used = usedRows(source, size);
  for (let i = 0; i < used.length; ) {
    const first = i++;
    while (i < used.length && used[i] === used[i - 1] + 1) i++;
    const start = used[first] * size;
    target.set(source.subarray(start, (used[i - 1] + 1) * size), start);
  }
}

/** The mean of many rows, taken as they come. */
export class RowMean {
  readonly #sums: Float64Array;
  #rows = 0;

  constructor(size: number) {
    this.#sums = new Float64Array(size);
  }

  add(rows: Float32Array): void {
    const sums = this.#sums;
    const size = sums.length;
    invariant(rows.length % size === 0, `${rows.length} numbers are no rows of ${size}`);
    for (let start = 0; start < rows.length; start += size)
      for (let i = 0; i < size; i++) sums[i] += rows[start + i];
    this.#rows += rows.length / size;
  }

  /** Zero of no rows. */
  value(): Float32Array {
    return Float32Array.from(this.#sums, (sum) => sum / Math.max(this.#rows, 1));
  }
}

/** What new rows of a table start from. */
export type InitialRows = "mean" | "zero";

/**
 * A larger table that begins with the old one. With `mean`, new rows are the mean of all rows that were ever trained;
 * row 0 belongs to padding and does not count.
 */
export function growTable(
  table: Float32Array,
  size: number,
  extraRows: number,
  initial: InitialRows,
): Float32Array {
  const grown = new Float32Array(table.length + extraRows * size);
  copyTable(grown, table, size);
  if (initial === "zero") return grown;
  const mean = new RowMean(size);
  for (const row of usedRows(table, size))
    if (row > 0) mean.add(table.subarray(row * size, (row + 1) * size));
  fillRows(grown.subarray(table.length), mean.value());
  return grown;
}

/** Every row becomes `row`. */
export function fillRows(table: Float32Array, row: Float32Array): void {
  for (let start = 0; start < table.length; start += row.length) table.set(row, start);
}
