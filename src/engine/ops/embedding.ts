// Table look-up by token.

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sizeOf } from "../shape.ts";

/** ids [rows, S] (int), table [V, D] -> [rows, S, D]. Ids outside the table give zeros. */
export function embedding(graph: Graph, ids: Value, table: Value): Value {
  return graph.apply(embeddingOp, [ids, table], {})[0];
}

export const embeddingOp = defineOp({
  name: "embedding",
  operands: ["int", "float32"],
  types: ([ids, table]) => [{ shape: [...ids.shape, table.shape[1]], dtype: "float" }],
  evaluate([ids, table], [y]) {
    const [V, D] = table.shape;
    ids.data.forEach((id, m) => {
      if (id < 0 || id >= V) return;
      for (let d = 0; d < D; d++) y.data[m * D + d] = table.data[id * D + d];
    });
  },
  gradient({ graph, node, gradients: [dy] }) {
    const [ids] = node.inputs;
    return dy ? [undefined, (sum) => graph.apply(embeddingGradOp, [ids, dy, sum], {})[0]] : [];
  },
  kernel: (node) => ({ sizes: tableSizes(node.inputs[0], node.inputs[1]) }),
});

/** sum [V, D] += dy of each position, at its id's line. */
export const embeddingGradOp = defineOp({
  name: "embeddingGrad",
  operands: ["int", "float", "float32"],
  inPlace: [2],
  accumulates: true,
  types: ([, , sum]) => [sum],
  evaluate([ids, dy], [sum]) {
    const [V, D] = sum.shape;
    ids.data.forEach((id, m) => {
      if (id < 0 || id >= V) return;
      for (let d = 0; d < D; d++) sum.data[id * D + d] += dy.data[m * D + d];
    });
  },
  kernel: (node: Node) => ({ sizes: tableSizes(node.inputs[0], node.inputs[2]) }),
});

function tableSizes(ids: Value, table: Value) {
  return [sizeOf(...ids.shape), sizeOf(table.shape[0]), sizeOf(table.shape[1])];
}
