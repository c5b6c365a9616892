// Fusion, graph to graph: an MLP with its residual and norm becomes one op, and so does its gradient, so that what lies
// between stays in a core's caches. For executors whose kernels do all of it at once; run last.

import { Graph, type Node, type Value } from "./graph.ts";
import type { NumberFormat } from "./number-format.ts";
import type { Attributes, Op } from "./op.ts";
import { addRmsNormOp, rmsNormGradOp } from "./ops/add-rms-norm.ts";
import { addOp } from "./ops/elementwise.ts";
import { linearGradInputOp, linearGradWeightOp, linearOp } from "./ops/linear.ts";
import { mixTokensGradInputOp, mixTokensGradWeightOp, mixTokensOp } from "./ops/mix-tokens.ts";
import { featureMlpGradOp, featureMlpOp, tokenMlpGradOp, tokenMlpOp } from "./ops/mlp.ts";
import { swigluGradOp, swigluOp } from "./ops/swiglu.ts";

/** What the native executor plans for a number format. */
export function fuseFor(format: NumberFormat, graph: Graph): Graph {
  return format === "bfloat16" ? fuseGraph(graph) : graph;
}

/** A graph that computes the same with fused ops; the given one stays as it is. */
export function fuseGraph(graph: Graph): Graph {
  const replaced = new Set<Node>();
  const fusions = new Map<Node, Fusion>();
  const reading = readersOf(graph);
  for (const node of graph.nodes) {
    const found = node.op.name === addRmsNormOp.name ? findMlp(graph, node, reading) : undefined;
    for (const fusion of found ?? []) {
      for (const part of fusion.parts) replaced.add(part);
      fusions.set(lastOf(graph, fusion.parts), fusion);
    }
  }
  return rebuild(graph, replaced, fusions);
}

/** Nodes that one op takes the place of, where the last of them stands. */
interface Fusion {
  readonly parts: readonly Node[];
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  /** What takes the place of each result of the op; undefined where nothing did. */
  readonly results: readonly (Value | undefined)[];
}

/** Who reads a value; the caller of the program counts as `undefined`. */
type Readers = (value: Value) => readonly (Node | undefined)[];

interface Kind {
  readonly axis: number;
  readonly product: string;
  readonly gradInput: string;
  readonly gradWeight: string;
  readonly forward: Op;
  readonly backward: Op;
}

const KINDS: readonly Kind[] = [
  {
    axis: -1,
    ...{ product: linearOp.name, gradInput: linearGradInputOp.name, gradWeight: linearGradWeightOp.name },
    // Like Graph.apply, the table forgets the kinds of attributes.
    ...{ forward: featureMlpOp as unknown as Op, backward: featureMlpGradOp },
  },
  {
    axis: -2,
    product: mixTokensOp.name,
    ...{ gradInput: mixTokensGradInputOp.name, gradWeight: mixTokensGradWeightOp.name },
    ...{ forward: tokenMlpOp as unknown as Op, backward: tokenMlpGradOp },
  },
];

/** The parts of an MLP: norm(h + down(gate(gateUp(h)))). */
interface Mlp {
  readonly kind: Kind;
  readonly gateUp: Node;
  readonly gate: Node;
  readonly down: Node;
  readonly norm: Node;
}

/** The MLP that ends in a norm and, where it has one, its gradient; nothing if anyone else reads what lies between. */
function findMlp(graph: Graph, norm: Node, readers: Readers): Fusion[] | undefined {
  const kind = KINDS.find(({ axis }) => axis === norm.attributes.axis);
  const [h, sum] = norm.inputs;
  const down = producerOf(sum, kind?.product);
  const gate = producerOf(down?.inputs[0], swigluOp.name);
  const gateUp = producerOf(gate?.inputs[0], kind?.product);
  if (!kind || !down || !gate || !gateUp || gateUp.inputs[0] !== h) return undefined;
  if (gate.attributes.axis !== kind.axis) return undefined;
  const [wGateUp, wDown] = [gateUp.inputs[1], down.inputs[1]];
  if (wGateUp.storage !== "whole" || wDown.storage !== "whole") return undefined;
  const { epsilon } = norm.attributes;
  const inputs = [h, wGateUp, wDown];
  if (typeof kind.forward.types(inputs, { epsilon }) === "string") return undefined;

  const mlp: Mlp = { kind, gateUp, gate, down, norm };
  const gradient = findGradient(graph, mlp, readers);
  const parts = [gateUp, gate, down, norm];
  const inside = [...parts, ...(gradient?.parts ?? [])];
  const isRead = [gateUp, gate, down].some(({ outputs: [value] }) =>
    readers(value).some((reader) => !reader || !inside.includes(reader)),
  );
  if (isRead) return undefined;
  const results = [norm.outputs[0], norm.outputs[1], gateUp.outputs[0]].slice(0, kind.axis === -1 ? 3 : 2);
  const forward: Fusion = { parts, op: kind.forward, inputs, attributes: { epsilon }, results };
  return gradient ? [forward, gradient] : [forward];
}

function findGradient(graph: Graph, mlp: Mlp, readers: Readers): Fusion | undefined {
  const { kind, gateUp, gate, down, norm } = mlp;
  const [y, inverseRms] = norm.outputs;
  const [h, wGateUp] = gateUp.inputs;
  const readerOf = (value: Value | undefined, op: string, at: number, also?: Value) =>
    value &&
    readers(value).find(
      (node) => node?.op.name === op && node.inputs[at] === value && (!also || node.inputs.includes(also)),
    );
  const normGrad = readerOf(inverseRms, rmsNormGradOp.name, 1);
  const ds = normGrad?.outputs[0];
  const downGrad = readerOf(ds, kind.gradInput, 0, down.inputs[1]);
  const downWeight = readerOf(ds, kind.gradWeight, 0, gate.outputs[0]);
  const gateGrad = readerOf(downGrad?.outputs[0], swigluGradOp.name, 1, gateUp.outputs[0]);
  const dGateUp = gateGrad?.outputs[0];
  const gateUpGrad = readerOf(dGateUp, kind.gradInput, 0, wGateUp);
  const gateUpWeight = readerOf(dGateUp, kind.gradWeight, 0, h);
  const sum = gateUpGrad && readers(gateUpGrad.outputs[0]).find((node) => node?.op.name === addOp.name);
  if (!normGrad || !downGrad || !downWeight || !gateGrad || !gateUpGrad || !gateUpWeight || !sum || !ds)
    return undefined;
  if (!sum.inputs.includes(ds)) return undefined;

  const inner = [normGrad, downGrad, gateGrad, gateUpGrad];
  const parts = [...inner, downWeight, gateUpWeight, sum];
  const last = graph.nodes.indexOf(lastOf(graph, parts));
  // What lies between is read by the parts only, and their results by nobody before the last of them.
  const isClosed =
    inner.every(({ outputs: [value] }) =>
      readers(value).every((reader) => reader && parts.includes(reader)),
    ) &&
    [downWeight, gateUpWeight, sum].every(({ outputs: [value] }) =>
      readers(value).every((reader) => !reader || graph.nodes.indexOf(reader) > last),
    );
  if (!isClosed) return undefined;
  const [wDown, dy] = [down.inputs[1], normGrad.inputs[2]];
  const sums = [gateUpWeight.inputs[2], downWeight.inputs[2]];
  const weights = kind.axis === -1 ? [wGateUp, wDown] : [wGateUp, wGateUp, wDown];
  const kept = kind.axis === -1 ? [gateUp.outputs[0]] : [];
  return {
    parts,
    op: kind.backward,
    inputs: [h, ...weights, y, inverseRms, dy, ...kept, ...sums],
    attributes: {},
    results: [sum.outputs[0], gateUpWeight.outputs[0], downWeight.outputs[0]],
  };
}

function producerOf(value: Value | undefined, op: string | undefined): Node | undefined {
  return value?.producer?.op.name === op ? value?.producer : undefined;
}

function lastOf(graph: Graph, nodes: readonly Node[]): Node {
  return graph.nodes[Math.max(...nodes.map((node) => graph.nodes.indexOf(node)))];
}

function readersOf(graph: Graph): Readers {
  const readers = new Map<Value, (Node | undefined)[]>();
  const note = (value: Value, reader: Node | undefined) => {
    const known = readers.get(value);
    if (known) known.push(reader);
    else readers.set(value, [reader]);
  };
  for (const node of graph.nodes) for (const input of node.inputs) note(input, node);
  for (const value of [...graph.outputs.values(), ...graph.updates.values()]) note(value, undefined);
  return (value) => readers.get(value) ?? [];
}

/** The graph over again, with fused ops in the places of their last parts. */
function rebuild(graph: Graph, replaced: ReadonlySet<Node>, fusions: ReadonlyMap<Node, Fusion>): Graph {
  const copy = new Graph();
  const copies = new Map<Value, Value>();
  for (const input of graph.inputs) {
    const { name, shape, dtype, storage = "whole" } = input;
    copies.set(input, copy.input(name, shape, { storage, dtype }));
  }
  const copyOf = (value: Value): Value => copies.get(value) ?? value;
  for (const node of graph.nodes) {
    const fusion = fusions.get(node);
    if (!fusion && replaced.has(node)) continue;
    const { op, inputs, attributes } = fusion ?? node;
    const results: readonly (Value | undefined)[] = fusion?.results ?? node.outputs;
    const apply = () => copy.apply(op, inputs.map(copyOf), attributes);
    const made = node.scope ? copy.scoped(node.scope, apply) : apply();
    made.forEach((value, i) => {
      const before = results[i];
      if (before) copies.set(before, value);
    });
  }
  for (const [name, value] of graph.outputs) copy.output(name, copyOf(value));
  for (const [state, value] of graph.updates) copy.update(copyOf(state), copyOf(value));
  return copy;
}
