// An engine graph as ONNX nodes: one pass over its nodes in order, each by its entry in lowerings.ts. Names follow the
// model: the scope of the node, then the weight it reads or its op, then which call of the network it is.

import { invariant } from "../base/errors.ts";
import type { Node, Value } from "../engine/graph.ts";
import type { GraphWriter } from "./graph-writer.ts";
import { LOWERINGS, noForm } from "./lowerings.ts";
import type { OnnxType } from "./proto.ts";
import type { WeightWriter } from "./weight-writer.ts";

/** ONNX names of values: inputs with rows before, every result after the nodes were written. */
export type ValueNames = Map<Value, string>;

/** Writes the nodes; their results are added to `names`. @param prefix stands before all names, for instance `step1/` */
export function lowerNodes(
  nodes: readonly Node[],
  writer: GraphWriter,
  weights: WeightWriter,
  names: ValueNames,
  prefix: string,
): void {
  const nameOf = (value: Value): string => {
    const name = names.get(value);
    invariant(name, `'${value.name}' has no name in the ONNX graph`);
    return name;
  };
  for (const node of nodes) {
    const lower = Object.hasOwn(LOWERINGS, node.op.name) ? LOWERINGS[node.op.name] : undefined;
    if (!lower) throw noForm(node, "it has no form in standard ONNX ops");
    const base = `${prefix}${node.scope ? `${node.scope}/` : ""}${labelOf(node)}`;
    const known = node.inputs.map((input) => names.get(input));
    const name = writer.freshName(base);
    const result = lower({ node, writer, weights, name, nameOf });
    names.set(node.outputs[0], result);
    // Where the result is the input under another engine type, the input was described already.
    if (!known.includes(result)) writer.describe(result, onnxTypeOf(node.outputs[0]), node.outputs[0].shape);
  }
}

export function onnxTypeOf({ dtype }: Value): OnnxType {
  return dtype === "int" ? "int32" : "float32";
}

/** Unique within one call of a block, so that a number behind it counts calls. */
function labelOf({ op, inputs }: Node): string {
  const weight = inputs.find(({ storage }) => storage === "whole");
  if (op.name === "addRmsNorm") return `${lastWord(inputs[1].producer?.scope ?? "")}_norm`;
  if (!weight || op.name === "rope") return op.name;
  const word = lastWord(weight.name.replace(/\.(embedding_)?weight$/, ""));
  return op.name === "selectRows" ? `${word}_or_carry` : word; // a weight's whole name is taken by the weight
}

function lastWord(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}
