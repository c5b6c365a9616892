// The judge: evaluates a graph node by node with the ops' own reference evaluations, on the whole batch at once.
// Slow and obvious; shares neither plan nor kernels nor micro-batches with the native executor.

import { invariant, ToolError } from "../../../base/errors.ts";
import { checkGraph } from "../../check.ts";
import type { DType, Graph, Value } from "../../graph.ts";
import type { Tensor } from "../../op.ts";
import { elementCount, resolveShape, type SymbolSizes } from "../../shape.ts";
import type { Bindings, Buffer, Executor, Program } from "../executor.ts";

export type ReferencePrecision = "float32" | "float64";

/** An executor that works in float32 (rounding every result) or float64. */
export function makeReferenceExecutor(precision: ReferencePrecision = "float32"): Executor {
  return {
    description: { backend: "reference", isa: precision, threads: 1, lanes: 1 },
    compile(graph, { microBatch, expectedRows } = {}) {
      checkGraph(graph);
      return makeProgram(graph, precision, microBatch ?? expectedRows ?? 1);
    },
    liveBytes: () => 0,
  };
}

/** There are no micro-batches: `microBatch` is what the caller expects, for the record. */
function makeProgram(graph: Graph, precision: ReferencePrecision, microBatch: number): Program {
  return {
    microBatch,
    arenaBytes: 0,
    async run(bindings, { rows, tokens = 0 }) {
      const sizes = { rows, tokens };
      const tensors = new Map<Value, Tensor>();
      for (const input of graph.inputs) tensors.set(input, readBinding(bindings, input, sizes, precision));
      evaluateNodes(graph, tensors, sizes, precision);
      for (const [name, value] of graph.outputs) writeBack(bindings, name, tensors.get(value));
      for (const [state, value] of graph.updates) writeBack(bindings, state.name, tensors.get(value));
    },
    dispose() {},
  };
}

function evaluateNodes(
  graph: Graph,
  tensors: Map<Value, Tensor>,
  sizes: SymbolSizes,
  precision: ReferencePrecision,
): void {
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => {
      const tensor = tensors.get(input);
      invariant(tensor, `'${input.name}' has no value`);
      return tensor;
    });
    const outputs = node.outputs.map((output, i): Tensor => {
      const shape = resolveShape(output.shape, sizes);
      if (node.op.view) return { shape, data: inputs[0].data };
      const replaced = node.op.inPlace?.[i];
      if (replaced !== undefined) return { shape, data: inputs[replaced].data.slice() };
      return { shape, data: allocate(output.dtype, elementCount(shape), precision) };
    });
    if (!node.op.view) {
      invariant(node.op.evaluate, `\`${node.op.name}\` has no reference evaluation`);
      node.op.evaluate(inputs, outputs, node.attributes);
    }
    node.outputs.forEach((output, i) => {
      tensors.set(output, outputs[i]);
    });
  }
}

function allocate(dtype: DType, length: number, precision: ReferencePrecision): Buffer {
  if (dtype === "int") return new Int32Array(length);
  return precision === "float64" ? new Float64Array(length) : new Float32Array(length);
}

function readBinding(
  bindings: Bindings,
  input: Value,
  sizes: SymbolSizes,
  precision: ReferencePrecision,
): Tensor {
  const shape = resolveShape(input.shape, sizes);
  const source = boundData(bindings, input.name);
  const length = elementCount(shape);
  checkLength(input.name, source, length);
  const data = allocate(input.dtype, length, precision);
  data.set(source.subarray(0, length));
  return { shape, data };
}

function writeBack(bindings: Bindings, name: string, tensor: Tensor | undefined): void {
  invariant(tensor, `'${name}' was not computed`);
  const target = boundData(bindings, name);
  checkLength(name, target, tensor.data.length);
  target.set(tensor.data);
}

function checkLength(name: string, bound: Buffer, needed: number): void {
  if (bound.length < needed)
    throw new ToolError(`'${name}' is bound to ${bound.length} elements, ${needed} are needed`, {
      code: "engine/binding",
    });
}

function boundData(bindings: Bindings, name: string): Buffer {
  const bound = bindings[name];
  if (!bound) throw new ToolError(`nothing is bound to '${name}'`, { code: "engine/binding" });
  return ArrayBuffer.isView(bound) ? bound : bound.data;
}
