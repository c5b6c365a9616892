// Each rule of a legal graph, broken once.

import { expect, test } from "vitest";
import { checkGraph } from "./check.ts";
import { Graph, type Node, type Value } from "./graph.ts";
import { defineOp } from "./op.ts";
import { add, addBroadcast, reshape, scale, sumRowsOp, widen } from "./ops/elementwise.ts";
import { linear, linearGradWeightOp } from "./ops/linear.ts";
import { ema } from "./ops/update.ts";

function startGraph() {
  const graph = new Graph();
  const x = graph.input("x", ["rows", 2], { storage: "row" });
  const w = graph.input("w", [2, 2], { storage: "whole" });
  return { graph, x, w };
}

/** What a careless pass might do to a node. */
function alter(graph: Graph, index: number, change: Partial<Node>): void {
  graph.nodes[index] = { ...graph.nodes[index], ...change };
}

test("a graph that models build is legal", () => {
  const { graph, x, w } = startGraph();
  const sum = graph.input("grad.w", [2, 2], { storage: "lane" });
  const y = linear(graph, x, w);
  graph.output("y", y);
  graph.update(sum, graph.apply(linearGradWeightOp, [y, x, sum], {})[0]);
  graph.update(x, add(graph, x, y));
  expect(() => checkGraph(graph)).not.toThrow();
});

test("a value that no node computes", () => {
  const { graph, x } = startGraph();
  const y = scale(graph, x, 2);
  graph.output("y", y);
  graph.nodes.length = 0;
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: output 'y' is not computed (please report this)]`,
  );
  graph.outputs.clear();
  graph.update(x, y);
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: update of 'x' is not computed (please report this)]`,
  );
});

test("a value read before it is computed", () => {
  const { graph, x } = startGraph();
  graph.scoped("late", () => scale(graph, scale(graph, x, 2), 3));
  graph.nodes.reverse();
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`scale\` in late reads 'late/scale#2' before it is defined (please report this)]`,
  );
});

test("a value defined twice", () => {
  const { graph, x } = startGraph();
  scale(graph, x, 2);
  graph.nodes.push(graph.nodes[0]);
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`scale\` defines 'scale#2' again (please report this)]`,
  );
});

test("a value read after an op replaced it", () => {
  const { graph, x } = startGraph();
  const average = graph.input("average", ["rows", 2], { storage: "row", dtype: "float32" });
  const rate = graph.input("rate", [1], { storage: "whole" });
  graph.update(average, ema(graph, average, widen(graph, x), rate));
  scale(graph, average, 2);
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`scale\` reads 'average' after \`ema\` replaced it (please report this)]`,
  );
});

test("a sum that is added to twice from its old state", () => {
  const { graph, x } = startGraph();
  const sum = graph.input("sum", [2], { storage: "lane" });
  graph.apply(sumRowsOp, [x, sum], {});
  graph.apply(sumRowsOp, [x, sum], {});
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`sumRows\` reads 'sum' after \`sumRows\` replaced it (please report this)]`,
  );
});

test("an op in place on what is not a state", () => {
  const { graph, x, w } = startGraph();
  graph.apply(linearGradWeightOp, [x, x, w], {});
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`linearGradWeight\` replaces 'w' (please report this)]`,
  );
  const { graph: other, x: given } = startGraph();
  const rate = other.input("rate", [1], { storage: "whole" });
  const wide = widen(other, given);
  ema(other, scale(other, wide, 2), wide, rate);
  expect(() => checkGraph(other)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`ema\` replaces 'scale#4' (please report this)]`,
  );
});

test("results of types that the op does not give", () => {
  const altered = (change: Partial<Value>) => {
    const { graph, x } = startGraph();
    const y = scale(graph, x, 2);
    alter(graph, 0, { outputs: [{ ...y, ...change }] });
    return () => checkGraph(graph);
  };
  expect(altered({ shape: ["rows", 3] })).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`scale\`: type of result 0 (please report this)]`,
  );
  expect(altered({ dtype: "int" })).toThrow("type of result 0");
  const { graph, x } = startGraph();
  scale(graph, x, 2);
  alter(graph, 0, { outputs: [] });
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`scale\` has 0 results (please report this)]`,
  );
});

test("operands that the op refuses", () => {
  const { graph, x, w } = startGraph();
  linear(graph, x, w);
  alter(graph, 0, { inputs: [x, graph.input("wide", [2, 3], { storage: "whole" })] });
  expect(() => checkGraph(graph)).toThrow("shapes do not fit in `linear`");
});

test("an op that loses the rows without summing over them", () => {
  const { graph, x } = startGraph();
  const op = defineOp({ name: "firstRow", types: () => [{ shape: [2], dtype: "float" }] });
  graph.apply(op, [x], {});
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`firstRow\` loses the rows without being a sum over them (please report this)]`,
  );
});

test("storage that does not fit the shape", () => {
  const { graph } = startGraph();
  graph.input("carry", [2], { storage: "row" });
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: storage of 'carry' and its shape (please report this)]`,
  );
  const { graph: other } = startGraph();
  other.input("table", ["rows", 2], { storage: "whole" });
  expect(() => checkGraph(other)).toThrow("storage of 'table'");
});

test("outputs without rows, and updates of what all rows share", () => {
  const { graph, w } = startGraph();
  graph.output("doubled", scale(graph, w, 2));
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: output 'doubled' has no rows (please report this)]`,
  );
  const { graph: other, w: shared } = startGraph();
  other.update(shared, scale(other, shared, 2));
  expect(() => checkGraph(other)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: 'w' is shared by all rows and cannot be updated (please report this)]`,
  );
});

test("a graph refuses what can be refused at once", () => {
  const { graph, x, w } = startGraph();
  expect(() => graph.input("x", [1], { storage: "whole" })).toThrowErrorMatchingInlineSnapshot(
    `[ToolError: the graph already has an input 'x']`,
  );
  graph.output("y", x);
  expect(() => graph.output("y", x)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: output 'y' declared twice (please report this)]`,
  );
  expect(() => graph.update(scale(graph, x, 2), x)).toThrow("only inputs are updated");
  expect(() => graph.update(x, w)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: update of 'x' changes its shape (please report this)]`,
  );
});

test("the old value of a state that is overwritten", () => {
  const swap = new Graph();
  const [a, b] = ["a", "b"].map((name) => swap.input(name, ["rows"], { storage: "row" }));
  swap.update(a, scale(swap, a, 2));
  swap.update(b, a);
  expect(() => checkGraph(swap)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: update of 'b' is the old value of 'a', which is overwritten (please report this)]`,
  );
  const graph = new Graph();
  const state = graph.input("state", ["rows", 2], { storage: "row" });
  graph.output("before", reshape(graph, state, ["rows", 1, 2]));
  graph.update(state, scale(graph, state, 2));
  expect(() => checkGraph(graph)).toThrow("output 'before' is the old value of 'state'");
});

test("a view of a state that was replaced, and a replacement that is lost", () => {
  const graph = new Graph();
  const x = graph.input("x", ["rows", 2], { storage: "row" });
  const sum = graph.input("sum", [2], { storage: "lane" });
  const view = reshape(graph, sum, [1, 2]);
  const [added] = graph.apply(sumRowsOp, [x, sum], {});
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`sumRows\` replaces a state that is not updated (please report this)]`,
  );
  graph.update(sum, added);
  checkGraph(graph);
  graph.output("late", addBroadcast(graph, reshape(graph, x, ["rows", 1, 2]), view));
  expect(() => checkGraph(graph)).toThrowErrorMatchingInlineSnapshot(
    `[Error: internal error: \`addBroadcast\` reads 'reshape#2' after \`sumRows\` replaced it (please report this)]`,
  );
});
