import fc from "fast-check";
import { expect, test } from "vitest";
import { cropGrid } from "./crop.ts";
import { encodeGrid } from "./encode.ts";
import type { Grid } from "./grid.ts";

const SIDE = 5;

/** The reference's `_crop`, statement by statement. */
function referenceCrop(tokens: readonly number[], side: number): Grid {
  let [maxArea, maxRows, maxCols] = [0, 0, 0];
  let width = side;
  for (let r = 1; r <= side; r++) {
    for (let c = 1; c <= width; c++) {
      const token = tokens[(r - 1) * side + c - 1];
      if (token < 2 || token > 11) {
        width = c - 1;
        break;
      }
    }
    const area = r * width;
    if (area > maxArea) [maxArea, maxRows, maxCols] = [area, r, width];
  }
  const cells = Array.from(
    { length: maxRows * maxCols },
    (_, i) => tokens[Math.floor(i / maxCols) * side + (i % maxCols)] - 2,
  );
  return { rows: maxRows, cols: maxCols, cells: Uint8Array.from(cells) };
}

test("crops what the reference crops, of any tokens", () => {
  const token = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 2, max: 11 }) },
    { weight: 1, arbitrary: fc.integer({ min: -1, max: 14 }) },
  );
  const canvas = fc.array(token, { minLength: SIDE ** 2, maxLength: SIDE ** 2 });
  fc.assert(
    fc.property(canvas, (tokens) => {
      expect(cropGrid(tokens, SIDE)).toEqual(referenceCrop(tokens, SIDE));
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("an encoded grid at the corner comes back, up to a full canvas", () => {
  const grid = fc
    .tuple(fc.integer({ min: 1, max: SIDE }), fc.integer({ min: 1, max: SIDE }))
    .chain(([rows, cols]) =>
      fc.record({
        rows: fc.constant(rows),
        cols: fc.constant(cols),
        cells: fc.uint8Array({ min: 0, max: 9, minLength: rows * cols, maxLength: rows * cols }),
      }),
    );
  fc.assert(
    fc.property(grid, ({ rows, cols, cells }) => {
      const tokens = new Uint8Array(SIDE ** 2);
      encodeGrid({ rows, cols, cells }, { row: 0, column: 0 }, SIDE, tokens);
      expect(cropGrid(tokens, SIDE)).toEqual({ rows, cols, cells: Uint8Array.from(cells) });
    }),
    { seed: 1, numRuns: 100 },
  );
});

test("nothing where the corner is no colour; of equal areas the flatter", () => {
  expect(cropGrid([1, 5, 5, 5], 2)).toEqual({ rows: 0, cols: 0, cells: new Uint8Array(0) });
  // One row of two, or two rows of one.
  expect(cropGrid([5, 6, 7, 1], 2)).toEqual({ rows: 1, cols: 2, cells: Uint8Array.of(3, 4) });
});
