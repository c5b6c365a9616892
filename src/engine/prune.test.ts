// What stays of a graph: all that outputs and updates need, nothing else.

import fc from "fast-check";
import { expect, test } from "vitest";
import { makeReferenceExecutor } from "./executors/reference/reference.ts";
import { Graph } from "./graph.ts";
import { scale } from "./ops/elementwise.ts";
import { linear } from "./ops/linear.ts";
import { pruneGraph } from "./prune.ts";
import { buildRecipe, drawContents, recipes } from "./testing/random-graph.ts";
import { runGraph } from "./testing/sample.ts";

test("nodes and inputs that nothing needs go, states and what they need stay", () => {
  const graph = new Graph();
  const row = (name: string) => graph.input(name, ["rows", 2], { storage: "row" });
  const [x, state, unused] = [row("x"), row("state"), row("unused")];
  const w = graph.input("w", [2, 2], { storage: "whole" });
  linear(graph, scale(graph, unused, 2), w);
  graph.update(state, scale(graph, x, 3));
  pruneGraph(graph);
  expect(graph.inputs.map(({ name }) => name)).toEqual(["x", "state"]);
  expect(graph.nodes.map(({ op }) => op.name)).toEqual(["scale"]);
});

test("a node stays if any one of its results is needed", () => {
  fc.assert(
    fc.property(recipes, (recipe) => {
      const graph = buildRecipe(recipe); // prunes
      const needed = new Set([...graph.outputs.values(), ...graph.updates.values(), ...graph.updates.keys()]);
      for (const node of graph.nodes) for (const input of node.inputs) needed.add(input);
      for (const node of graph.nodes) expect(node.outputs.some((output) => needed.has(output))).toBe(true);
      for (const input of graph.inputs) expect(needed.has(input)).toBe(true);
    }),
    { numRuns: 100, seed: 2 },
  );
});

test("pruning changes no result", async () => {
  await fc.assert(
    fc.asyncProperty(recipes, async (recipe) => {
      const graph = buildRecipe(recipe);
      const given = drawContents(graph, recipe.rows, recipe.seed);
      const executor = makeReferenceExecutor("float32");
      const before = await runGraph(executor, graph, given, recipe.rows);
      const name = [...graph.outputs.keys()][0] ?? "state0";
      const kept = graph.outputs.get(name);
      if (kept) {
        graph.outputs.clear();
        graph.updates.clear();
        graph.output(name, kept);
        pruneGraph(graph);
      }
      expect((await runGraph(executor, graph, given, recipe.rows))[name]).toEqual(before[name]);
    }),
    { numRuns: 50, seed: 4 },
  );
});
