// Products element by element: of two values, and of a value with a weight that is the same for all rows (the gain of a
// layer norm, factors of losses).

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { elementCount, formatShape, sameShape, sizeOf } from "../shape.ts";
import { sumRowsOp } from "./elementwise.ts";

/** a ⊙ b, of equal shapes. */
export function multiply(graph: Graph, a: Value, b: Value): Value {
  return graph.apply(multiplyOp, [a, b], {})[0];
}

/** x [rows, ...rest] ⊙ b [...trailing axes of x], the same b for every row and leading axis. */
export function multiplyBroadcast(graph: Graph, x: Value, b: Value): Value {
  return graph.apply(multiplyBroadcastOp, [x, b], {})[0];
}

export const multiplyOp = defineOp({
  name: "multiply",
  operands: ["any", "same"],
  mayOverwrite: [0, 1],
  types([a, b]) {
    return sameShape(a.shape, b.shape) ? [a] : "both factors must have the same shape";
  },
  evaluate([a, b], [y]) {
    for (let i = 0; i < y.data.length; i++) y.data[i] = a.data[i] * b.data[i];
  },
  gradient({ graph, node, gradients: [dy], needs }) {
    if (!dy) return [];
    const [a, b] = node.inputs;
    return [needs(0) ? multiply(graph, dy, b) : undefined, needs(1) ? multiply(graph, dy, a) : undefined];
  },
  kernel: (node: Node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});

export const multiplyBroadcastOp = defineOp({
  name: "multiplyBroadcast",
  operands: ["float", "float32"],
  mayOverwrite: [0],
  types([x, b]) {
    const trailing = x.shape.slice(x.shape.length - b.shape.length);
    if (!sameShape(trailing, b.shape))
      return `the factor must have the trailing shape ${formatShape(trailing)}`;
    return [x];
  },
  evaluate([x, b], [y]) {
    for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[i] * b.data[i % b.data.length];
  },
  gradient({ graph, node, gradients: [dy], needs }) {
    if (!dy) return [];
    const [x, b] = node.inputs;
    return [
      needs(0) ? multiplyBroadcast(graph, dy, b) : undefined,
      (sum) => graph.apply(sumRowsOp, [multiply(graph, dy, x), sum], {})[0],
    ];
  },
  kernel(node: Node) {
    const [x, b] = node.inputs;
    const leading = x.shape.slice(0, x.shape.length - b.shape.length);
    return { sizes: [sizeOf(...leading), sizeOf(elementCount(b.shape.map(Number)))] };
  },
});
