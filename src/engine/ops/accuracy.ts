// Predictions and how well they match: argmax, and counts a row. Neither has a gradient.

import type { Graph, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sameShape, sizeOf } from "../shape.ts";
import { IGNORED_LABEL } from "./cross-entropy.ts";

/** logits [rows, S, V] -> index of the first largest [rows, S] (int). */
export function argmax(graph: Graph, logits: Value): Value {
  return graph.apply(argmaxOp, [logits], {})[0];
}

/** Per row: labelled positions, how many of them are predicted right, and 1 where all are (also if there are none). */
export function matchCounts(
  graph: Graph,
  predictions: Value,
  labels: Value,
): { labelled: Value; correct: Value; exact: Value } {
  const [labelled, correct, exact] = graph.apply(matchCountsOp, [predictions, labels], {});
  return { labelled, correct, exact };
}

export const argmaxOp = defineOp({
  name: "argmax",
  operands: ["float"],
  types: ([logits]) => [{ shape: logits.shape.slice(0, -1), dtype: "int" }],
  evaluate([logits], [predictions]) {
    const V = logits.shape[logits.shape.length - 1];
    for (let m = 0; m < predictions.data.length; m++) {
      let best = 0;
      for (let v = 1; v < V; v++) if (logits.data[m * V + v] > logits.data[m * V + best]) best = v;
      predictions.data[m] = best;
    }
  },
  kernel(node) {
    const { shape } = node.inputs[0];
    return { sizes: [sizeOf(...shape.slice(0, -1)), sizeOf(shape[shape.length - 1])] };
  },
});

export const matchCountsOp = defineOp({
  name: "matchCounts",
  types([predictions, labels]) {
    if (predictions.dtype !== "int" || labels.dtype !== "int") return "predictions and labels are integers";
    if (!sameShape(predictions.shape, labels.shape)) return "one prediction a label";
    const perRow = { shape: [labels.shape[0]], dtype: "float32" } as const;
    return [perRow, perRow, perRow];
  },
  evaluate([predictions, labels], [labelled, correct, exact]) {
    const [B, S] = labels.shape;
    for (let b = 0; b < B; b++) {
      for (let s = b * S; s < (b + 1) * S; s++) {
        if (labels.data[s] === IGNORED_LABEL) continue;
        labelled.data[b]++;
        if (predictions.data[s] === labels.data[s]) correct.data[b]++;
      }
      exact.data[b] = correct.data[b] === labelled.data[b] ? 1 : 0;
    }
  },
  kernel: (node) => ({ sizes: node.inputs[1].shape.map((dim) => sizeOf(dim)) }),
});
