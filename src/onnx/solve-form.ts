// The whole solve as one graph (form b of export.ts): what does not depend on the carry is computed once, then K
// supervision steps follow from a fresh carry, written out one after another or as the body of a `Loop`.

import { invariant } from "../base/errors.ts";
import type { Graph, Node, Value } from "../engine/graph.ts";
import type { GraphWriter } from "./graph-writer.ts";
import { lowerNodes, type ValueNames } from "./lower.ts";
import { writeOpenShape } from "./lowerings.ts";
import {
  type ExportParts,
  inputNamed,
  type StepResults,
  stepResults,
  updatedName,
  type Written,
} from "./parts.ts";
import type { OnnxGraph, OnnxValue } from "./proto.ts";

/** A carry of the model: where its fresh value is chosen, and what it starts from: a vector for all positions, or a value. */
interface Start {
  readonly carry: string;
  readonly select: Node;
  readonly initial: Value;
}

export function writeSolve(parts: ExportParts, options: { steps: number; loop: boolean }): Written {
  const { model, graph, writer, weights, names } = parts;
  const starts = [...model.carry.keys()].map((carry) => findStart(graph, carry));
  const depending = nodesAfter(graph, [...model.carry.keys(), "reset"]);
  const once = graph.nodes.filter((node) => !depending.has(node));
  lowerNodes(once, writer, weights, names, "");
  const fresh = starts.map((start) => writeFresh(parts, start));
  const eachStep = graph.nodes.filter(
    (node) => depending.has(node) && !starts.some(({ select }) => select === node),
  );
  const step: WriteStep = (into, carries, prefix) => {
    const inStep: ValueNames = new Map(names);
    starts.forEach(({ select }, i) => {
      inStep.set(select.outputs[0], carries[i]);
    });
    lowerNodes(eachStep, into, weights, inStep, prefix);
    const next = starts.map(({ carry }) => updatedName(graph, inStep, carry));
    return { next, results: stepResults(graph, into, inStep, prefix) };
  };
  const outputs = options.loop
    ? writeLoop(parts, step, fresh, options.steps)
    : writeUnrolled(writer, step, fresh, options.steps);
  return { inputs: [], outputs };
}

/** Writes one step that starts from carries of these names. */
type WriteStep = (
  into: GraphWriter,
  carries: readonly string[],
  prefix: string,
) => { next: readonly string[]; results: StepResults };

function writeUnrolled(writer: GraphWriter, step: WriteStep, fresh: readonly string[], steps: number) {
  const found = new Map<string, string[]>();
  let carries = fresh;
  let last: StepResults = new Map();
  for (let k = 1; k <= steps; k++) {
    const { next, results } = step(writer, carries, `step${k}/`);
    for (const [key, { name }] of results) {
      const line = writer.node("Unsqueeze", [name, writer.ints([0])], { name: `step${k}/${key}` });
      found.set(key, [...(found.get(key) ?? []), line]);
    }
    carries = next;
    last = results;
  }
  for (const [key, lines] of found)
    writer.node("Concat", lines, { name: key, attributes: { axis: { int: 0 } } });
  return outputsOf(writer, last, steps);
}

function writeLoop(
  { model, graph, writer }: ExportParts,
  step: WriteStep,
  fresh: readonly string[],
  steps: number,
) {
  const body = writer.inner();
  const carried = Array.from(model.carry.keys(), (name): OnnxValue => {
    const { shape } = inputNamed(graph, name);
    return { name: `step/${name}`, type: "float32", dims: writer.dims(shape) };
  });
  const named = (name: string, source: string) => body.node("Identity", [source], { name });
  const { next, results } = step(
    body,
    carried.map(({ name }) => name),
    "step/",
  );
  const goOn: OnnxValue = { name: "step/go_on", type: "bool", dims: [] };
  const goingOn: OnnxValue = { name: "step/going_on", type: "bool", dims: [] };
  named(goOn.name, goingOn.name);
  const states = carried.map(
    (value, i): OnnxValue => ({ ...value, name: named(`${value.name}_next`, next[i]) }),
  );
  const scanned = Array.from(results, ([key, { name, type, shape }]): OnnxValue => {
    return { name: named(`step/${key}`, name), type, dims: writer.dims(shape) };
  });
  const graphOfBody: OnnxGraph = {
    name: "supervision_step",
    inputs: [{ name: "step/index", type: "int64", dims: [] }, goingOn, ...carried],
    outputs: [goOn, ...states, ...scanned],
    values: body.values,
    initializers: [],
    nodes: body.nodes,
  };
  const count = writer.initializer({
    ...{ name: "steps", type: "int64", dims: [] },
    bytes: new Uint8Array(BigInt64Array.of(BigInt(steps)).buffer),
  });
  writer.nodes.push({
    op: "Loop",
    name: "solve",
    inputs: [count, "", ...fresh],
    outputs: [...carried.map(({ name }) => `${name}_last`), ...results.keys()],
    attributes: { body: { graph: graphOfBody } },
  });
  return outputsOf(writer, results, steps);
}

function outputsOf(writer: GraphWriter, results: StepResults, steps: number): OnnxValue[] {
  return Array.from(results, ([name, { type, shape }]) => ({
    name,
    type,
    dims: [steps, ...writer.dims(shape)],
  }));
}

/** The carry of rows that start afresh: the initial vector at every position, or what was computed from the question. */
function writeFresh({ graph, writer, weights, names }: ExportParts, { carry, initial }: Start): string {
  const computed = names.get(initial);
  if (computed) return computed;
  const dims = writer.dims(inputNamed(graph, carry).shape);
  const name = `fresh/${carry}`;
  const fixed = dims.filter((dim): dim is number => typeof dim === "number");
  const shape = fixed.length === dims.length ? writer.ints(fixed) : writeOpenShape(writer, fixed);
  writer.node("Expand", [weights.plain(initial), shape], { name });
  writer.describe(name, "float32", inputNamed(graph, carry).shape);
  return name;
}

function findStart(graph: Graph, carry: string): Start {
  const input = inputNamed(graph, carry);
  const readers = graph.nodes.filter((node) => node.inputs.includes(input));
  const [select] = readers;
  invariant(
    readers.length === 1 && ["selectRows", "chooseRows"].includes(select.op.name),
    `the carry '${carry}' is read by more than the choice of its start`,
  );
  return { carry, select, initial: select.inputs[1] };
}

/** All nodes that depend on inputs of these names. */
function nodesAfter(graph: Graph, names: readonly string[]): Set<Node> {
  const values = new Set<Value>(graph.inputs.filter(({ name }) => names.includes(name)));
  const after = new Set<Node>();
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => values.has(input))) continue;
    after.add(node);
    for (const output of node.outputs) values.add(output);
  }
  return after;
}
