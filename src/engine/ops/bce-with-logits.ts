// Binary cross entropy of a logit against a target in [0, 1], in the form that does not overflow:
// (1 - target)·x - log σ(x).

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sameShape, sizeOf } from "../shape.ts";

/** x, target of equal shapes -> -target·log σ(x) - (1 - target)·log(1 - σ(x)). The target is a constant. */
export function bceWithLogits(graph: Graph, x: Value, target: Value): Value {
  return graph.apply(bceWithLogitsOp, [x, target], {})[0];
}

export const bceWithLogitsOp = defineOp({
  name: "bceWithLogits",
  operands: ["float32", "float32"],
  types([x, target]) {
    if (!sameShape(x.shape, target.shape)) return "one target a logit";
    return [x];
  },
  evaluate([x, target], [y]) {
    // The reference (torch) rounds after every operation; at large logits the difference cancels, and it shows.
    const round = y.data instanceof Float32Array ? Math.fround : (value: number) => value;
    for (let i = 0; i < y.data.length; i++) {
      const logit = x.data[i];
      const logSigmoid = round(Math.min(logit, 0) - round(Math.log1p(round(Math.exp(-Math.abs(logit))))));
      y.data[i] = round((1 - target.data[i]) * logit) - logSigmoid;
    }
  },
  gradient({ graph, node, gradients: [dy] }) {
    return dy ? [graph.apply(bceWithLogitsGradOp, [...node.inputs, dy], {})[0]] : [];
  },
  kernel: (node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});

/** x, target, dy -> (σ(x) - target) · dy. */
export const bceWithLogitsGradOp = defineOp({
  name: "bceWithLogitsGrad",
  operands: ["float32", "float32", "float32"],
  types: ([x]) => [x],
  evaluate([x, target, dy], [dx]) {
    for (let i = 0; i < dx.data.length; i++)
      dx.data[i] = (1 / (1 + Math.exp(-x.data[i])) - target.data[i]) * dy.data[i];
  },
  kernel: (node: Node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});
