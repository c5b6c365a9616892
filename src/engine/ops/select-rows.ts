// Rows that start afresh take an initial vector at every position, the others keep their state. A select, never a
// multiplication: the state of a row that starts afresh may be anything, NaN included.

import type { Graph, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sizeOf } from "../shape.ts";

/** flag [rows] (int), initial [D], state [rows, L, D] -> [rows, L, D]. No gradient: both are constants to training. */
export function selectRows(graph: Graph, flag: Value, initial: Value, state: Value): Value {
  return graph.apply(selectRowsOp, [flag, initial, state], {})[0];
}

export const selectRowsOp = defineOp({
  name: "selectRows",
  operands: ["int", "float32", "float"],
  mayOverwrite: [2],
  types([flag, initial, state]) {
    if (flag.shape.length !== 1) return "the flag must be one number a row";
    if (initial.shape[0] !== state.shape[2]) return "the initial vector must have the width of the state";
    return [state];
  },
  evaluate([flag, initial, state], [y]) {
    const D = initial.data.length;
    const perRow = state.data.length / flag.data.length;
    for (let i = 0; i < y.data.length; i++)
      y.data[i] = flag.data[Math.floor(i / perRow)] ? initial.data[i % D] : state.data[i];
  },
  kernel: (node) => ({ sizes: node.inputs[2].shape.map((dim) => sizeOf(dim)) }),
});
