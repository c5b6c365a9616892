// The bootstrapped target of HRM's continue logit: what going on is worth by the halting logits after one more step
// (spec/hrm.md section 5). A constant to training.

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sizeOf } from "../shape.ts";

/** q [rows, 2] (halt, continue) after one more step, last [rows] (int: no step follows) -> σ(last ? halt : max of both) [rows]. */
export function continueTarget(graph: Graph, q: Value, last: Value): Value {
  return graph.apply(continueTargetOp, [q, last], {})[0];
}

export const continueTargetOp = defineOp({
  name: "continueTarget",
  operands: ["float32", "int"],
  types([q, last]) {
    if (q.shape.length !== 2 || q.shape[1] !== 2) return "two halting logits a row";
    return [{ shape: last.shape, dtype: "float32" }];
  },
  evaluate([q, last], [y]) {
    for (let r = 0; r < y.data.length; r++) {
      const [halt, goOn] = [q.data[2 * r], q.data[2 * r + 1]];
      const worth = last.data[r] ? halt : Math.max(halt, goOn);
      y.data[r] = 1 / (1 + Math.exp(-worth));
    }
  },
  kernel: (node: Node) => ({ sizes: [sizeOf(...node.outputs[0].shape)] }),
});
