// Runs a graph's plan on the shadow executor and expects what the reference executor finds on the whole batch: exactly,
// except for sums over rows, which the two round at different points.

import { expect } from "vitest";
import type { Buffer } from "../executors/executor.ts";
import { makeReferenceExecutor } from "../executors/reference/reference.ts";
import type { Graph } from "../graph.ts";
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
) {
  const expected = await runGraph(makeReferenceExecutor("float32"), graph, given, rows);
  const bound = Object.fromEntries(
    graph.inputs.map(({ name, storage }): [string, Buffer] => [
      name,
      storage === "lane" ? firstOf(lanes, given[name]) : given[name].slice(),
    ]),
  );
  const outputs = outputBuffers(graph, rows, "float32");
  runShadow(makePlan(graph, microBatch), { ...bound, ...outputs }, { rows, lanes });
  for (const name of graph.outputs.keys()) expect([name, outputs[name]]).toEqual([name, expected[name]]);
  for (const { name, storage } of graph.updates.keys()) {
    if (storage === "row") expect([name, bound[name]]).toEqual([name, expected[name]]);
    else expectSum(bound[name], expected[name]);
  }
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
