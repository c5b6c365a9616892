// The reference executor's own promises: precision, bindings it refuses, states. What it computes: ops/known-values.

import { expect, test } from "vitest";
import { Graph } from "../../graph.ts";
import { add, scale } from "../../ops/elementwise.ts";
import { makeReferenceExecutor } from "./reference.ts";

function thirdsGraph(): Graph {
  const graph = new Graph();
  const x = graph.input("x", ["rows", 2], { storage: "row" });
  graph.output("third", scale(graph, x, 1 / 3));
  return graph;
}

test("float32 rounds every result, float64 none", async () => {
  const x = Float64Array.of(1, 2);
  const third = new Float64Array(2);
  await makeReferenceExecutor("float64").compile(thirdsGraph()).run({ x, third }, { rows: 1 });
  expect(third).toEqual(Float64Array.of(1 / 3, 2 / 3));
  await makeReferenceExecutor("float32").compile(thirdsGraph()).run({ x, third }, { rows: 1 });
  expect(third).toEqual(Float64Array.of(Math.fround(1 / 3), Math.fround(2 / 3)));
});

test("buffers may be larger than the run, and only its rows are touched", async () => {
  const x = Float32Array.of(3, 6, 9, 12);
  const third = new Float32Array(4).fill(-1);
  await makeReferenceExecutor("float32").compile(thirdsGraph()).run({ x, third }, { rows: 1 });
  expect(Array.from(third)).toEqual([1, 2, -1, -1]);
});

test("missing and short bindings are refused", async () => {
  const program = makeReferenceExecutor("float32").compile(thirdsGraph());
  const x = Float32Array.of(1, 2);
  await expect(program.run({ third: x }, { rows: 1 })).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ToolError: nothing is bound to 'x']`,
  );
  await expect(program.run({ x }, { rows: 1 })).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ToolError: nothing is bound to 'third']`,
  );
  await expect(program.run({ x, third: x }, { rows: 2 })).rejects.toThrowErrorMatchingInlineSnapshot(
    `[ToolError: 'x' is bound to 2 elements, 4 are needed]`,
  );
  const short = program.run({ x, third: x.subarray(1) }, { rows: 1 });
  await expect(short).rejects.toThrow("'third' is bound to 1 elements, 2 are needed");
});

test("states change after the run, all at once", async () => {
  const graph = new Graph();
  const a = graph.input("a", ["rows"], { storage: "row" });
  const b = graph.input("b", ["rows"], { storage: "row" });
  graph.update(a, add(graph, a, b));
  graph.update(b, scale(graph, a, 10));
  const bound = { a: Float64Array.of(1), b: Float64Array.of(2) };
  const program = makeReferenceExecutor("float64").compile(graph);
  await program.run(bound, { rows: 1 });
  expect([bound.a[0], bound.b[0]]).toEqual([3, 10]);
  await program.run(bound, { rows: 1 });
  expect([bound.a[0], bound.b[0]]).toEqual([13, 30]);
});

test("an illegal graph is refused when it is compiled", () => {
  const graph = thirdsGraph();
  graph.nodes.length = 0;
  expect(() => makeReferenceExecutor("float32").compile(graph)).toThrow("output 'third' is not computed");
});
