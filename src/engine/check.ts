// What a legal graph is. Run after building, after differentiation and after pruning, so that a mistake of a pass
// shows where it was made and not as wrong numbers later.

import { invariant } from "../base/errors.ts";
import { type Graph, inferTypes, type Node, type Value } from "./graph.ts";
import { hasRows, sameShape } from "./shape.ts";

/** Throws if the graph breaks a rule; a failure is a bug of the pass that ran before. */
export function checkGraph(graph: Graph): void {
  const defined = new Set<Value>(graph.inputs);
  const consumed = new Map<Value, Node>(); // values whose memory an in-place op has taken over
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      invariant(defined.has(input), `${where(node)} reads '${input.name}' before it is defined`);
      const taker = consumed.get(input);
      invariant(!taker, `${where(node)} reads '${input.name}' after ${taker && where(taker)} replaced it`);
    }
    checkTypes(node);
    checkInPlace(node, consumed);
    for (const output of node.outputs) {
      invariant(!defined.has(output), `${where(node)} defines '${output.name}' again`);
      defined.add(output);
    }
  }
  for (const input of graph.inputs)
    invariant((input.storage === "row") === hasRows(input.shape), `storage of '${input.name}' and its shape`);
  for (const [name, value] of graph.outputs) {
    invariant(defined.has(value), `output '${name}' is not computed`);
    invariant(hasRows(value.shape), `output '${name}' has no rows`);
  }
  for (const [state, value] of graph.updates) {
    invariant(defined.has(value), `update of '${state.name}' is not computed`);
    invariant(state.storage !== "whole", `'${state.name}' is shared by all rows and cannot be updated`);
  }
}

function checkTypes(node: Node): void {
  const expected = inferTypes(node.op, node.inputs, node.attributes, node.scope);
  invariant(expected.length === node.outputs.length, `${where(node)} has ${node.outputs.length} results`);
  expected.forEach((type, i) => {
    const { shape, dtype } = node.outputs[i];
    invariant(sameShape(type.shape, shape) && type.dtype === dtype, `${where(node)}: type of result ${i}`);
  });
  const loses =
    node.inputs.some((input) => hasRows(input.shape)) && !node.outputs.some((o) => hasRows(o.shape));
  invariant(!loses || node.op.accumulates, `${where(node)} loses the rows without being a sum over them`);
}

function checkInPlace(node: Node, consumed: Map<Value, Node>): void {
  for (const index of node.op.inPlace ?? []) {
    const state = node.inputs[index];
    let root = state;
    while (root.producer?.op.inPlace)
      root = root.producer.inputs[root.producer.op.inPlace[indexOfOutput(root)]];
    invariant(root.storage === "lane" || root.storage === "row", `${where(node)} replaces '${root.name}'`);
    consumed.set(state, node);
  }
}

function indexOfOutput(value: Value): number {
  return value.producer?.outputs.indexOf(value) ?? -1;
}

function where(node: Node): string {
  return `\`${node.op.name}\`${node.scope ? ` in ${node.scope}` : ""}`;
}
