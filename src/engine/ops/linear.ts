// y = x · wᵀ over the last axis, w stored [out, in] as everywhere in the reference. No bias (see addBroadcast).

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp, type Tensor } from "../op.ts";
import { formatShape, sizeOf } from "../shape.ts";

/** x [..., K], w [N, K] -> [..., N]. */
export function linear(graph: Graph, x: Value, w: Value): Value {
  return graph.apply(linearOp, [x, w], {})[0];
}

export const linearOp = defineOp({
  name: "linear",
  operands: ["float", "float32"],
  packs: [{ operand: 1, side: "right", transposed: false, gated: false }],
  types([x, w]) {
    if (w.shape.length !== 2 || w.shape[1] !== x.shape.at(-1))
      return `the weight must be [out, ${x.shape.at(-1)}], not ${formatShape(w.shape)}`;
    return [{ shape: [...x.shape.slice(0, -1), w.shape[0]], dtype: "float" }];
  },
  evaluate([x, w], [y]) {
    const [N, K] = w.shape;
    const M = rowCount(x);
    for (let m = 0; m < M; m++)
      for (let n = 0; n < N; n++) {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += x.data[m * K + k] * w.data[n * K + k];
        y.data[m * N + n] = sum;
      }
  },
  gradient({ graph, node, gradients: [dy], needs }) {
    const [x, w] = node.inputs;
    if (!dy) return [];
    return [
      needs(0) ? graph.apply(linearGradInputOp, [dy, w], {})[0] : undefined,
      (sum) => graph.apply(linearGradWeightOp, [dy, x, sum], {})[0],
    ];
  },
  kernel: (node) => ({ sizes: matrixSizes(node.inputs[0], node.inputs[1]) }),
  flops: (node) => productFlops(node.inputs[0], node.inputs[1]),
});

/** dy [..., N], w [N, K] -> dx [..., K]. */
export const linearGradInputOp = defineOp({
  name: "linearGradInput",
  operands: ["float", "float32"],
  packs: [{ operand: 1, side: "right", transposed: true, gated: false }],
  types: ([dy, w]) => [{ shape: [...dy.shape.slice(0, -1), w.shape[1]], dtype: "float" }],
  evaluate([dy, w], [dx]) {
    const [N, K] = w.shape;
    const M = rowCount(dy);
    for (let m = 0; m < M; m++)
      for (let k = 0; k < K; k++) {
        let sum = 0;
        for (let n = 0; n < N; n++) sum += dy.data[m * N + n] * w.data[n * K + k];
        dx.data[m * K + k] = sum;
      }
  },
  kernel: (node) => ({ sizes: matrixSizes(node.inputs[0], node.inputs[1]) }),
  flops: (node) => productFlops(node.inputs[0], node.inputs[1]),
});

/** sum [N, K] += dyᵀ · x, with dy [..., N] and x [..., K]. */
export const linearGradWeightOp = defineOp({
  name: "linearGradWeight",
  operands: ["float", "float", "float32"],
  inPlace: [2],
  accumulates: true,
  types: ([, , sum]) => [sum],
  evaluate([dy, x], [sum]) {
    const [N, K] = sum.shape;
    const M = rowCount(dy);
    for (let n = 0; n < N; n++)
      for (let k = 0; k < K; k++) {
        let total = sum.data[n * K + k];
        for (let m = 0; m < M; m++) total += dy.data[m * N + n] * x.data[m * K + k];
        sum.data[n * K + k] = total;
      }
  },
  kernel: (node: Node) => ({ sizes: matrixSizes(node.inputs[0], node.inputs[2]) }),
  flops: (node) => productFlops(node.inputs[0], node.inputs[2]),
});

/** M, K, N of a product with a weight [N, K], M being all but the last axis of x. */
function matrixSizes(x: Value, w: Value) {
  return [sizeOf(...x.shape.slice(0, -1)), sizeOf(w.shape[1]), sizeOf(w.shape[0])];
}

/** 2 · M · K · N; x is any operand with the leading axes M. */
function productFlops(x: Value, w: Value) {
  return sizeOf(2, ...x.shape.slice(0, -1), ...w.shape);
}

function rowCount(x: Tensor): number {
  return x.data.length / x.shape[x.shape.length - 1];
}
