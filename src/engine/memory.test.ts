// Memory plans, judged by running them: the shadow executor interprets the encoded plan over one arena that starts as
// NaN, and must find what the reference executor finds. Overlapping values, wrong offsets, sizes or orders show.

import fc from "fast-check";
import { expect, test } from "vitest";
import { fuseGraph } from "./fuse.ts";
import { Graph, type Value } from "./graph.ts";
import { NUMBER_FORMATS } from "./number-format.ts";
import { add, scale } from "./ops/elementwise.ts";
import { linear } from "./ops/linear.ts";
import { formatPlan, makePlan } from "./plan.ts";
import { OP_CASES } from "./testing/op-cases.ts";
import { buildRecipe, drawContents, recipes } from "./testing/random-graph.ts";
import { buildSample, drawInputs, exposeResults } from "./testing/sample.ts";
import { expectShadowAgrees } from "./testing/shadow-check.ts";

test.each(NUMBER_FORMATS)("plans of random graphs compute what the graphs mean: %s", async (format) => {
  await fc.assert(
    fc.asyncProperty(recipes, fc.integer({ min: 1, max: 3 }), async (recipe, lanes) => {
      const built = buildRecipe(recipe);
      const graph = format === "bfloat16" ? fuseGraph(built) : built;
      const given = drawContents(graph, recipe.rows, recipe.seed);
      await expectShadowAgrees(graph, given, { ...recipe, lanes }, format);
    }),
    { numRuns: 200, seed: 11 },
  );
});

const kernels = OP_CASES.filter(({ op }) => op.name !== "stopGradient").flatMap((each) =>
  NUMBER_FORMATS.map((format) => ({ ...each, format, name: each.op.name })),
);

test.each(kernels)("operands of $name are those of its kernel: $format", async ({ op, samples, format }) => {
  await fc.assert(
    fc.asyncProperty(samples(fc.integer({ min: 1, max: 4 })), async (sample) => {
      const built = buildSample(op, sample);
      exposeResults(op, built);
      const given = drawInputs(sample, "float32");
      await expectShadowAgrees(built.graph, given, { rows: sample.rows, microBatch: 2, lanes: 2 }, format);
    }),
    { numRuns: 10, seed: 3 },
  );
});

/** y = (x · wᵀ) · wᵀ with a state. */
function stateGraph(update: (graph: Graph, state: Value, y: Value) => Value) {
  const graph = new Graph();
  const x = graph.input("x", ["rows", 4], { storage: "row" });
  const w = graph.input("w", [4, 4], { storage: "whole" });
  const state = graph.input("state", ["rows", 4], { storage: "row" });
  const y = linear(graph, linear(graph, x, w), w);
  graph.update(state, update(graph, state, y));
  return { graph, y };
}

test("outputs and new states are computed in the caller's buffers", () => {
  const { graph, y } = stateGraph((graph, state, y) => add(graph, y, linear(graph, state, graph.inputs[1])));
  graph.output("y", y);
  expect(formatPlan(makePlan(graph, 3))).toMatchInlineSnapshot(`
    "micro-batch 3, arena 64 bytes
    linear               x w @0 | 3×4×4
    linear               @0 w y | 3×4×4
    linear               state w @0 | 3×4×4
    add                  y @0 state | 12"
  `);
});

test("a new state waits in the arena while the old one is still read", () => {
  const { graph } = stateGraph((graph, state, y) => {
    const next = add(graph, y, state);
    graph.output("later", add(graph, next, state));
    return next;
  });
  expect(formatPlan(makePlan(graph, 3))).toMatchInlineSnapshot(`
    "micro-batch 3, arena 128 bytes
    linear               x w @0 | 3×4×4
    linear               @0 w @16 | 3×4×4
    add                  @16 state @16 | 12
    add                  @16 state later | 12
    slice                @16 state | 1×12×12×0×1   copy to state"
  `);
});

test("one value under two names is computed once and copied", () => {
  const { graph, y } = stateGraph((_, __, y) => y);
  graph.output("first", y);
  graph.output("second", y);
  expect(formatPlan(makePlan(graph, 1))).toMatchInlineSnapshot(`
    "micro-batch 1, arena 64 bytes
    linear               x w @0 | 1×4×4
    linear               @0 w first | 1×4×4
    slice                first second | 1×4×4×0×1   copy to second
    slice                first state | 1×4×4×0×1   copy to state"
  `);
});

test("elementwise chains stay in one place", () => {
  const graph = new Graph();
  let x = linear(
    graph,
    graph.input("x", ["rows", 16], { storage: "row" }),
    graph.input("w", [16, 16], { storage: "whole" }),
  );
  for (let i = 0; i < 10; i++) x = scale(graph, add(graph, x, x), 0.5);
  graph.output("y", linear(graph, x, graph.inputs[1]));
  // add(x, x) reads one value twice, so it gets memory of its own; scale then works in place.
  expect(makePlan(graph, 1).arenaBytes).toBe(2 * 64);
});
