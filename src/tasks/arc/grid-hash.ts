// The name of a grid by its content, as the reference's votes use it (evaluators/arc.py, spec/trm.md section 12).

import { createHash } from "node:crypto";
import type { Grid } from "./grid.ts";

/** SHA-256 over the byte of the rows, the byte of the columns, and the cells. */
export function gridHash({ rows, cols, cells }: Grid): string {
  return createHash("sha256").update(Uint8Array.of(rows, cols)).update(cells).digest("hex");
}
