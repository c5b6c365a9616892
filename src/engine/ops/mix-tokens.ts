// A linear map over the token axis, per channel and row: y[b] = w · x[b]. What the reference does with a transpose
// before and after (`mlp_t`), without either.

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { formatShape, sizeOf } from "../shape.ts";

/** x [rows, K, D], w [N, K] -> [rows, N, D]. */
export function mixTokens(graph: Graph, x: Value, w: Value): Value {
  return graph.apply(mixTokensOp, [x, w], {})[0];
}

export const mixTokensOp = defineOp({
  name: "mixTokens",
  operands: ["float", "float32"],
  packs: [{ operand: 1, side: "left", transposed: false, gated: false }],
  types([x, w]) {
    if (x.shape.length !== 3 || w.shape.length !== 2 || w.shape[1] !== x.shape[1])
      return `the weight must be [out, ${x.shape[1]}], not ${formatShape(w.shape)}`;
    return [{ shape: [x.shape[0], w.shape[0], x.shape[2]], dtype: "float" }];
  },
  evaluate([x, w], [y]) {
    const [N, K] = w.shape;
    const [B, , D] = x.shape;
    for (let b = 0; b < B; b++)
      for (let n = 0; n < N; n++)
        for (let d = 0; d < D; d++) {
          let sum = 0;
          for (let k = 0; k < K; k++) sum += w.data[n * K + k] * x.data[(b * K + k) * D + d];
          y.data[(b * N + n) * D + d] = sum;
        }
  },
  gradient({ graph, node, gradients: [dy], needs }) {
    const [x, w] = node.inputs;
    if (!dy) return [];
    return [
      needs(0) ? graph.apply(mixTokensGradInputOp, [dy, w], {})[0] : undefined,
      (sum) => graph.apply(mixTokensGradWeightOp, [dy, x, sum], {})[0],
    ];
  },
  kernel: (node) => ({ sizes: mixSizes(node.inputs[0], node.inputs[1]) }),
  flops: (node) => mixFlops(node.inputs[0], node.inputs[1]),
});

/** dy [rows, N, D], w [N, K] -> dx [rows, K, D]. */
export const mixTokensGradInputOp = defineOp({
  name: "mixTokensGradInput",
  operands: ["float", "float32"],
  packs: [{ operand: 1, side: "left", transposed: true, gated: false }],
  types: ([dy, w]) => [{ shape: [dy.shape[0], w.shape[1], dy.shape[2]], dtype: "float" }],
  evaluate([dy, w], [dx]) {
    const [N, K] = w.shape;
    const [B, , D] = dy.shape;
    for (let b = 0; b < B; b++)
      for (let k = 0; k < K; k++)
        for (let d = 0; d < D; d++) {
          let sum = 0;
          for (let n = 0; n < N; n++) sum += w.data[n * K + k] * dy.data[(b * N + n) * D + d];
          dx.data[(b * K + k) * D + d] = sum;
        }
  },
  kernel: (node) => ({ sizes: mixSizes(node.inputs[0], node.inputs[1]) }),
  flops: (node) => mixFlops(node.inputs[0], node.inputs[1]),
});

/** sum [N, K] += Σ over rows of dy · xᵀ, with dy [rows, N, D] and x [rows, K, D]. */
export const mixTokensGradWeightOp = defineOp({
  name: "mixTokensGradWeight",
  operands: ["float", "float", "float32"],
  inPlace: [2],
  accumulates: true,
  types: ([, , sum]) => [sum],
  evaluate([dy, x], [sum]) {
    const [N, K] = sum.shape;
    const [B, , D] = x.shape;
    for (let n = 0; n < N; n++)
      for (let k = 0; k < K; k++) {
        let total = sum.data[n * K + k];
        for (let b = 0; b < B; b++)
          for (let d = 0; d < D; d++) total += dy.data[(b * N + n) * D + d] * x.data[(b * K + k) * D + d];
        sum.data[n * K + k] = total;
      }
  },
  kernel: (node: Node) => ({ sizes: mixSizes(node.inputs[0], node.inputs[2]) }),
  flops: (node) => mixFlops(node.inputs[0], node.inputs[2]),
});

/** R, K, N, D of a product of w [N, K] with x [R, K, D]. */
function mixSizes(x: Value, w: Value) {
  return [sizeOf(x.shape[0]), sizeOf(w.shape[1]), sizeOf(w.shape[0]), sizeOf(x.shape[2])];
}

function mixFlops(x: Value, w: Value) {
  return sizeOf(2, x.shape[0], x.shape[2], ...w.shape);
}
