import fc from "fast-check";
import { expect, test } from "vitest";
import { copyTable, growTable, RowMean, usedRows } from "./puzzle-table.ts";

test("used are the rows with any bit set, even that of -0", () => {
  const table = Float32Array.of(0, 0, 0, -0, 0, 0, 1e-45, 0, Number.NaN, 0, 0, 0);
  expect([...usedRows(table, 2)]).toEqual([1, 3, 4]);
  expect([...usedRows(new Float32Array(0), 3)]).toEqual([]);
});

test("a copy equals the source to the bit, whatever was there, and rows behind it stay", () => {
  const number = fc.constantFrom(0, 0, 0, -0, 1.5, -2, Number.NaN);
  const rows = fc.array(number, { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(rows, rows, (from, before) => {
      const target = Float32Array.of(...before, 7, 8);
      copyTable(target, Float32Array.from(from), 2);
      expect([...target]).toEqual([...from, 7, 8]);
    }),
  );
});

test("a larger table begins with the old one and goes on with zeros, or with the mean of trained rows", () => {
  // Row 0 belongs to padding, row 2 was never used.
  const table = Float32Array.of(100, 100, 1, -2, 0, 0, 2, 3);
  expect([...growTable(table, 2, 2, "zero")]).toEqual([...table, 0, 0, 0, 0]);
  expect([...growTable(table, 2, 2, "mean")]).toEqual([...table, 1.5, 0.5, 1.5, 0.5]);
  expect([...growTable(new Float32Array(4), 2, 1, "mean")]).toEqual([0, 0, 0, 0, 0, 0]);
  expect(table.length).toBe(8);
});

test("the mean does not depend on how the rows come, and keeps what float32 sums lose", () => {
  const rows = Float32Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? 2 ** 25 + 4 * i : i % 3));
  const whole = new RowMean(3);
  whole.add(rows);
  const parts = new RowMean(3);
  parts.add(rows.subarray(0, 300));
  parts.add(rows.subarray(300));
  expect(parts.value()).toEqual(whole.value());
  expect([...whole.value()]).toEqual([Math.fround(2 ** 25 + 4 * 1498.5), 1, 2]);
  expect([...new RowMean(2).value()]).toEqual([0, 0]);
});
