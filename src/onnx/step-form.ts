// One supervision step as a graph (form a of export.ts): the carry comes in, and goes out under names of its own, for in
// ONNX no value is written twice.

import { lowerNodes } from "./lower.ts";
import {
  describedValue,
  type ExportParts,
  inputNamed,
  stepResults,
  updatedName,
  type Written,
} from "./parts.ts";
import type { OnnxValue } from "./proto.ts";

/** Rows with `reset` not 0 start afresh, the others go on from the carry. */
export function writeStep({ model, graph, writer, weights, names }: ExportParts): Written {
  const state = ["reset", ...model.carry.keys()].map((name) => inputNamed(graph, name));
  for (const value of state) names.set(value, value.name);
  lowerNodes(graph.nodes, writer, weights, names, "");
  const results = stepResults(graph, writer, names, "");
  const outputs = Array.from(results, ([name, result]): OnnxValue => {
    writer.node("Identity", [result.name], { name });
    return { name, type: result.type, dims: writer.dims(result.shape) };
  });
  for (const name of model.carry.keys()) {
    const carry = inputNamed(graph, name);
    writer.node("Identity", [updatedName(graph, names, name)], { name: `${name}_next` });
    outputs.push(describedValue(writer, `${name}_next`, carry));
  }
  return { inputs: state.map((value) => describedValue(writer, value.name, value)), outputs };
}
