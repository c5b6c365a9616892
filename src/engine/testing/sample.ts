// One instance of an op for a test: inputs of chosen shapes with random contents, and the graph around the op. What the
// op cases (op-cases.ts) produce and what the gradient, backend and plan tests consume.

import { type RandomStream, stream } from "../../base/random/threefry.ts";
import { bfloat16FromFloat32, float32FromBfloat16 } from "../../formats/half.ts";
import type { Bindings, Buffer, Executor } from "../executors/executor.ts";
import { type DType, Graph, type Storage, type Value } from "../graph.ts";
import { isBfloat16, type NumberFormat } from "../number-format.ts";
import type { Attributes, Op } from "../op.ts";
import { elementCount, hasRows, resolveShape, type Shape } from "../shape.ts";

/** Draws the contents of an input; `shape` is the resolved shape. */
export type Contents = (random: RandomStream, shape: readonly number[]) => number[];

export interface InputSpec {
  readonly shape: Shape;
  readonly contents: Contents;
  /** Default: as for inputs of graphs. */
  readonly dtype?: DType;
  /** Default: `row` if the shape has rows, else `whole`. */
  readonly storage?: Storage;
}

export interface Sample {
  readonly rows: number;
  readonly seed: number;
  readonly inputs: readonly InputSpec[];
  readonly attributes?: Attributes;
  /** How the op is applied, where that takes more than the inputs as they are; returns the op's results. */
  readonly build?: (graph: Graph, inputs: readonly Value[]) => readonly Value[];
}

export interface BuiltSample {
  readonly graph: Graph;
  readonly inputs: readonly Value[];
  readonly results: readonly Value[];
}

const each = (draw: (random: RandomStream) => number): Contents => {
  return (random, shape) => Array.from({ length: elementCount(shape) }, () => draw(random));
};

/** Uniform in -2 … 2. */
export const signed = each((random) => 4 * random.uniform() - 2);
/** Uniform in -0.5 … 0.5. */
export const small = each((random) => random.uniform() - 0.5);
/** Uniform in 0.1 … 2. */
export const positive = each((random) => 0.1 + 1.9 * random.uniform());
/** Uniform in -2 … 2 with exact zeros between. */
export const signedWithZeros = each((random) => (random.uniform() < 0.2 ? 0 : 4 * random.uniform() - 2));
export const zeroOrOne = each((random) => random.below(2));
export const integersBetween = (low: number, high: number): Contents =>
  each((random) => low + random.below(high - low + 1));
export const constants = (...numbers: number[]): Contents => {
  return () => numbers;
};

/** Labels below `count`, some of them ignored; every third row has none at all. */
export const labelsBelow = (count: number): Contents => {
  return (random, shape) => {
    const perRow = elementCount(shape.slice(1));
    return Array.from({ length: elementCount(shape) }, (_, i) => {
      const isBare = Math.floor(i / perRow) % 3 === 2;
      return isBare || random.uniform() < 0.3 ? -100 : random.below(count);
    });
  };
};

/** The graph of one op: results with rows are outputs `y0` …, in-place results update their inputs `x0` …. */
export function buildSample(op: Op, sample: Sample): BuiltSample {
  const graph = new Graph();
  const inputs = sample.inputs.map(({ shape, dtype, storage }, i) =>
    graph.input(`x${i}`, shape, { storage: storage ?? (hasRows(shape) ? "row" : "whole"), dtype }),
  );
  const results = sample.build?.(graph, inputs) ?? graph.apply(op, inputs, sample.attributes ?? {});
  return { graph, inputs, results };
}

/** Makes every result of the op an output or an update. */
export function exposeResults(op: Op, { graph, results }: BuiltSample): void {
  results.forEach((result, i) => {
    const replaced = op.inPlace?.[i];
    const state = replaced === undefined ? undefined : result.producer?.inputs[replaced];
    if (state) graph.update(state, result);
    else graph.output(`y${i}`, result);
  });
}

export type Precision = "float32" | "float64";

/** Random contents for inputs, rounded to float32 in either precision, so that both see the same numbers. */
export function drawInputs(sample: Sample, precision: Precision): Record<string, Buffer> {
  const sizes = { rows: sample.rows, tokens: 0 };
  return Object.fromEntries(
    sample.inputs.map(({ shape, contents, dtype }, i) => {
      const numbers = contents(stream(sample.seed, "input", i), resolveShape(shape, sizes));
      return [`x${i}`, dtype === "int" ? Int32Array.from(numbers) : toFloat(numbers, precision)];
    }),
  );
}

function toFloat(numbers: readonly number[], precision: Precision): Buffer {
  const rounded = Float32Array.from(numbers);
  return precision === "float32" ? rounded : Float64Array.from(rounded);
}

/** Buffers of NaN (-77 for integers) for every output of a graph. */
export function outputBuffers(
  graph: Graph,
  rows: number,
  precision: Precision,
  format: NumberFormat = "float32",
): Record<string, Buffer> {
  return Object.fromEntries(
    [...graph.outputs].map(([name, value]) => {
      const length = elementCount(resolveShape(value.shape, { rows, tokens: 0 }));
      if (value.dtype === "int") return [name, new Int32Array(length).fill(-77)];
      if (isBfloat16(value.dtype, format)) return [name, new Uint16Array(length).fill(BFLOAT16_NAN)];
      const numbers = precision === "float32" ? new Float32Array(length) : new Float64Array(length);
      return [name, numbers.fill(Number.NaN)];
    }),
  );
}

const BFLOAT16_NAN = 0x7fc0;

/**
 * What a run leaves in outputs and updated inputs, as numbers in any format. `inputs` are copied first (and rounded where
 * the format is a shorter one); lane inputs get their sum over lanes.
 */
export async function runGraph(
  executor: Executor,
  graph: Graph,
  inputs: Readonly<Record<string, Buffer>>,
  rows: number,
  microBatch?: number,
  format: NumberFormat = "float32",
): Promise<Record<string, Buffer>> {
  const precision = executor.description.isa === "float64" ? "float64" : "float32";
  const { lanes } = executor.description;
  const outputs = outputBuffers(graph, rows, precision, format);
  const bound: Record<string, Buffer> = {};
  for (const { name, storage, dtype } of graph.inputs) {
    const given = inputs[name];
    if (storage === "lane") bound[name] = firstLaneOf(given, lanes);
    else if (isBfloat16(dtype, format)) bound[name] = bfloat16FromFloat32(Float32Array.from(given));
    else bound[name] = given.slice();
  }
  const bindings: Bindings = { ...bound, ...outputs };
  const program = executor.compile(graph, { microBatch, format });
  await program.run(bindings, { rows });
  program.dispose();
  const updated = [...graph.updates.keys()].map(({ name, storage }): [string, Buffer] => [
    name,
    storage === "lane" ? sumOfLanes(bound[name], lanes) : bound[name],
  ]);
  return Object.fromEntries(
    [...Object.entries(outputs), ...updated].map(([name, buffer]) => [
      name,
      buffer instanceof Uint16Array ? float32FromBfloat16(buffer) : buffer,
    ]),
  );
}

/** One copy a lane: the given numbers in the first, zeros in the others. */
function firstLaneOf(sum: Buffer, lanes: number): Buffer {
  const copies =
    sum instanceof Float64Array ? new Float64Array(sum.length * lanes) : new Float32Array(sum.length * lanes);
  copies.set(sum);
  return copies;
}

/** In double, so that the order of the lanes adds no rounding of its own. */
function sumOfLanes(copies: Buffer, lanes: number): Float64Array {
  const length = copies.length / lanes;
  const sum = new Float64Array(length);
  copies.forEach((number, i) => {
    sum[i % length] += number;
  });
  return sum;
}
