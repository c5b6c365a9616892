// Cross entropy of a row: the mean over its labelled positions, in double precision whatever the executor's number
// type. Stablemax as in the reference's `stablemax_cross_entropy`; softmax as the alternative.

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sizeOf } from "../shape.ts";

/** Label of a position that is not supervised. */
export const IGNORED_LABEL = -100;

export type CrossEntropyKind = "stablemax" | "softmax";
type KindAttribute = { readonly kind: CrossEntropyKind };

/** logits [rows, S, V], labels [rows, S] (int, -100 ignored) -> loss [rows]; 0 for a row without labels. */
export function crossEntropy(graph: Graph, logits: Value, labels: Value, attributes: KindAttribute): Value {
  return graph.apply(crossEntropyOp, [logits, labels], attributes)[0];
}

export const crossEntropyOp = defineOp<KindAttribute>({
  name: "crossEntropy",
  operands: ["float", "int"],
  types([logits, labels]) {
    if (labels.shape[1] !== logits.shape[1]) return "one integer label a position";
    return [{ shape: [logits.shape[0]], dtype: "float32" }];
  },
  evaluate([logits, labels], [loss], { kind }) {
    const [B, S, V] = logits.shape;
    for (let b = 0; b < B; b++) {
      let total = 0;
      for (let s = 0; s < S; s++) {
        const label = labels.data[b * S + s];
        if (label === IGNORED_LABEL) continue;
        const at = (b * S + s) * V;
        const { logWeights, sum } = unnormalised(logits.data.subarray(at, at + V), kind);
        total -= logWeights[label] - Math.log(sum);
      }
      loss.data[b] = total / labelCount(labels.data, b, S);
    }
  },
  gradient({ graph, node, gradients: [dLoss] }, { kind }) {
    return dLoss ? [graph.apply(crossEntropyGradOp, [...node.inputs, dLoss], { kind })[0]] : [];
  },
  kernel: crossEntropyKernel,
});

/** logits, labels, gradient of each row's loss -> gradient of the logits. */
export const crossEntropyGradOp = defineOp<KindAttribute>({
  name: "crossEntropyGrad",
  operands: ["float", "int", "float32"],
  types: ([logits]) => [logits],
  evaluate([logits, labels, dLoss], [dLogits], { kind }) {
    const [B, S, V] = logits.shape;
    for (let b = 0; b < B; b++) {
      const factor = dLoss.data[b] / labelCount(labels.data, b, S);
      for (let s = 0; s < S; s++) {
        const label = labels.data[b * S + s];
        if (label === IGNORED_LABEL) continue;
        const at = (b * S + s) * V;
        const { slopes, logSlopes, sum } = unnormalised(logits.data.subarray(at, at + V), kind);
        for (let v = 0; v < V; v++) {
          const ofLabel = v === label ? logSlopes[v] : 0;
          dLogits.data[at + v] = factor * (slopes[v] / sum - ofLabel);
        }
      }
    }
  },
  kernel: crossEntropyKernel,
});

/** Positive weights that the probabilities are proportional to: logarithms, derivatives of both, and their sum. */
function unnormalised(logits: ArrayLike<number>, kind: CrossEntropyKind) {
  const values = Array.from(logits);
  const largest = Math.max(...values);
  const entries = values.map((x) => {
    if (kind === "softmax")
      return { weight: Math.exp(x - largest), slope: Math.exp(x - largest), log: x - largest };
    const reciprocal = 1 / (1 - x + 1e-30);
    const [weight, slope] = x >= 0 ? [x + 1, 1] : [reciprocal, reciprocal * reciprocal];
    return { weight, slope, log: Math.log(weight) };
  });
  return {
    logWeights: entries.map(({ log }) => log),
    slopes: entries.map(({ slope }) => slope),
    logSlopes: entries.map(({ weight, slope }) => (kind === "softmax" ? 1 : slope / weight)),
    sum: entries.reduce((total, { weight }) => total + weight, 0),
  };
}

function labelCount(labels: ArrayLike<number>, row: number, S: number): number {
  let count = 0;
  for (let s = 0; s < S; s++) if (labels[row * S + s] !== IGNORED_LABEL) count++;
  return Math.max(count, 1);
}

function crossEntropyKernel(node: Node, { kind }: KindAttribute) {
  return {
    sizes: node.inputs[0].shape.map((dim) => sizeOf(dim)),
    params: [kind === "softmax" ? 1 : 0],
  };
}
