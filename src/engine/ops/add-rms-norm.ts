// Residual sum and RMS norm in one: y = s / rms(s) with s = h + r, over the feature axis (-1) or the token axis
// (-2, the reference's norm of the token-mixing layers). No learned weight. The reference: `rms_norm`, post-norm.

import { invariant } from "../../base/errors.ts";
import type { Graph, Node, Value } from "../graph.ts";
import { defineOp, type Tensor } from "../op.ts";
import { aroundAxis, elementCount, sameShape, sizeOf } from "../shape.ts";

type NormAttributes = { readonly axis: number; readonly epsilon: number };

/** h, r [rows, L, D] -> y of the same shape, of mean square 1 along `axis`. */
export function addRmsNorm(graph: Graph, h: Value, r: Value, attributes: NormAttributes): Value {
  return graph.apply(addRmsNormOp, [h, r], attributes)[0];
}

/** Second result: 1 / rms, without the normalised axis; the gradient needs nothing but y and it. */
export const addRmsNormOp = defineOp<NormAttributes>({
  name: "addRmsNorm",
  operands: ["float", "float"],
  types([h, r], { axis }) {
    if (!sameShape(h.shape, r.shape)) return "both summands must have the same shape";
    const { outer, inner } = aroundAxis(h.shape, axis);
    return [h, { shape: [...outer, ...inner], dtype: "float32" }];
  },
  evaluate([h, r], [y, inverseRms], { axis, epsilon }) {
    const { outer, n, inner } = extents(h, axis);
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        const at = (k: number) => (o * n + k) * inner + i;
        let squares = 0;
        for (let k = 0; k < n; k++) squares += (h.data[at(k)] + r.data[at(k)]) ** 2;
        const scale = 1 / Math.sqrt(squares / n + epsilon);
        inverseRms.data[o * inner + i] = scale;
        for (let k = 0; k < n; k++) y.data[at(k)] = (h.data[at(k)] + r.data[at(k)]) * scale;
      }
  },
  gradient({ graph, node, gradients: [dy, dInverseRms] }, { axis }) {
    invariant(!dInverseRms, "the inverse root mean square has no gradient");
    if (!dy) return [];
    const [ds] = graph.apply(rmsNormGradOp, [node.outputs[0], node.outputs[1], dy], { axis });
    return [ds, ds];
  },
  kernel: (node, { axis, epsilon }) => ({ sizes: axisSizes(node.inputs[0], axis), params: [epsilon] }),
});

/** y, 1 / rms, dy -> gradient of the sum that was normalised: (dy - y · mean(dy · y)) / rms. */
export const rmsNormGradOp = defineOp<{ readonly axis: number }>({
  name: "rmsNormGrad",
  operands: ["float", "float32", "float"],
  mayOverwrite: [2],
  types: ([y]) => [y],
  evaluate([y, inverseRms, dy], [ds], { axis }) {
    const { outer, n, inner } = extents(y, axis);
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        const at = (k: number) => (o * n + k) * inner + i;
        let dot = 0;
        for (let k = 0; k < n; k++) dot += dy.data[at(k)] * y.data[at(k)];
        const scale = inverseRms.data[o * inner + i];
        for (let k = 0; k < n; k++) ds.data[at(k)] = scale * (dy.data[at(k)] - (y.data[at(k)] * dot) / n);
      }
  },
  kernel: (node: Node, { axis }) => ({ sizes: axisSizes(node.inputs[0], axis) }),
});

function axisSizes(x: Value, axis: number) {
  const { outer, n, inner } = aroundAxis(x.shape, axis);
  return [sizeOf(...outer), sizeOf(n), sizeOf(...inner)];
}

function extents(x: Tensor, axis: number) {
  const at = x.shape.length + axis;
  return {
    outer: elementCount(x.shape.slice(0, at)),
    n: x.shape[at],
    inner: elementCount(x.shape.slice(at + 1)),
  };
}
