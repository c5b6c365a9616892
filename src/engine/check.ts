// What a legal graph is. Run after building, after differentiation and after pruning, so that a mistake of a pass
// shows where it was made and not as wrong numbers later.

import { invariant } from "../base/errors.ts";
import { type Graph, inferTypes, type Node, type Value } from "./graph.ts";
import { hasRows, sameShape } from "./shape.ts";

/** Throws if the graph breaks a rule; a failure is a bug of the pass that ran before. */
export function checkGraph(graph: Graph): void {
  const defined = new Set<Value>(graph.inputs);
  const consumed = new Map<Value, Node>(); // memory that an in-place op has taken over, by its owner
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      invariant(defined.has(input), `${where(node)} reads '${input.name}' before it is defined`);
      const taker = consumed.get(owner(input));
      invariant(!taker, `${where(node)} reads '${input.name}' after ${taker && where(taker)} replaced it`);
    }
    checkTypes(node);
    checkInPlace(node, consumed);
    for (const output of node.outputs) {
      invariant(!defined.has(output), `${where(node)} defines '${output.name}' again`);
      defined.add(output);
    }
  }
  checkInputs(graph);
  checkResults(graph, defined, consumed);
}

function checkInputs(graph: Graph): void {
  for (const { name, storage, shape } of graph.inputs) {
    invariant((storage === "row") === hasRows(shape), `storage of '${name}' and its shape`);
    invariant(!graph.outputs.has(name), `'${name}' is an input and an output`);
  }
}

function checkResults(graph: Graph, defined: ReadonlySet<Value>, consumed: ReadonlyMap<Value, Node>): void {
  for (const [name, value] of graph.outputs) {
    invariant(defined.has(value), `output '${name}' is not computed`);
    invariant(hasRows(value.shape), `output '${name}' has no rows`);
    checkNotOverwritten(graph, value, undefined, `output '${name}'`);
  }
  for (const [state, value] of graph.updates) {
    invariant(defined.has(value), `update of '${state.name}' is not computed`);
    invariant(state.storage !== "whole", `'${state.name}' is shared by all rows and cannot be updated`);
    checkNotOverwritten(graph, value, state, `update of '${state.name}'`);
  }
  const updated = new Set([...graph.updates.values()].map(owner));
  for (const node of graph.nodes)
    node.outputs.forEach((output, i) => {
      invariant(
        node.op.inPlace?.[i] === undefined || consumed.has(output) || updated.has(output),
        `${where(node)} replaces a state that is not updated`,
      );
    });
}

/** A state's old value is gone when the run ends: it can only stay where it is. */
function checkNotOverwritten(graph: Graph, value: Value, target: Value | undefined, what: string): void {
  const source = owner(value);
  const next = graph.updates.get(source);
  const isKept = next === undefined || owner(next) === source || source === target;
  invariant(isKept, `${what} is the old value of '${source.name}', which is overwritten`);
}

/** The value whose memory a view looks at, in any number format; other values own theirs. */
function owner(value: Value): Value {
  let source = value;
  while (source.producer?.op.view) source = source.producer.inputs[0];
  return source;
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
    if (index === undefined) continue;
    const state = node.inputs[index];
    let root = state;
    for (let before = replacedBy(root); before; before = replacedBy(root)) root = before;
    invariant(root.storage === "lane" || root.storage === "row", `${where(node)} replaces '${root.name}'`);
    consumed.set(owner(state), node);
  }
  for (const index of node.op.spoils ?? []) {
    const spoilt = owner(node.inputs[index]);
    invariant(spoilt.producer, `${where(node)} spoils '${spoilt.name}'`);
    consumed.set(spoilt, node);
  }
}

/** The state that an in-place result took the place of. */
function replacedBy({ producer, ...value }: Value): Value | undefined {
  const output = producer?.outputs.findIndex(({ id }) => id === value.id) ?? -1;
  const index = producer?.op.inPlace?.[output];
  return index === undefined ? undefined : producer?.inputs[index];
}

function where(node: Node): string {
  return `\`${node.op.name}\`${node.scope ? ` in ${node.scope}` : ""}`;
}
