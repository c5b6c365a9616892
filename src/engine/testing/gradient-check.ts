// Compares what autodiff makes of an op with central finite differences, in float64 on the reference executor.

import { stream } from "../../base/random/threefry.ts";
import { differentiate } from "../autodiff.ts";
import type { Buffer } from "../executors/executor.ts";
import { makeReferenceExecutor } from "../executors/reference/reference.ts";
import type { Graph, Value } from "../graph.ts";
import type { Op } from "../op.ts";
import { elementCount, hasRows, resolveShape } from "../shape.ts";
import { buildSample, drawInputs, runGraph, type Sample } from "./sample.ts";
import { weightedSum } from "./weighted-sum.ts";

/** Factor of the loss, as 1 / batch size is in training. */
const LOSS_WEIGHT = 0.7;
/**
 * The step balances two errors: the third derivative (step² · f‴ / 6, about 1e-10) and cancellation
 * (1e-16 · |f| / step, about 1e-10 for the sums of some hundred terms here).
 */
const STEP = 1e-5;
const executor = makeReferenceExecutor("float64");

export interface GradientComparison {
  readonly input: number;
  readonly actual: readonly number[];
  readonly expected: readonly number[];
}

/** Gradients of LOSS_WEIGHT · Σ coefficients · result, for all float inputs: by autodiff, and by differences. */
export async function compareGradients(op: Op, sample: Sample): Promise<GradientComparison[]> {
  const forward = lossGraph(op, sample);
  const backward = lossGraph(op, sample);
  const floats = backward.inputs.filter(({ dtype }) => dtype !== "int");
  const gradients = differentiate(backward.graph, backward.loss, LOSS_WEIGHT, floats);
  const given: Record<string, Buffer> = {
    ...drawInputs(sample, "float64"),
    coefficients: coefficientsOf(forward.result, sample),
  };

  const states: Record<string, Buffer> = {}; // sums over rows start from something, to see that they are added to
  for (const [input, gradient] of gradients) {
    if (hasRows(input.shape)) backward.graph.output(`gradient.${input.name}`, gradient);
    else states[gradient.name] = given[input.name].map((x) => 3 * x);
  }
  const found = await runGraph(executor, backward.graph, { ...given, ...states }, sample.rows);
  const comparisons: GradientComparison[] = [];
  for (const [input, gradient] of gradients) {
    const start = states[gradient.name];
    const actual = start ? difference(found[gradient.name] ?? start, start) : found[`gradient.${input.name}`];
    const expected = await finiteDifferences(forward.graph, given, input.name, sample.rows);
    comparisons.push({ input: backward.inputs.indexOf(input), actual: Array.from(actual), expected });
  }
  return comparisons;
}

function lossGraph(op: Op, sample: Sample) {
  const { graph, inputs, results } = buildSample(op, sample);
  const coefficients = graph.input("coefficients", results[0].shape, {
    storage: "row",
    dtype: results[0].dtype,
  });
  const loss = weightedSum(graph, results[0], coefficients);
  graph.output("loss", loss);
  return { graph, inputs, loss, result: results[0] };
}

function coefficientsOf(result: Value, sample: Sample): Float64Array {
  const random = stream(sample.seed, "coefficients");
  const length = elementCount(resolveShape(result.shape, { rows: sample.rows, tokens: 0 }));
  return Float64Array.from({ length }, () => 2 * random.uniform() - 1);
}

async function finiteDifferences(
  graph: Graph,
  given: Readonly<Record<string, Buffer>>,
  name: string,
  rows: number,
): Promise<number[]> {
  const moved = given[name].slice();
  const lossAt = async (at: number, x: number): Promise<number> => {
    const before = moved[at];
    moved[at] = x;
    const { loss } = await runGraph(executor, graph, { ...given, [name]: moved }, rows);
    moved[at] = before;
    return LOSS_WEIGHT * Array.from(loss).reduce((sum, each) => sum + each, 0);
  };
  const slopes: number[] = [];
  for (let at = 0; at < moved.length; at++) {
    const x = moved[at];
    slopes.push(((await lossAt(at, x + STEP)) - (await lossAt(at, x - STEP))) / (2 * STEP));
  }
  return slopes;
}

function difference(a: Buffer, b: Buffer): Buffer {
  return a.map((x, i) => x - b[i]);
}
