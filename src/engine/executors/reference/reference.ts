// The judge: evaluates a graph node by node with the ops' own reference evaluations, on the whole batch at once.
// Slow and obvious; shares neither plan nor kernels nor micro-batches with the native executor. In bfloat16 it rounds
// what it is given, the weights of products and the result of every op, and computes in between as always.

import { invariant, ToolError } from "../../../base/errors.ts";
import { bfloat16FromFloat32, float32FromBfloat16 } from "../../../formats/half.ts";
import { checkGraph } from "../../check.ts";
import type { DType, Graph, Value } from "../../graph.ts";
import { isBfloat16, NUMBER_FORMATS, type NumberFormat } from "../../number-format.ts";
import type { Tensor } from "../../op.ts";
import { elementCount, resolveShape, type SymbolSizes } from "../../shape.ts";
import type { Bindings, Buffer, Executor, Program } from "../executor.ts";

type Numbers = Tensor["data"];

export type ReferencePrecision = "float32" | "float64";

/** An executor that works in float32 (rounding every result) or float64. */
export function makeReferenceExecutor(precision: ReferencePrecision = "float32"): Executor {
  return {
    description: { backend: "reference", isa: precision, threads: 1, lanes: 1 },
    formats: NUMBER_FORMATS,
    compile(graph, { microBatch, expectedRows, format = "float32" } = {}) {
      checkGraph(graph);
      return makeProgram(graph, { precision, format }, microBatch ?? expectedRows ?? 1);
    },
    liveBytes: () => 0,
  };
}

interface Arithmetic {
  readonly precision: ReferencePrecision;
  readonly format: NumberFormat;
}

/** There are no micro-batches: `microBatch` is what the caller expects, for the record. */
function makeProgram(graph: Graph, arithmetic: Arithmetic, microBatch: number): Program {
  return {
    microBatch,
    arenaBytes: 0,
    async run(bindings, { rows, tokens = 0 }) {
      const sizes = { rows, tokens };
      const tensors = new Map<Value, Tensor>();
      for (const input of graph.inputs) tensors.set(input, readBinding(bindings, input, sizes, arithmetic));
      evaluateNodes(graph, tensors, sizes, arithmetic);
      for (const [name, value] of graph.outputs) writeBack(bindings, name, value, tensors, arithmetic);
      for (const [state, value] of graph.updates) writeBack(bindings, state.name, value, tensors, arithmetic);
    },
    dispose() {},
  };
}

function evaluateNodes(
  graph: Graph,
  tensors: Map<Value, Tensor>,
  sizes: SymbolSizes,
  arithmetic: Arithmetic,
): void {
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input, i) => {
      const tensor = tensors.get(input);
      invariant(tensor, `'${input.name}' has no value`);
      const isPacked =
        arithmetic.format === "bfloat16" && node.op.packs?.some(({ operand }) => operand === i);
      return isPacked ? roundedCopy(tensor) : tensor;
    });
    const outputs = node.outputs.map((output, i): Tensor => {
      const shape = resolveShape(output.shape, sizes);
      if (node.op.view === true) return { shape, data: inputs[0].data };
      const replaced = node.op.inPlace?.[i];
      if (replaced !== undefined) return { shape, data: inputs[replaced].data.slice() };
      return { shape, data: allocate(output.dtype, elementCount(shape), arithmetic) };
    });
    if (node.op.view !== true) {
      invariant(node.op.evaluate, `\`${node.op.name}\` has no reference evaluation`);
      node.op.evaluate(inputs, outputs, node.attributes);
      node.outputs.forEach(({ dtype }, i) => {
        roundTo(arithmetic.format, dtype, outputs[i].data);
      });
    }
    node.outputs.forEach((output, i) => {
      tensors.set(output, outputs[i]);
    });
  }
}

function allocate(dtype: DType, length: number, { precision }: Arithmetic): Numbers {
  if (dtype === "int") return new Int32Array(length);
  return precision === "float64" ? new Float64Array(length) : new Float32Array(length);
}

/** Rounds numbers that the format stores shorter, where they are. */
function roundTo(format: NumberFormat, dtype: DType, numbers: Numbers): void {
  if (isBfloat16(dtype, format)) numbers.set(roundToBfloat16(numbers));
}

/** Weights are float32, but products in bfloat16 read them in bfloat16. */
function roundedCopy({ shape, data }: Tensor): Tensor {
  const copy = data.slice();
  copy.set(roundToBfloat16(data));
  return { shape, data: copy };
}

function roundToBfloat16(numbers: Numbers): Float32Array {
  return float32FromBfloat16(bfloat16FromFloat32(Float32Array.from(numbers)));
}

function readBinding(bindings: Bindings, input: Value, sizes: SymbolSizes, arithmetic: Arithmetic): Tensor {
  const shape = resolveShape(input.shape, sizes);
  const source = boundData(bindings, input.name, input.dtype, arithmetic);
  const length = elementCount(shape);
  checkLength(input.name, source, length);
  const data = allocate(input.dtype, length, arithmetic);
  const given = source.subarray(0, length);
  data.set(given instanceof Uint16Array ? float32FromBfloat16(given) : given);
  roundTo(arithmetic.format, input.dtype, data);
  return { shape, data };
}

function writeBack(
  bindings: Bindings,
  name: string,
  value: Value,
  tensors: ReadonlyMap<Value, Tensor>,
  arithmetic: Arithmetic,
): void {
  const tensor = tensors.get(value);
  invariant(tensor, `'${name}' was not computed`);
  const target = boundData(bindings, name, value.dtype, arithmetic);
  checkLength(name, target, tensor.data.length);
  const isBits = target instanceof Uint16Array;
  target.set(isBits ? bfloat16FromFloat32(Float32Array.from(tensor.data)) : tensor.data);
}

function checkLength(name: string, bound: Buffer, needed: number): void {
  if (bound.length < needed)
    throw new ToolError(`'${name}' is bound to ${bound.length} elements, ${needed} are needed`, {
      code: "engine/binding",
    });
}

/** Floats of any width are taken as numbers; bits of bfloat16 only where such are stored. */
function boundData(bindings: Bindings, name: string, dtype: DType, { format }: Arithmetic): Buffer {
  const bound = bindings[name];
  if (!bound) throw new ToolError(`nothing is bound to '${name}'`, { code: "engine/binding" });
  const buffer = ArrayBuffer.isView(bound) ? bound : bound.data;
  if (buffer instanceof Uint16Array && !isBfloat16(dtype, format))
    throw new ToolError(`'${name}' holds ${dtype} in ${format} and is bound to a Uint16Array`, {
      code: "engine/binding",
    });
  return buffer;
}
