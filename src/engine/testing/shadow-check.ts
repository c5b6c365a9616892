// Runs a graph's plan on the shadow executor and expects what the reference executor finds on the whole batch: exactly,
// except for sums over rows, which the two round at different points.

import { expect } from "vitest";
import { bfloat16FromFloat32, float32FromBfloat16 } from "../../formats/half.ts";
import type { Buffer } from "../executors/executor.ts";
import { makeReferenceExecutor } from "../executors/reference/reference.ts";
import type { Graph } from "../graph.ts";
import { isBfloat16, type NumberFormat } from "../number-format.ts";
import { makePlan } from "../plan.ts";
import { outputBuffers, runGraph } from "./sample.ts";
import { runShadow } from "./shadow.ts";

interface Split {
  readonly rows: number;
  readonly microBatch: number;
  readonly lanes: number;
}

export async function expectShadowAgrees(
  graph: Graph,
  given: Readonly<Record<string, Buffer>>,
  { rows, microBatch, lanes }: Split,
  format: NumberFormat = "float32",
) {
  const expected = await runGraph(makeReferenceExecutor("float32"), graph, given, rows, undefined, format);
  const bound = Object.fromEntries(
    graph.inputs.map(({ name, storage, dtype }): [string, Buffer] => {
      if (storage === "lane") return [name, firstOf(lanes, given[name])];
      const isShort = isBfloat16(dtype, format);
      return [name, isShort ? bfloat16FromFloat32(Float32Array.from(given[name])) : given[name].slice()];
    }),
  );
  const outputs = outputBuffers(graph, rows, "float32", format);
  runShadow(makePlan(graph, microBatch, { format }), { ...bound, ...outputs }, { rows, lanes });
  for (const name of graph.outputs.keys())
    expect([name, numbersOf(outputs[name])]).toEqual([name, expected[name]]);
  for (const { name, storage } of graph.updates.keys()) {
    if (storage === "row") expect([name, numbersOf(bound[name])]).toEqual([name, expected[name]]);
    else expectSum(bound[name], expected[name]);
  }
}

function numbersOf(buffer: Buffer): Buffer {
  return buffer instanceof Uint16Array ? float32FromBfloat16(buffer) : buffer;
}

function firstOf(lanes: number, sum: Buffer): Buffer {
  const copies = new Float32Array(sum.length * lanes);
  copies.set(sum);
  return copies;
}

/** Sums over rows are rounded once a micro-batch here and once in all there. */
function expectSum(copies: Buffer, expected: Buffer) {
  expected.forEach((sum, i) => {
    let total = 0;
    for (let at = i; at < copies.length; at += expected.length) total += copies[at];
    expect(Math.abs(total - sum)).toBeLessThanOrEqual(1e-5 * (1 + Math.abs(sum)));
  });
}
