// Rows that start afresh take an initial vector at every position, or a row of another value, the others keep their
// state. A select, never a multiplication: the state of a row that starts afresh may be anything, NaN included.

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sameShape, sizeOf } from "../shape.ts";
import { fillLike, sumRowsOp } from "./elementwise.ts";

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

/** flag [rows] (int), fresh, state of equal shapes [rows, …] -> flag ? fresh : state. Gradients go where the numbers came from. */
export function chooseRows(graph: Graph, flag: Value, fresh: Value, state: Value): Value {
  return graph.apply(chooseRowsOp, [flag, fresh, state], {})[0];
}

/** x [...], a weight -> [rows, ...x], the same for every row. */
export function repeatRows(graph: Graph, x: Value): Value {
  return graph.apply(repeatRowsOp, [x], {})[0];
}

export const chooseRowsOp = defineOp({
  name: "chooseRows",
  operands: ["int", "float", "float"],
  mayOverwrite: [1, 2],
  types([flag, fresh, state]) {
    if (flag.shape.length !== 1) return "the flag must be one number a row";
    return sameShape(fresh.shape, state.shape) ? [state] : "both sides must have the same shape";
  },
  evaluate([flag, fresh, state], [y]) {
    const perRow = state.data.length / flag.data.length;
    for (let i = 0; i < y.data.length; i++)
      y.data[i] = flag.data[Math.floor(i / perRow)] ? fresh.data[i] : state.data[i];
  },
  gradient({ graph, node, gradients: [dy], needs }) {
    if (!dy) return [];
    const [flag] = node.inputs;
    const none = fillLike(graph, dy, 0);
    return [
      undefined,
      needs(1) ? chooseRows(graph, flag, dy, none) : undefined,
      needs(2) ? chooseRows(graph, flag, none, dy) : undefined,
    ];
  },
  kernel: (node) => ({ sizes: rowSizes(node.outputs[0]) }),
});

export const repeatRowsOp = defineOp({
  name: "repeatRows",
  operands: ["float32"],
  types: ([x]) => [{ shape: ["rows", ...x.shape], dtype: "float" }],
  evaluate([x], [y]) {
    for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[i % x.data.length];
  },
  gradient({ graph, gradients: [dy] }) {
    return dy ? [(sum) => graph.apply(sumRowsOp, [dy, sum], {})[0]] : [];
  },
  kernel: (node: Node) => ({ sizes: rowSizes(node.outputs[0]) }),
});

/** Rows, and numbers of a row. */
function rowSizes({ shape }: Value) {
  return [sizeOf(shape[0]), sizeOf(...shape.slice(1))];
}
