// Plans as text, and their encoded form.

import { expect, test } from "vitest";
import { differentiate } from "./autodiff.ts";
import { Graph } from "./graph.ts";
import { defineOp } from "./op.ts";
import { addRmsNorm } from "./ops/add-rms-norm.ts";
import { crossEntropy } from "./ops/cross-entropy.ts";
import { linear } from "./ops/linear.ts";
import { encodePlan, formatPlan, makePlan } from "./plan.ts";
import { pruneGraph } from "./prune.ts";

/** x + x · wᵀ, normed, as logits. */
function trainingGraph(): Graph {
  const graph = new Graph();
  const x = graph.input("x", ["rows", 2, 16], { storage: "row" });
  const w = graph.input("w", [16, 16], { storage: "whole" });
  const labels = graph.input("labels", ["rows", 2], { storage: "row", dtype: "int" });
  const y = graph.scoped("layer", () =>
    addRmsNorm(graph, x, linear(graph, x, w), { axis: -1, epsilon: 1e-5 }),
  );
  const loss = crossEntropy(graph, y, labels, { kind: "stablemax" });
  graph.output("loss", loss);
  differentiate(graph, loss, 0.25, [w]);
  pruneGraph(graph);
  return graph;
}

test("the plan of a small training graph", () => {
  expect(formatPlan(makePlan(trainingGraph(), 3))).toMatchInlineSnapshot(`
    "micro-batch 3, arena 896 bytes
    linear               x w @0 | 6×16×16   layer
    addRmsNorm           x @0 @96 @192 | 6×16×1 (0.00001)   layer
    crossEntropy         @96 labels loss | 3×2×16 (0)
    fill                 @208 | 3 (0.25)   backward
    crossEntropyGrad     @96 labels @208 @0 | 3×2×16 (0)   backward
    rmsNormGrad          @96 @192 @0 @0 | 6×16×1   backward.layer
    linearGradWeight     @0 x grad.w | 6×16×16   backward.layer"
  `);
});

test("the encoded form: ids and counts, then operands, sizes and params", () => {
  const plan = makePlan(trainingGraph(), 3);
  const kernels = [...new Set(plan.instructions.map(({ kernel }) => kernel))];
  const words = Array.from(encodePlan(plan, kernels));
  const { length } = words;
  // linear: x and w are slots 1 and 2, M is 2 · rows.
  expect(words.splice(0, 16)).toEqual([0, 3, 3, 0, 1, 0, 2, 0, 0, 0, 2, 1, 16, 0, 16, 0]);
  const counts = plan.instructions.map(
    ({ operands, sizes, params }) => 4 + 2 * operands.length + 2 * sizes.length + params.length,
  );
  expect(length).toBe(counts.reduce((a, b) => a + b, 0));
  expect(() => encodePlan(plan, ["linear"])).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: no kernel \`addRmsNorm\` in this executor (wanted by layer) (please report this)]`,
  );
});

test("an op without a kernel cannot be planned", () => {
  const graph = new Graph();
  const x = graph.input("x", ["rows"], { storage: "row" });
  const op = defineOp({ name: "mystery", types: () => [{ shape: ["rows"], dtype: "float" }] });
  graph.output("y", graph.apply(op, [x], {})[0]);
  expect(() => makePlan(graph, 1)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`mystery\` has no native kernel (please report this)]`,
  );
});
