// The reference evaluation of one op on plain numbers, for tests with known values.

import { makeReferenceExecutor } from "../executors/reference/reference.ts";
import { type DType, Graph } from "../graph.ts";
import type { Attributes, Op } from "../op.ts";
import { hasRows, type Shape } from "../shape.ts";
import { outputBuffers, runGraph } from "./sample.ts";

/** Shape, numbers, and their type where it is not the usual one. */
export type Given = readonly [Shape, readonly number[], DType?];

/** All results of an op that has no in-place ones, in float64. */
export async function evaluate<A extends Attributes>(
  op: Op<A>,
  given: readonly Given[],
  attributes: A,
  rows = 1,
): Promise<number[][]> {
  const graph = new Graph();
  const inputs = given.map(([shape, , dtype], i) =>
    graph.input(`x${i}`, shape, { storage: hasRows(shape) ? "row" : "whole", dtype }),
  );
  graph.apply(op, inputs, attributes).forEach((result, i) => {
    graph.output(`y${i}`, result);
  });
  const buffers = given.map(([, numbers, dtype], i) => [
    `x${i}`,
    dtype === "int" ? Int32Array.from(numbers) : Float64Array.from(numbers),
  ]);
  const found = await runGraph(makeReferenceExecutor("float64"), graph, Object.fromEntries(buffers), rows);
  return Object.keys(outputBuffers(graph, rows, "float64")).map((name) => Array.from(found[name]));
}
