// Dead code elimination: keeps what outputs and updates need.

import type { Graph, Node, Value } from "./graph.ts";

/** Removes nodes and inputs that no output and no update depends on. */
export function pruneGraph(graph: Graph): void {
  const needed = new Set<Value>([
    ...graph.outputs.values(),
    ...graph.updates.values(),
    ...graph.updates.keys(),
  ]);
  const kept: Node[] = [];
  for (const node of graph.nodes.slice().reverse()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    for (const input of node.inputs) needed.add(input);
    kept.push(node);
  }
  graph.nodes.splice(0, graph.nodes.length, ...kept.reverse());
  graph.inputs.splice(0, graph.inputs.length, ...graph.inputs.filter((input) => needed.has(input)));
}
