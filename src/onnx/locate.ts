// The first node at which an exported file goes another way than the engine: every value of one supervision step is
// made an output on both sides, both start from the same carry, and the values are compared in the order of the graph.

import { ToolError } from "../base/errors.ts";
import type { Buffer, Executor } from "../engine/executors/executor.ts";
import type { Graph, Value } from "../engine/graph.ts";
import { elementCount, resolveShape } from "../engine/shape.ts";
import type { RecursionBatch } from "../eval/recursion.ts";
import { makeCarry, type RecursiveModel } from "../models/model.ts";
import type { ModelWeights } from "../models/weights.ts";
import { viewsOf } from "../nn/parameters.ts";
import { readAbout } from "./about.ts";
import { maxDifference } from "./difference.ts";
import { nameStepValues } from "./export.ts";
import { decodeModel, encodeModel, type OnnxModel } from "./proto.ts";
import { type OnnxArray, openSession, type SessionOptions } from "./run.ts";

export interface NodeDifference {
  /** Name of the node in the file, and of its result. */
  readonly node: string;
  readonly op: string;
  readonly row: number;
  readonly step: number;
  readonly maxAbsDiff: number;
  /** Divided by the largest number that is expected there. */
  readonly maxRelDiff: number;
}

export interface Compared {
  readonly model: RecursiveModel;
  readonly weights: ModelWeights;
  readonly executor: Executor;
  /** Largest relative difference that is let pass. */
  readonly tolerance: number;
}

/** Undefined when no node differs by more than the tolerance: then many small differences add up. */
export async function findFirstDifference(
  bytes: Uint8Array,
  { model, weights, executor, tolerance }: Compared,
  puzzle: RecursionBatch,
  { row, step }: { row: number; step: number },
  options: SessionOptions,
): Promise<NodeDifference | undefined> {
  const where = options.where ?? "the ONNX file";
  const file = decodeModel(bytes, where);
  if (readAbout(file, where).form !== "step")
    throw new ToolError("only a file of the step form can be looked into node by node", {
      code: "onnx/no-nodes",
      where,
      hint: "export the model with --form step and verify that",
    });
  const { graph, names } = nameStepValues(model, weights);
  const inFile = new Map(file.graph.values.map((value) => [value.name, value]));
  const compared = comparedValues(graph, names).filter(({ name }) => inFile.has(name));
  for (const { name, value } of compared) graph.output(`at ${name}`, value);

  const rows = fixedRows(file) ?? 1;
  const bindings = bindAll(model, weights, graph, puzzle, rows);
  const state = await runEngine(executor, graph, bindings, rows, step);
  const wanted = compared.map(({ name }) => name);
  const shown = { ...file, graph: showValues(file, wanted) };
  const session = await openSession(encodeModel(shown), options);
  try {
    const feeds = feedsOf(
      file,
      { ...bindings, ...state, puzzle_identifiers: repeat(puzzle.identifiers, rows) },
      rows,
    );
    const found = await session.run(feeds, wanted);
    for (const { name, value } of compared) {
      const expected = bindings[`at ${name}`];
      const data = found.get(name)?.data;
      if (!data || data instanceof BigInt64Array) continue;
      const maxAbsDiff = maxDifference(expected, data);
      const largest = largestOf(expected) || 1;
      const op = value.producer?.op.name ?? "";
      if (maxAbsDiff / largest > tolerance)
        return { node: name, op, row, step, maxAbsDiff, maxRelDiff: maxAbsDiff / largest };
    }
    return undefined;
  } finally {
    await session.close();
  }
}

function largestOf(numbers: Buffer): number {
  let most = 0;
  for (const value of numbers) most = Math.max(most, Math.abs(value));
  return most;
}

/** Results of nodes in order, each name once: a value under another type is the same value. */
function comparedValues(graph: Graph, names: ReadonlyMap<Value, string>): { name: string; value: Value }[] {
  const found = new Map<string, Value>();
  for (const node of graph.nodes) {
    const [value] = node.outputs;
    const name = names.get(value);
    if (name && !found.has(name)) found.set(name, value);
  }
  return Array.from(found, ([name, value]) => ({ name, value }));
}

/** Runs steps 1 … step; returns the carry and `reset` that the last of them started from. */
async function runEngine(
  executor: Executor,
  graph: Graph,
  bindings: Readonly<Record<string, Buffer>>,
  rows: number,
  step: number,
): Promise<Record<string, Buffer>> {
  const program = executor.compile(graph, { expectedRows: rows, format: "float32" });
  const carries = Array.from(graph.updates.keys(), ({ name }) => name);
  let before: Record<string, Buffer> = {};
  for (let k = 1; k <= step; k++) {
    bindings.reset.fill(k === 1 ? 1 : 0);
    before = Object.fromEntries([...carries, "reset"].map((name) => [name, bindings[name].slice()]));
    await program.run(bindings, { rows });
  }
  program.dispose();
  return before;
}

/** Memory for everything that the graph reads and gives, the puzzle in all rows. */
function bindAll(
  model: RecursiveModel,
  weights: ModelWeights,
  graph: Graph,
  puzzle: RecursionBatch,
  rows: number,
): Record<string, Buffer> {
  const size = model.puzzleVectorSize;
  const start = puzzle.identifiers[0] * size;
  const outputs = Array.from(graph.outputs, ([name, { shape, dtype }]): [string, Buffer] => {
    const length = elementCount(resolveShape(shape, { rows, tokens: 0 }));
    return [name, dtype === "int" ? new Int32Array(length) : new Float32Array(length)];
  });
  return {
    ...Object.fromEntries(viewsOf(weights.layout, weights.weights)),
    ...Object.fromEntries(weights.buffers),
    ...Object.fromEntries(model.constants),
    ...Object.fromEntries(makeCarry(model, rows, "float32")),
    ...Object.fromEntries(outputs),
    inputs: repeat(puzzle.inputs, rows),
    reset: new Int32Array(rows),
    puzzle_rows: repeat(weights.table.subarray(start, start + size), rows),
  };
}

function repeat(numbers: Int32Array | Float32Array, times: number): Int32Array | Float32Array {
  const { length } = numbers;
  const all =
    numbers instanceof Int32Array ? new Int32Array(times * length) : new Float32Array(times * length);
  for (let row = 0; row < times; row++) all.set(numbers, row * length);
  return all;
}

function feedsOf(file: OnnxModel, numbers: Readonly<Record<string, Buffer>>, rows: number) {
  const feeds = new Map<string, OnnxArray>();
  for (const { name, dims } of file.graph.inputs) {
    const data = numbers[name];
    if (data instanceof Float64Array) continue;
    feeds.set(name, { dims: dims.map((dim) => (typeof dim === "number" ? dim : rows)), data });
  }
  return feeds;
}

/** The graph with values in between among its outputs. */
function showValues({ graph }: OnnxModel, wanted: readonly string[]): OnnxModel["graph"] {
  const shown = graph.values.filter(({ name }) => wanted.includes(name));
  const values = graph.values.filter(({ name }) => !wanted.includes(name));
  return { ...graph, values, outputs: [...graph.outputs, ...shown] };
}

function fixedRows({ graph }: OnnxModel): number | undefined {
  const rows = graph.inputs.find(({ name }) => name === "inputs")?.dims[0];
  return typeof rows === "number" ? rows : undefined;
}
