// Sums and constant factors, the two ways of looking at a value as another (reshape and stopGradient), and the casts
// between the number format of the program and float32.

import type { DType, Graph, Node, Value } from "../graph.ts";
import { defineOp, type Op, type Tensor } from "../op.ts";
import { elementCount, formatShape, type Shape, sameShape, sameSize, sizeOf } from "../shape.ts";

/** a + b, of equal shapes. */
export function add(graph: Graph, a: Value, b: Value): Value {
  return graph.apply(addOp, [a, b], {})[0];
}

/** x [rows, ...rest] + b [...trailing axes of x], the same b for every row and leading axis. */
export function addBroadcast(graph: Graph, x: Value, b: Value): Value {
  return graph.apply(addBroadcastOp, [x, b], {})[0];
}

/** c · x. */
export function scale(graph: Graph, x: Value, factor: number): Value {
  return graph.apply(scaleOp, [x], { factor })[0];
}

/** A value full of one number, with the shape of another. */
export function fillLike(graph: Graph, like: Value, value: number): Value {
  return graph.apply(fillOp, [], { value, shape: like.shape, dtype: like.dtype })[0];
}

/** The same numbers under another shape of the same size. */
export function reshape(graph: Graph, x: Value, shape: Shape): Value {
  return graph.apply(reshapeOp, [x], { shape })[0];
}

/** x as a constant: no gradient flows through. */
export function stopGradient(graph: Graph, x: Value): Value {
  return graph.apply(stopGradientOp, [x], {})[0];
}

/** float -> float32. */
export function widen(graph: Graph, x: Value): Value {
  return graph.apply(widenOp, [x], {})[0];
}

/** float32 -> float: rounded where the number format is a shorter one. */
export function narrow(graph: Graph, x: Value): Value {
  return graph.apply(narrowOp, [x], {})[0];
}

export const addOp = defineOp({
  name: "add",
  operands: ["any", "same"],
  mayOverwrite: [0, 1],
  types([a, b]) {
    if (!sameShape(a.shape, b.shape)) return "both summands must have the same shape";
    return [a];
  },
  evaluate([a, b], [y]) {
    for (let i = 0; i < y.data.length; i++) y.data[i] = a.data[i] + b.data[i];
  },
  gradient: ({ gradients: [dy] }) => [dy, dy],
  kernel: (node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});

export const addBroadcastOp = defineOp({
  name: "addBroadcast",
  operands: ["float", "float32"],
  mayOverwrite: [0],
  types([x, b]) {
    const trailing = x.shape.slice(x.shape.length - b.shape.length);
    if (!sameShape(trailing, b.shape))
      return `the summand must have the trailing shape ${formatShape(trailing)}`;
    return [x];
  },
  evaluate([x, b], [y]) {
    for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[i] + b.data[i % b.data.length];
  },
  gradient({ graph, gradients: [dy] }) {
    return dy ? [dy, (sum) => graph.apply(sumRowsOp, [dy, sum], {})[0]] : [];
  },
  kernel: (node) => ({ sizes: broadcastSizes(node.inputs[0], node.inputs[1]) }),
});

/** sum [...trailing] += dy over all leading axes. */
export const sumRowsOp = defineOp({
  name: "sumRows",
  operands: ["float", "float32"],
  inPlace: [1],
  accumulates: true,
  types: ([, sum]) => [sum],
  evaluate([dy], [sum]) {
    for (let i = 0; i < dy.data.length; i++) sum.data[i % sum.data.length] += dy.data[i];
  },
  kernel: (node: Node) => ({ sizes: broadcastSizes(node.inputs[0], node.inputs[1]) }),
});

export const scaleOp = defineOp<{ readonly factor: number }>({
  name: "scale",
  mayOverwrite: [0],
  types: ([x]) => [x],
  evaluate([x], [y], { factor }) {
    for (let i = 0; i < y.data.length; i++) y.data[i] = factor * x.data[i];
  },
  gradient: ({ graph, gradients: [dy] }, { factor }) => (dy ? [scale(graph, dy, factor)] : []),
  kernel: (node, { factor }) => ({ sizes: [sizeOf(...node.inputs[0].shape)], params: [factor] }),
});

export const fillOp = defineOp<{ readonly value: number; readonly shape: Shape; readonly dtype: DType }>({
  name: "fill",
  types: (_, { shape, dtype }) => [{ shape, dtype }],
  evaluate(_, [y], { value }) {
    y.data.fill(value);
  },
  kernel: (node, { value }) => ({ sizes: [sizeOf(...node.outputs[0].shape)], params: [value] }),
});

export const reshapeOp = defineOp<{ readonly shape: Shape }>({
  name: "reshape",
  view: true,
  types([x], { shape }) {
    if (!sameSize(sizeOf(...x.shape), sizeOf(...shape))) return `cannot be seen as ${formatShape(shape)}`;
    return [{ shape, dtype: x.dtype }];
  },
  gradient: ({ graph, node, gradients: [dy] }) => (dy ? [reshape(graph, dy, node.inputs[0].shape)] : []),
});

export const stopGradientOp = defineOp({
  name: "stopGradient",
  view: true,
  types: ([x]) => [x],
});

export const widenOp: Op = defineOp({
  name: "widen",
  operands: ["float"],
  view: "float32",
  types: ([x]) => [{ shape: x.shape, dtype: "float32" }],
  evaluate: copyNumbers,
  gradient: ({ graph, gradients: [dy] }) => (dy ? [narrow(graph, dy)] : []),
  kernel: (node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});

export const narrowOp: Op = defineOp({
  name: "narrow",
  operands: ["float32"],
  view: "float32",
  types: ([x]) => [{ shape: x.shape, dtype: "float" }],
  evaluate: copyNumbers,
  gradient: ({ graph, gradients: [dy] }) => (dy ? [widen(graph, dy)] : []),
  kernel: (node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});

/** The executor rounds what it keeps in a shorter format. */
function copyNumbers([x]: readonly Tensor[], [y]: readonly Tensor[]): void {
  y.data.set(x.data);
}

/** How many times b fits into x, and its length. */
function broadcastSizes(x: Value, b: Value) {
  return [
    sizeOf(...x.shape.slice(0, x.shape.length - b.shape.length)),
    sizeOf(elementCount(b.shape.map(Number))),
  ];
}
