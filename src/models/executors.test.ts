// Training and evaluation graphs of every architecture and ablation on the executors of plans, against the judge in float64.

import { describe, expect, test } from "vitest";
import type { Buffer } from "../engine/executors/executor.ts";
import { makeReferenceExecutor } from "../engine/executors/reference/reference.ts";
import type { Graph } from "../engine/graph.ts";
import { fastBackends } from "../engine/testing/native.ts";
import { runGraph } from "../engine/testing/sample.ts";
import type { RecursiveModel } from "./model.ts";
import { TINY_MODELS } from "./testing/tiny-models.ts";
import { drawContents } from "./testing/tiny-trm.ts";

const ROWS = 5;
/** Relative to each tensor's largest entry: what two float32 programs that sum in different orders differ by. */
const TOLERANCE = 2e-5;
const judge = makeReferenceExecutor("float64");

const graphs: Readonly<Record<string, (model: RecursiveModel) => Graph>> = {
  training: (model) => model.trainingGraph({ lossScale: 1 / ROWS, trace: true }),
  evaluation: (model) => model.evaluationGraph({ labels: true, logits: true }),
};

/** The same numbers in float32 and in float64. */
function drawBoth(model: RecursiveModel, graph: Graph) {
  const drawn = Object.entries(drawContents(model, graph, ROWS, 7));
  const single = drawn.map(([name, x]): [string, Buffer] => [
    name,
    x instanceof Int32Array ? x : Float32Array.from(x),
  ]);
  const double = single.map(([name, x]): [string, Buffer] => [
    name,
    x instanceof Int32Array ? x : Float64Array.from(x),
  ]);
  return { single: Object.fromEntries(single), double: Object.fromEntries(double) };
}

describe.each(fastBackends)("on $backend $isa", (fast) => {
  test.skipIf(!fast.isThere).each(TINY_MODELS)("%s computes what the judge computes", async (_, model) => {
    for (const [kind, graphOf] of Object.entries(graphs)) {
      const { single, double } = drawBoth(model, graphOf(model));
      const expected = await runGraph(judge, graphOf(model), double, ROWS);
      const executor = await fast.make({ lanes: 2, threads: 1 });
      const actual = await runGraph(executor, graphOf(model), single, ROWS, 2);
      expect(Object.keys(actual)).toEqual(Object.keys(expected));
      for (const [name, wanted] of Object.entries(expected)) {
        const largest = Math.max(...Array.from(wanted, Math.abs));
        const off = Math.max(...Array.from(wanted, (x, i) => Math.abs(x - actual[name][i])));
        expect(off, `${kind} ${name}`).toBeLessThanOrEqual(TOLERANCE * largest);
      }
    }
  });
});
