// Number formats: how the `float` values of a graph are stored while it is computed. Graphs do not know them; a format is
// chosen when a graph is compiled. `float32` and `int` values take four bytes in every format.

import type { DType } from "./graph.ts";

export const NUMBER_FORMATS = ["float32", "bfloat16"] as const;

export type NumberFormat = (typeof NUMBER_FORMATS)[number];

export function elementBytes(dtype: DType, format: NumberFormat): number {
  return isBfloat16(dtype, format) ? 2 : 4;
}

/** Whether values of this type are stored as bfloat16: their buffers are Uint16Arrays of bits. */
export function isBfloat16(dtype: DType, format: NumberFormat): boolean {
  return dtype === "float" && format === "bfloat16";
}
