// Layer norm without gain and bias: y = (x - mean) / √(variance + ε) over the last axis. Gain and bias are products and
// sums of their own (multiplyBroadcast, addBroadcast).

import { invariant } from "../../base/errors.ts";
import type { Graph, Node, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sizeOf } from "../shape.ts";

type NormAttributes = { readonly epsilon: number };

/** x [rows, …, D] -> y of the same shape, of mean 0 and variance 1 along the last axis. */
export function layerNorm(graph: Graph, x: Value, attributes: NormAttributes): Value {
  return graph.apply(layerNormOp, [x], attributes)[0];
}

/** Second result: 1 / √(variance + ε), without the last axis. */
export const layerNormOp = defineOp<NormAttributes>({
  name: "layerNorm",
  operands: ["float"],
  mayOverwrite: [0],
  types: ([x]) => [x, { shape: x.shape.slice(0, -1), dtype: "float32" }],
  evaluate([x], [y, inverseDeviation], { epsilon }) {
    const n = x.shape[x.shape.length - 1];
    for (let m = 0; m < x.data.length / n; m++) {
      const row = Float64Array.from(x.data.subarray(m * n, (m + 1) * n));
      const mean = row.reduce((sum, value) => sum + value, 0) / n;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n;
      const scale = 1 / Math.sqrt(variance + epsilon);
      inverseDeviation.data[m] = scale;
      for (let k = 0; k < n; k++) y.data[m * n + k] = (row[k] - mean) * scale;
    }
  },
  gradient({ graph, node, gradients: [dy, dInverseDeviation] }) {
    invariant(!dInverseDeviation, "the inverse deviation has no gradient");
    return dy ? [graph.apply(layerNormGradOp, [node.outputs[0], node.outputs[1], dy], {})[0]] : [];
  },
  kernel: (node, { epsilon }) => ({ sizes: rowSizes(node.inputs[0]), params: [epsilon] }),
});

/** y, 1 / deviation, dy -> (dy - mean(dy) - y · mean(dy · y)) / deviation. */
export const layerNormGradOp = defineOp({
  name: "layerNormGrad",
  operands: ["float", "float32", "float"],
  mayOverwrite: [2],
  types: ([y]) => [y],
  evaluate([y, inverseDeviation, dy], [dx]) {
    const n = y.shape[y.shape.length - 1];
    for (let m = 0; m < y.data.length / n; m++) {
      let mean = 0;
      let dot = 0;
      for (let i = m * n; i < (m + 1) * n; i++) {
        mean += dy.data[i] / n;
        dot += (dy.data[i] * y.data[i]) / n;
      }
      for (let i = m * n; i < (m + 1) * n; i++)
        dx.data[i] = inverseDeviation.data[m] * (dy.data[i] - mean - y.data[i] * dot);
    }
  },
  kernel: (node: Node) => ({ sizes: rowSizes(node.inputs[0]) }),
});

function rowSizes({ shape }: Value) {
  return [sizeOf(...shape.slice(0, -1)), sizeOf(shape[shape.length - 1])];
}
