// Arbitrary ARC grids for property tests.

import fc from "fast-check";
import type { Grid } from "../grid.ts";

export const anyGrid: fc.Arbitrary<Grid> = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }))
  .chain(([rows, cols]) =>
    fc
      .uint8Array({ minLength: rows * cols, maxLength: rows * cols, max: 9 })
      .map((cells) => ({ rows, cols, cells: Uint8Array.from(cells) })),
  );
