// A test-only op that makes one number a row out of anything: Σ over the row of coefficient · x. It gives the loss that
// gradient checks differentiate; it has no native kernel and no place in models.

import type { Graph, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sameShape } from "../shape.ts";

/** x [rows, ...], coefficients of the same shape -> [rows]. */
export function weightedSum(graph: Graph, x: Value, coefficients: Value): Value {
  return graph.apply(weightedSumOp, [x, coefficients], {})[0];
}

const weightedSumOp = defineOp({
  name: "weightedSum",
  operands: ["any", "same"],
  types([x, coefficients]) {
    if (!sameShape(x.shape, coefficients.shape)) return "one coefficient an element";
    return [{ shape: ["rows"], dtype: "float32" }];
  },
  evaluate([x, coefficients], [sum]) {
    const perRow = x.data.length / sum.data.length;
    for (let i = 0; i < x.data.length; i++)
      sum.data[Math.floor(i / perRow)] += coefficients.data[i] * x.data[i];
  },
  gradient({ graph, node, gradients: [dSum] }) {
    return dSum ? [graph.apply(weightedSumGradOp, [node.inputs[1], dSum], {})[0]] : [];
  },
});

const weightedSumGradOp = defineOp({
  name: "weightedSumGrad",
  types: ([coefficients]) => [coefficients],
  evaluate([coefficients, dSum], [dx]) {
    const perRow = dx.data.length / dSum.data.length;
    for (let i = 0; i < dx.data.length; i++)
      dx.data[i] = coefficients.data[i] * dSum.data[Math.floor(i / perRow)];
  },
});
