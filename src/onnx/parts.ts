// What both forms of an exported model are made of: the evaluation graph, its weights as initializers, the question as
// input, and the results of one step by their names in the file.

import { invariant } from "../base/errors.ts";
import type { Graph, Value } from "../engine/graph.ts";
import type { Shape } from "../engine/shape.ts";
import type { RecursiveModel } from "../models/model.ts";
import type { ModelWeights } from "../models/weights.ts";
import { viewsOf } from "../nn/parameters.ts";
import type { OnnxAbout } from "./about.ts";
import { type GraphWriter, makeGraphWriter } from "./graph-writer.ts";
import { onnxTypeOf, type ValueNames } from "./lower.ts";
import type { OnnxType, OnnxValue } from "./proto.ts";
import {
  makeWeightWriter,
  type WeightFormat,
  type WeightNumbers,
  type WeightWriter,
} from "./weight-writer.ts";

/** Name of the table of puzzle vectors. */
export const TABLE = "puzzle_emb.weights";

/** A graph under way. */
export interface ExportParts {
  readonly model: RecursiveModel;
  readonly graph: Graph;
  readonly writer: GraphWriter;
  readonly weights: WeightWriter;
  readonly names: ValueNames;
}

/** Results of one step, by their names in the file. */
export type StepResults = ReadonlyMap<
  string,
  { readonly name: string; readonly type: OnnxType; readonly shape: Shape }
>;

/** @param options.batch a fixed number of rows; open without */
export function startParts(
  model: RecursiveModel,
  weights: ModelWeights,
  options: { batch?: number; weights?: WeightFormat },
): ExportParts {
  const graph = model.evaluationGraph({ logits: true });
  const writer = makeGraphWriter(options.batch);
  const numbers = weightNumbers(model, weights, graph);
  return {
    model,
    graph,
    writer,
    weights: makeWeightWriter(writer, numbers, options.weights ?? "float32"),
    names: new Map(),
  };
}

function weightNumbers(
  model: RecursiveModel,
  { layout, weights, buffers, table }: ModelWeights,
  graph: Graph,
): Map<string, WeightNumbers> {
  const trained = viewsOf(layout, weights);
  const numbers = new Map<string, WeightNumbers>();
  for (const { name, shape, storage } of graph.inputs) {
    if (storage !== "whole") continue;
    const exact = buffers.get(name) ?? model.constants.get(name);
    const found = exact ?? trained.get(name);
    invariant(found, `no numbers for the weight '${name}'`);
    numbers.set(name, { shape: shape.map(Number), data: found, exact: exact !== undefined });
  }
  const size = model.puzzleVectorSize;
  if (size > 0) numbers.set(TABLE, { shape: [table.length / size, size], data: table });
  return numbers;
}

/** What a form adds to the question. */
export interface Written {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** What both forms take: the question, and which puzzle it is. */
export function writeInputs(
  { graph, writer, weights, names }: ExportParts,
  puzzle: OnnxAbout["puzzle"],
): OnnxValue[] {
  const value = inputNamed(graph, "inputs");
  names.set(value, "inputs");
  const inputs: OnnxValue[] = [describedValue(writer, "inputs", value)];
  if (puzzle === "none") return inputs;
  const rows = inputNamed(graph, "puzzle_rows");
  if (puzzle === "vectors") {
    names.set(rows, "puzzle_rows");
    inputs.push(describedValue(writer, "puzzle_rows", rows));
    return inputs;
  }
  const identifiers = "puzzle_identifiers";
  inputs.push({ name: identifiers, type: "int32", dims: writer.dims(["rows"]) });
  names.set(rows, weights.lookUp(writer, TABLE, identifiers, "puzzle_rows"));
  writer.describe("puzzle_rows", "float32", rows.shape);
  return inputs;
}

/** Name of what a carry becomes. */
export function updatedName(graph: Graph, names: ValueNames, carry: string): string {
  const value = graph.updates.get(inputNamed(graph, carry));
  const name = value && names.get(value);
  invariant(name, `the carry '${carry}' is not updated`);
  return name;
}

/** Logits, predictions, and the two halting logits apart. */
export function stepResults(
  graph: Graph,
  writer: GraphWriter,
  names: ValueNames,
  prefix: string,
): StepResults {
  const outputNamed = (name: string): Value => {
    const value = graph.outputs.get(name);
    invariant(value, `the evaluation graph has no output '${name}'`);
    return value;
  };
  const results = ["logits", "preds"].map((key) => {
    const value = outputNamed(key);
    return [key, { name: names.get(value) ?? key, type: onnxTypeOf(value), shape: value.shape }] as const;
  });
  const halting = names.get(outputNamed("q_logits")) ?? "q_logits";
  const logit = (key: string, column: number) => {
    const shape: Shape = ["rows"];
    const index = writer.initializer({
      ...{ name: `constant/column${column}`, type: "int64", dims: [] },
      bytes: new Uint8Array(BigInt64Array.of(BigInt(column)).buffer),
    });
    const name = writer.node("Gather", [halting, index], {
      name: `${prefix}heads/${key}`,
      attributes: { axis: { int: 1 } },
    });
    writer.describe(name, "float32", shape);
    return [key, { name, type: "float32", shape }] as const;
  };
  return new Map([...results, logit("q_halt", 0), logit("q_continue", 1)]);
}

export function inputNamed(graph: Graph, name: string): Value {
  const value = graph.inputs.find((input) => input.name === name);
  invariant(value, `the evaluation graph has no input '${name}'`);
  return value;
}

export function describedValue(writer: GraphWriter, name: string, value: Value): OnnxValue {
  return { name, type: onnxTypeOf(value), dims: writer.dims(value.shape) };
}
