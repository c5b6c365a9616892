// What an ONNX file may ask of a runtime: the ops that we write, loops of as many rounds as the file says it has steps,
// and sizes that fit memory. A runtime gets only files that pass, so that a damaged one ends in a message here and not
// in a round of years or in gigabytes there.

import { ToolError } from "../base/errors.ts";
import type { OnnxAbout } from "./about.ts";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from "./proto.ts";

/** All that lowerings.ts and the two forms write. */
const OPS: ReadonlySet<string> = new Set([
  ...[
    "Add",
    "ArgMax",
    "Cast",
    "Concat",
    "Div",
    "Erf",
    "Expand",
    "Gather",
    "Identity",
    "Loop",
    "MatMul",
    "Mul",
    "Neg",
  ],
  ...[
    "Pad",
    "ReduceMean",
    "Reshape",
    "Shape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Split",
    "Sqrt",
    "Sub",
    "Transpose",
  ],
  ...["Unsqueeze", "Where"],
]);

/** Numbers in one array that goes in or comes out: a gigabyte. */
const MOST_NUMBERS = 2 ** 28;
/** Numbers of one row that a list of sizes may stand for (`Expand`, `Pad`, `Reshape`). */
const MOST_IN_A_ROW = 2 ** 24;

/** @param rows what an open batch will be @param where stands in errors */
export function checkRunnable(model: OnnxModel, about: OnnxAbout, rows: number, where: string): void {
  const fail = (what: string): ToolError =>
    new ToolError(`the ONNX file is damaged or not Whorl's: ${what}`, {
      code: "onnx/not-runnable",
      where,
      hint: "export the model again",
    });
  const { graph } = model;
  const constants = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  if (constants.size < graph.initializers.length) throw fail("two of its initializers have the same name");
  for (const value of [...graph.inputs, ...graph.outputs]) checkValue(value, rows, fail);
  for (const tensor of graph.initializers) checkConstant(tensor, fail);
  checkNodes(graph, { depth: 0, steps: about.steps, constants, fail });
  if (about.form === "solve" && graph.outputs.some(({ dims }) => dims[0] !== about.steps))
    throw fail(`its outputs do not have the ${about.steps} steps that it speaks of`);
}

type Fail = (what: string) => ToolError;

interface Allowed {
  readonly depth: number;
  readonly steps: number;
  readonly constants: ReadonlyMap<string, OnnxTensor>;
  readonly fail: Fail;
}

function checkNodes(graph: OnnxGraph, allowed: Allowed): void {
  for (const node of graph.nodes) {
    if (!OPS.has(node.op)) throw allowed.fail(`it has the op ${JSON.stringify(node.op)}`);
    if (node.op === "Loop") checkLoop(node, allowed);
    for (const attribute of Object.values(node.attributes ?? {}))
      if ("graph" in attribute) checkBody(node, attribute.graph, allowed);
  }
}

function checkLoop({ name, inputs }: OnnxNode, { steps, constants, fail }: Allowed): void {
  const count = constants.get(inputs[0]);
  const rounds = count?.type === "int64" && count.bytes.length === 8 ? wholeNumbers(count)[0] : undefined;
  if (rounds !== steps) throw fail(`its loop '${name}' has ${rounds ?? "an unknown number of"} rounds`);
}

function checkBody(node: OnnxNode, body: OnnxGraph, allowed: Allowed): void {
  if (node.op !== "Loop" || allowed.depth > 0)
    throw allowed.fail(`'${node.name}' has a graph where none should be`);
  for (const tensor of body.initializers) checkConstant(tensor, allowed.fail);
  checkNodes(body, { ...allowed, depth: allowed.depth + 1 });
}

function checkValue({ name, dims }: OnnxValue, rows: number, fail: Fail): void {
  const sizes = dims.map((dim) => (typeof dim === "number" ? dim : rows));
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 1))
    throw fail(`'${name}' has the shape [${dims.join(", ")}]`);
  if (productOf(sizes) > MOST_NUMBERS) throw fail(`'${name}' of [${sizes.join(", ")}] is too large`);
}

/** Lists of whole numbers are sizes. */
function checkConstant(tensor: OnnxTensor, fail: Fail): void {
  if (tensor.type !== "int64") return;
  const sizes = wholeNumbers(tensor).map((size) => Math.max(1, Math.abs(size)));
  if (productOf(sizes) > MOST_IN_A_ROW) throw fail(`the sizes '${tensor.name}' are too large`);
}

function wholeNumbers({ bytes }: OnnxTensor): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}

function productOf(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1);
}
