// What each op of a forward graph is in standard ONNX ops (opset 17), in float32. Ops of gradients, losses and updates
// have no entry: nobody exports them. The meaning of an op is told in engine/ops; the tests compare the two.

import { ToolError } from "../base/errors.ts";
import type { Node, Value } from "../engine/graph.ts";
import type { Attributes } from "../engine/op.ts";
import { aroundAxis, type Dim, type Shape } from "../engine/shape.ts";
import type { GraphWriter } from "./graph-writer.ts";
import { onnxTypeCode } from "./proto.ts";
import type { WeightWriter } from "./weight-writer.ts";

export interface LoweringContext {
  readonly node: Node;
  readonly writer: GraphWriter;
  readonly weights: WeightWriter;
  /** Name of the node's first result; further nodes are named under it. */
  readonly name: string;
  /** ONNX name of an input that is computed, or a row input. */
  nameOf(value: Value): string;
}

/** Writes the nodes and returns the name of the first result. */
export type Lowering = (context: LoweringContext) => string;

export const LOWERINGS: Readonly<Record<string, Lowering>> = {
  add: binary("Add"),
  addBroadcast: binary("Add"),
  scale: ({ node, writer, name, nameOf }) =>
    writer.node("Mul", [nameOf(node.inputs[0]), writer.scalar(numberOf(node, "factor"))], { name }),
  reshape: ({ node, writer, name, nameOf }) =>
    reshape(writer, nameOf(node.inputs[0]), node.inputs[0].shape, node.outputs[0].shape, name),
  stopGradient: alias,
  widen: alias,
  narrow: alias,
  linear: ({ node, writer, weights, name, nameOf }) =>
    writer.node("MatMul", [nameOf(node.inputs[0]), weights.turned(node.inputs[1])], { name }),
  mixTokens: ({ node, writer, weights, name, nameOf }) =>
    writer.node("MatMul", [weights.plain(node.inputs[1]), nameOf(node.inputs[0])], { name }),
  // Ids outside the table are zeros to the engine; to ONNX they are errors.
  embedding: ({ node, writer, weights, name, nameOf }) =>
    weights.lookUp(writer, node.inputs[1].name, nameOf(node.inputs[0]), name),
  slice: lowerSlice,
  pad: lowerPad,
  concat: ({ node, writer, name, nameOf }) =>
    writer.node("Concat", node.inputs.map(nameOf), {
      name,
      attributes: { axis: { int: numberOf(node, "axis") } },
    }),
  swiglu: lowerSwiglu,
  addRmsNorm: lowerAddRmsNorm,
  rope: lowerRope,
  attention: lowerAttention,
  multiply: binary("Mul"),
  multiplyBroadcast: binary("Mul"),
  layerNorm: lowerLayerNorm,
  gelu: lowerGelu,
  selectRows: lowerSelectRows,
  chooseRows: lowerChooseRows,
  repeatRows: lowerRepeatRows,
  argmax: lowerArgmax,
};

function binary(op: string): Lowering {
  return ({ node, writer, weights, name, nameOf }) => {
    const [a, b] = node.inputs;
    return writer.node(op, [nameOf(a), b.storage === "whole" ? weights.plain(b) : nameOf(b)], { name });
  };
}

/** In float32 the result is the input. */
function alias({ node, nameOf }: LoweringContext): string {
  return nameOf(node.inputs[0]);
}

function lowerSlice({ node, writer, name, nameOf }: LoweringContext): string {
  const [axis, start, length] = ["axis", "start", "length"].map((key) => numberOf(node, key));
  const bounds = [[start], [start + length], [axis]].map((values) => writer.ints(values));
  return writer.node("Slice", [nameOf(node.inputs[0]), ...bounds], { name });
}

function lowerPad({ node, writer, name, nameOf }: LoweringContext): string {
  const [axis, start, length] = ["axis", "start", "length"].map((key) => numberOf(node, key));
  const { shape } = node.inputs[0];
  const n = Number(aroundAxis(shape, axis).n);
  const before = shape.map((_, i) => (i === shape.length + axis ? start : 0));
  const after = shape.map((_, i) => (i === shape.length + axis ? length - n - start : 0));
  return writer.node("Pad", [nameOf(node.inputs[0]), writer.ints([...before, ...after])], { name });
}

/** silu(g) ⊙ u of the two halves of an axis. */
function lowerSwiglu({ node, writer, name, nameOf }: LoweringContext): string {
  const axis = numberOf(node, "axis");
  const half = Number(aroundAxis(node.outputs[0].shape, axis).n);
  const split = { name: `${name}/split`, attributes: { axis: { int: axis } } };
  const [gate, up] = writer.manyResults("Split", [nameOf(node.inputs[0]), writer.ints([half, half])], split, [
    "gate",
    "up",
  ]);
  const sigmoid = writer.node("Sigmoid", [gate], { name: `${name}/sigmoid` });
  const silu = writer.node("Mul", [gate, sigmoid], { name: `${name}/silu` });
  return writer.node("Mul", [silu, up], { name });
}

/** s / √(mean(s²) + ε) with s = h + r. The second result, for gradients, is not written. */
function lowerAddRmsNorm({ node, writer, name, nameOf }: LoweringContext): string {
  const part = (op: string, inputs: string[], label: string) =>
    writer.node(op, inputs, { name: `${name}/${label}` });
  const sum = part("Add", node.inputs.map(nameOf), "sum");
  const squares = part("Mul", [sum, sum], "squares");
  const mean = writer.node("ReduceMean", [squares], {
    name: `${name}/mean`,
    attributes: { axes: { ints: [numberOf(node, "axis")] }, keepdims: { int: 1 } },
  });
  const shifted = part("Add", [mean, writer.scalar(numberOf(node, "epsilon"))], "shifted");
  return writer.node("Div", [sum, part("Sqrt", [shifted], "root")], { name });
}

/** x ⊙ cos + [-x2, x1] ⊙ sin on the first heads of the last axis; the rest passes. */
function lowerRope(context: LoweringContext): string {
  const { node, writer, weights, name, nameOf } = context;
  const [x, cos, sin] = node.inputs;
  if (node.attributes.interleaved === true || node.attributes.sign !== 1)
    throw noForm(node, "only the half-split rotation forwards has a form in ONNX here");
  const heads = numberOf(node, "rotatedHeads");
  const [length, size] = cos.shape.map(Number);
  const rotated = heads * size;
  const rest = Number(x.shape[2]) - rotated;
  const last = { axis: { int: -1 } };
  const parts =
    rest > 0
      ? writer.manyResults(
          "Split",
          [nameOf(x), writer.ints([rotated, rest])],
          { name: `${name}/split`, attributes: last },
          ["turned", "kept"],
        )
      : [nameOf(x)];
  const perHead: Shape = [x.shape[0], x.shape[1], heads, size];
  const flat: Shape = [x.shape[0], x.shape[1], rotated];
  const split = reshape(writer, parts[0], flat, perHead, `${name}/heads`);
  const [first, second] = writer.manyResults(
    "Split",
    [split, writer.ints([size / 2, size / 2])],
    { name: `${name}/halves`, attributes: last },
    ["first", "second"],
  );
  const negative = writer.node("Neg", [second], { name: `${name}/negative` });
  const crossed = writer.node("Concat", [negative, first], { name: `${name}/crossed`, attributes: last });
  const table = (value: Value) => weights.shaped(value, [length, 1, size]); // the same for all heads
  const alongCos = writer.node("Mul", [split, table(cos)], { name: `${name}/cos` });
  const alongSin = writer.node("Mul", [crossed, table(sin)], { name: `${name}/sin` });
  const sum = writer.node("Add", [alongCos, alongSin], { name: `${name}/sum` });
  if (rest === 0) return reshape(writer, sum, perHead, flat, name);
  const joined = reshape(writer, sum, perHead, flat, `${name}/joined`);
  return writer.node("Concat", [joined, parts[1]], { name, attributes: last });
}

/** softmax(q · kᵀ / √hd) · v for every head. The second result, for gradients, is not written. */
function lowerAttention({ node, writer, name, nameOf }: LoweringContext): string {
  const [qkv] = node.inputs;
  const [rows, length, packed] = qkv.shape;
  const heads = numberOf(node, "heads");
  const width = Number(packed) / 3;
  const size = width / heads;
  const thirds = writer.manyResults(
    "Split",
    [nameOf(qkv), writer.ints([width, width, width])],
    { name: `${name}/split`, attributes: { axis: { int: -1 } } },
    ["q", "k", "v"],
  );
  const perHead: Shape = [rows, length, heads, size];
  const [q, k, v] = ["q", "k", "v"].map((label, i) => {
    const split = reshape(writer, thirds[i], [rows, length, width], perHead, `${name}/${label}_heads`);
    const order = label === "k" ? [0, 2, 3, 1] : [0, 2, 1, 3]; // keys [rows, H, hd, L], the others [rows, H, L, hd]
    return transpose(writer, split, order, `${name}/${label}`);
  });
  const scaled = writer.node("Mul", [q, writer.scalar(1 / Math.sqrt(size))], { name: `${name}/scaled` });
  const scores = writer.node("MatMul", [scaled, k], { name: `${name}/scores` });
  const softmax = { name: `${name}/weights`, attributes: { axis: { int: -1 } } };
  const seen = node.attributes.mask === "causal" ? hideLater(writer, scores, length, name) : scores;
  const weights = writer.node("Softmax", [seen], softmax);
  const mixed = writer.node("MatMul", [weights, v], { name: `${name}/mixed` });
  const back = transpose(writer, mixed, [0, 2, 1, 3], `${name}/back`);
  return reshape(writer, back, perHead, [rows, length, width], name);
}

/** Scores with those of later positions at minus infinity. */
function hideLater(writer: GraphWriter, scores: string, length: Dim, name: string): string {
  const L = Number(length);
  const mask = Float32Array.from({ length: L * L }, (_, i) =>
    i % L > Math.floor(i / L) ? Number.NEGATIVE_INFINITY : 0,
  );
  const bytes = new Uint8Array(mask.buffer);
  const later = writer.initializer({ name: `constant/causal${L}`, type: "float32", dims: [L, L], bytes });
  return writer.node("Add", [scores, later], { name: `${name}/causal` });
}

/** (x - mean) / √(mean((x - mean)²) + ε). The second result, for gradients, is not written. */
function lowerLayerNorm({ node, writer, name, nameOf }: LoweringContext): string {
  const part = (op: string, inputs: string[], label: string) =>
    writer.node(op, inputs, { name: `${name}/${label}` });
  const mean = (value: string, label: string) =>
    writer.node("ReduceMean", [value], {
      name: `${name}/${label}`,
      attributes: { axes: { ints: [-1] }, keepdims: { int: 1 } },
    });
  const x = nameOf(node.inputs[0]);
  const centred = part("Sub", [x, mean(x, "mean")], "centred");
  const variance = mean(part("Mul", [centred, centred], "squares"), "variance");
  const shifted = part("Add", [variance, writer.scalar(numberOf(node, "epsilon"))], "shifted");
  return writer.node("Div", [centred, part("Sqrt", [shifted], "root")], { name });
}

/** x · (1 + erf(x / √2)) / 2. */
function lowerGelu({ node, writer, name, nameOf }: LoweringContext): string {
  const x = nameOf(node.inputs[0]);
  const part = (op: string, inputs: string[], label: string) =>
    writer.node(op, inputs, { name: `${name}/${label}` });
  const scaled = part("Mul", [x, writer.scalar(Math.SQRT1_2)], "scaled");
  const shifted = part("Add", [part("Erf", [scaled], "erf"), writer.scalar(1)], "shifted");
  const half = part("Mul", [x, writer.scalar(0.5)], "half");
  return writer.node("Mul", [half, shifted], { name });
}

/** A select, so that whatever the state of a row holds that starts afresh is left behind. */
function lowerSelectRows({ node, writer, weights, name, nameOf }: LoweringContext): string {
  const [flag, initial, state] = node.inputs;
  const column = writeFlag(writer, nameOf(flag), name);
  return writer.node("Where", [column, weights.plain(initial), nameOf(state)], { name });
}

function lowerChooseRows({ node, writer, name, nameOf }: LoweringContext): string {
  const [flag, fresh, state] = node.inputs;
  return writer.node("Where", [writeFlag(writer, nameOf(flag), name), nameOf(fresh), nameOf(state)], {
    name,
  });
}

/** A flag [rows] as booleans [rows, 1, 1]. */
function writeFlag(writer: GraphWriter, flag: string, name: string): string {
  const attributes = { to: { int: onnxTypeCode("bool") } };
  const isFresh = writer.node("Cast", [flag], { name: `${name}/fresh`, attributes });
  return writer.node("Unsqueeze", [isFresh, writer.ints([1, 2])], { name: `${name}/column` });
}

function lowerRepeatRows({ node, writer, weights, name }: LoweringContext): string {
  const dims = writer.dims(node.outputs[0].shape);
  const fixed = dims.filter((dim): dim is number => typeof dim === "number");
  const shape = fixed.length === dims.length ? writer.ints(fixed) : writeOpenShape(writer, fixed);
  return writer.node("Expand", [weights.plain(node.inputs[0]), shape], { name });
}

/** [rows of the inputs, …]. */
export function writeOpenShape(writer: GraphWriter, rest: readonly number[]): string {
  const name = writer.freshName("fresh/shape");
  const whole = writer.node("Shape", ["inputs"], { name: `${name}/inputs` });
  const bounds = [[0], [1], [0]].map((values) => writer.ints(values));
  const rows = writer.node("Slice", [whole, ...bounds], { name: `${name}/rows` });
  return writer.node("Concat", [rows, writer.ints(rest)], { name, attributes: { axis: { int: 0 } } });
}

/** The first of equals; ONNX counts in int64. */
function lowerArgmax({ node, writer, name, nameOf }: LoweringContext): string {
  const attributes = { axis: { int: -1 }, keepdims: { int: 0 }, select_last_index: { int: 0 } };
  const index = writer.node("ArgMax", [nameOf(node.inputs[0])], { name: `${name}/int64`, attributes });
  return writer.node("Cast", [index], { name, attributes: { to: { int: onnxTypeCode("int32") } } });
}

function transpose(writer: GraphWriter, value: string, order: readonly number[], name: string): string {
  return writer.node("Transpose", [value], { name, attributes: { perm: { ints: order } } });
}

/** A dimension that stays where it is is copied, so that the batch may be open. */
function reshape(writer: GraphWriter, value: string, from: Shape, to: Shape, name: string): string {
  const dims = to.map((dim, i) => {
    if (from[i] === dim && to.slice(0, i).every((other, j) => from[j] === other)) return 0;
    return typeof dim === "number" ? dim : -1;
  });
  return writer.node("Reshape", [value, writer.ints(dims)], { name });
}

function numberOf({ op, attributes }: Node, key: keyof Attributes): number {
  const value = attributes[key];
  if (typeof value === "number") return value;
  throw new Error(`the attribute ${key} of \`${op.name}\` is no number`);
}

/** The refusal of a node that cannot be exported. */
export function noForm(node: Node, why: string): ToolError {
  return new ToolError(`\`${node.op.name}\` cannot be exported: ${why}`, {
    code: "onnx/no-lowering",
    where: node.scope || undefined,
    hint: "export the model's evaluation graph",
  });
}
