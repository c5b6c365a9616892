// Reverse-mode differentiation, graph to graph: adds to a graph the nodes that compute gradients of a sum over rows.
// Gradients of values with rows are values; gradients of weights are running sums kept in `lane` inputs, so that a
// batch can be cut into micro-batches and spread over threads.

import { invariant } from "../base/errors.ts";
import type { Graph, Node, Value } from "./graph.ts";
import type { InputGradient } from "./op.ts";
import { add, fillLike } from "./ops/elementwise.ts";
import { hasRows } from "./shape.ts";

/**
 * Adds the gradients of Σ over rows of `weight · loss` to the graph.
 *
 * @param loss one number a row, shape [rows]
 * @param weight factor of every row's loss (the reference divides by the global batch size)
 * @param wanted inputs to differentiate by
 * @returns for an input with rows its gradient; for a weight the `lane` input `grad.<name>` that the run adds to
 */
export function differentiate(
  graph: Graph,
  loss: Value,
  weight: number,
  wanted: readonly Value[],
): Map<Value, Value> {
  const dependent = dependents(graph.nodes, wanted);
  const forward = graph.nodes.slice();
  return graph.scoped("backward", () => {
    const gradients = new Map<Value, Value>([[loss, fillLike(graph, loss, weight)]]);
    const sums = new Map<Value, Value>();
    for (const node of forward.reverse()) {
      if (!node.op.gradient || !node.outputs.some((output) => gradients.has(output))) continue;
      const passOn = () => differentiateNode(graph, node, dependent, gradients, sums);
      if (node.scope) graph.scoped(node.scope, passOn);
      else passOn();
    }
    return collect(graph, wanted, gradients, sums);
  });
}

/** Hands the gradients of a node's outputs on to its inputs. */
function differentiateNode(
  graph: Graph,
  node: Node,
  dependent: ReadonlySet<Value>,
  gradients: Map<Value, Value>,
  sums: Map<Value, Value>,
): void {
  const contributions = node.op.gradient?.(
    {
      graph,
      node,
      gradients: node.outputs.map((output) => gradients.get(output)),
      needs: (i) => dependent.has(node.inputs[i]),
    },
    node.attributes,
  );
  node.inputs.forEach((input, i) => {
    if (dependent.has(input)) contribute(graph, input, contributions?.[i], gradients, sums);
  });
}

/** Values that change when one of the `wanted` inputs does, as far as gradients can tell. */
function dependents(nodes: readonly Node[], wanted: readonly Value[]): Set<Value> {
  const dependent = new Set<Value>(wanted);
  for (const node of nodes)
    if (node.op.gradient && node.inputs.some((input) => dependent.has(input)))
      for (const output of node.outputs) dependent.add(output);
  return dependent;
}

function contribute(
  graph: Graph,
  input: Value,
  contribution: InputGradient,
  gradients: Map<Value, Value>,
  sums: Map<Value, Value>,
): void {
  if (contribution === undefined) return;
  if (typeof contribution === "function") {
    invariant(input.storage !== undefined, `'${input.name}' has no rows and is not an input: no gradient`);
    const name = `grad.${input.name}`;
    const sum = sums.get(input) ?? graph.input(name, input.shape, { storage: "lane" });
    sums.set(input, contribution(sum));
    return;
  }
  const earlier = gradients.get(input);
  gradients.set(input, earlier ? add(graph, earlier, contribution) : contribution);
}

function collect(
  graph: Graph,
  wanted: readonly Value[],
  gradients: Map<Value, Value>,
  sums: Map<Value, Value>,
): Map<Value, Value> {
  const found = new Map<Value, Value>();
  for (const input of wanted) {
    if (hasRows(input.shape)) {
      found.set(input, gradients.get(input) ?? fillLike(graph, input, 0));
      continue;
    }
    const name = `grad.${input.name}`;
    const sum = sums.get(input);
    const state =
      graph.inputs.find((other) => other.name === name) ??
      graph.input(name, input.shape, { storage: "lane" });
    if (sum) graph.update(state, sum);
    found.set(input, state);
  }
  return found;
}
