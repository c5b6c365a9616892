// The FLOP convention, used everywhere: multiply-adds of matrix products and attention products times two. Passes
// with gradient count three times because their two gradient products are nodes of the graph themselves;
// recomputation and elementwise work count nothing.

import type { Graph } from "./graph.ts";
import { resolveSize } from "./shape.ts";

/** FLOP of a graph for one row. */
export function flopsPerRow(graph: Graph, tokens = 0): number {
  let total = 0;
  for (const node of graph.nodes) {
    const size = node.op.flops?.(node, node.attributes);
    if (size) total += resolveSize(size, { rows: 1, tokens });
  }
  return total;
}
