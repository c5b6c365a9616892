// Differentiation of graphs: how contributions add up and where gradients stop. The rules of single ops: ops/gradients.

import { expect, test } from "vitest";
import { differentiate } from "./autodiff.ts";
import { checkGraph } from "./check.ts";
import type { Buffer } from "./executors/executor.ts";
import { makeReferenceExecutor } from "./executors/reference/reference.ts";
import { Graph, type Value } from "./graph.ts";
import { add, addBroadcast, reshape, scale, stopGradient } from "./ops/elementwise.ts";
import { linear } from "./ops/linear.ts";
import { pruneGraph } from "./prune.ts";
import { runGraph } from "./testing/sample.ts";

/** Inputs x [rows, 1] and w, v [1, 1]; `build` makes the loss. Everything is a number, so gradients are done by hand. */
function scalarGraph(
  build: (graph: Graph, x: Value, w: Value, v: Value) => Value,
  weight: number,
  wanted = "xwv",
) {
  const graph = new Graph();
  const x = graph.input("x", ["rows", 1], { storage: "row" });
  const w = graph.input("w", [1, 1], { storage: "whole" });
  const v = graph.input("v", [1, 1], { storage: "whole" });
  const loss = reshape(graph, build(graph, x, w, v), ["rows"]);
  graph.output("loss", loss);
  const inputs = [x, w, v].filter(({ name }) => wanted.includes(name));
  const gradients = differentiate(graph, loss, weight, inputs);
  const ofX = gradients.get(x);
  if (ofX) graph.output("gradient.x", ofX);
  pruneGraph(graph);
  checkGraph(graph);
  return { graph, gradients };
}

/** Gradients at x = 2 and 3, w = 5, v = 7. */
async function gradientsOf(graph: Graph): Promise<Record<string, number[]>> {
  const known: Record<string, Buffer> = {
    x: Float64Array.of(2, 3),
    w: Float64Array.of(5),
    v: Float64Array.of(7),
  };
  const given = graph.inputs.map(({ name }): [string, Buffer] => [name, known[name] ?? new Float64Array(1)]);
  const found = await runGraph(makeReferenceExecutor("float64"), graph, Object.fromEntries(given), 2);
  const { loss: _, ...gradients } = found;
  return Object.fromEntries(Object.entries(gradients).map(([name, numbers]) => [name, Array.from(numbers)]));
}

test("gradients are those of the sum over rows, times the weight", async () => {
  const { graph } = scalarGraph((graph, x, w, v) => linear(graph, linear(graph, x, w), v), 0.5);
  expect(await gradientsOf(graph)).toEqual({
    "gradient.x": [17.5, 17.5], // 0.5 · w · v
    "grad.w": [17.5], // 0.5 · (2 + 3) · v
    "grad.v": [12.5],
  });
});

test("what is used twice gets the sum of both gradients", async () => {
  const { graph } = scalarGraph((graph, x, w) => {
    const y = linear(graph, x, w); // x · w
    return add(graph, linear(graph, y, w), add(graph, y, y)); // x · w² + 2 · x · w
  }, 1);
  expect(await gradientsOf(graph)).toEqual({
    "gradient.x": [35, 35], // w² + 2 · w
    "grad.w": [60], // Σ 2 · x · w + 2 · x
  });
});

test("gradients of weights are added to what the sum holds", async () => {
  const { graph } = scalarGraph((graph, x, w) => linear(graph, x, w), 1, "w");
  const given = { x: Float64Array.of(2, 3), w: Float64Array.of(5), "grad.w": Float64Array.of(100) };
  const found = await runGraph(makeReferenceExecutor("float64"), graph, given, 2);
  expect(Array.from(found["grad.w"])).toEqual([105]);
});

test("stopGradient stops one way and not the other", async () => {
  const { graph } = scalarGraph((graph, x, w, v) => {
    const y = linear(graph, x, w);
    return add(graph, linear(graph, stopGradient(graph, y), v), y);
  }, 1);
  expect(await gradientsOf(graph)).toEqual({
    "gradient.x": [5, 5], // of y alone
    "grad.w": [5],
    "grad.v": [25], // Σ x · w
  });
});

test("a weight that the loss does not depend on has a sum that nothing is added to", async () => {
  const { graph, gradients } = scalarGraph((graph, x, w, v) => {
    graph.output("unrelated", linear(graph, x, v));
    return linear(graph, x, w);
  }, 1);
  const unused = [...gradients].find(([input]) => input.name === "v")?.[1];
  expect(unused?.storage).toBe("lane");
  expect([...graph.updates.keys()].map(({ name }) => name)).toEqual(["grad.w"]);
});

test("an input with rows that the loss does not depend on has gradient 0", async () => {
  const { graph } = scalarGraph((graph, x, w) => linear(graph, stopGradient(graph, x), w), 1);
  expect((await gradientsOf(graph))["gradient.x"]).toEqual([0, 0]);
});

test("weights that are not asked for cost nothing", () => {
  const build = (graph: Graph, x: Value, w: Value, v: Value) => linear(graph, linear(graph, x, w), v);
  const opsOf = (wanted: string) => {
    const { nodes } = scalarGraph(build, 1, wanted).graph;
    return nodes.filter(({ scope }) => scope === "backward").map(({ op }) => op.name);
  };
  const ofLoss = ["fill", "reshape"];
  expect(opsOf("v")).toEqual([...ofLoss, "linearGradWeight"]);
  expect(opsOf("w")).toEqual([...ofLoss, "linearGradInput", "linearGradWeight"]);
  expect(opsOf("x")).toEqual([...ofLoss, "linearGradInput", "linearGradInput"]);
});

test("a bias is summed over everything it was added to", async () => {
  const graph = new Graph();
  const x = graph.input("x", ["rows", 3, 1], { storage: "row" });
  const b = graph.input("b", [1], { storage: "whole" });
  const w = graph.input("w", [1, 3], { storage: "whole" });
  const sum = reshape(graph, addBroadcast(graph, x, b), ["rows", 3]);
  const loss = reshape(graph, linear(graph, scale(graph, sum, 2), w), ["rows"]);
  graph.output("loss", loss);
  differentiate(graph, loss, 1, [b]);
  const given = {
    x: new Float64Array(6),
    b: Float64Array.of(1),
    w: Float64Array.of(1, 2, 3),
    "grad.b": new Float64Array(1),
  };
  const found = await runGraph(makeReferenceExecutor("float64"), graph, given, 2);
  expect(Array.from(found["grad.b"])).toEqual([24]); // 2 rows · 2 · (1 + 2 + 3)
});
