// Fusion keeps what a graph means and changes only what it should.

import { expect, test } from "vitest";
import { SMALL_MODELS, trmContents } from "../models/testing/small-trm.ts";
import { makeReferenceExecutor } from "./executors/reference/reference.ts";
import { flopsPerRow } from "./flops.ts";
import { fuseGraph } from "./fuse.ts";
import { Graph, type Value } from "./graph.ts";
import { addRmsNorm } from "./ops/add-rms-norm.ts";
import { scale } from "./ops/elementwise.ts";
import { linear } from "./ops/linear.ts";
import { mixTokens } from "./ops/mix-tokens.ts";
import { swiglu } from "./ops/swiglu.ts";
import { formatPlan, makePlan } from "./plan.ts";
import { runGraph } from "./testing/sample.ts";
import { workOf } from "./timing.ts";

const namesOf = (graph: Graph) => graph.nodes.map(({ op }) => op.name);
const count = (graph: Graph, name: string) => namesOf(graph).filter((other) => other === name).length;
/** What there was of each MLP: the gate alone is in no other part of TRM. */
const gatesOf = (graph: Graph) => [count(graph, "swiglu"), count(graph, "swigluGrad")];

test.each(SMALL_MODELS)(
  "every MLP of TRM with %s is fused and computes exactly the same",
  async (_, model) => {
    const graph = model.trainingGraph({ lossScale: 0.2, trace: true });
    const before = namesOf(graph);
    const fused = fuseGraph(graph);
    expect(namesOf(graph)).toEqual(before);
    expect(gatesOf(fused)).toEqual([0, 0]);
    const [forward, backward] = gatesOf(graph);
    expect(backward).toBeGreaterThan(0);
    expect(count(fused, "featureMlp") + count(fused, "tokenMlp")).toBe(forward);
    expect(count(fused, "featureMlpGrad") + count(fused, "tokenMlpGrad")).toBe(backward);
    expect(flopsPerRow(fused)).toBe(flopsPerRow(graph));
    const given = trmContents(model, graph, 3, 4);
    const executor = makeReferenceExecutor("float32");
    expect(await runGraph(executor, fused, given, 3)).toEqual(await runGraph(executor, graph, given, 3));
  },
);

test.each(SMALL_MODELS)(
  "TRM with %s and frozen weights keeps the parts that it differentiates",
  async (_, model) => {
    const graph = model.trainingGraph({ lossScale: 0.2, freezeWeights: true });
    const fused = fuseGraph(graph);
    expect(count(fused, "featureMlpGrad") + count(fused, "tokenMlpGrad")).toBe(0);
    expect(gatesOf(fused)[1]).toBe(gatesOf(graph)[1]);
    expect(gatesOf(fused)[0]).toBe(gatesOf(graph)[1]);
    const given = trmContents(model, graph, 3, 4);
    const executor = makeReferenceExecutor("float32");
    expect(await runGraph(executor, fused, given, 3)).toEqual(await runGraph(executor, graph, given, 3));
  },
);

interface Variation {
  /** Hidden width of both gates. */
  half?: number;
  axis?: -1 | -2;
  gateAxis?: -1 | -2;
  /** Another residual than the input of the MLP. */
  residual?: (graph: Graph, h: Value) => Value;
}

/** y = rms(h + down(swiglu(gateUp(h)))) of h [rows, 4, 4], over features or tokens. */
function mlpGraph({ half = 16, axis = -1, gateAxis = axis, residual = (_, h) => h }: Variation = {}) {
  const graph = new Graph();
  const h = graph.input("h", ["rows", 4, 4], { storage: "row" });
  const [wGateUp, wDown] = [
    graph.input("wGateUp", [2 * half, 4], { storage: "whole" }),
    graph.input("wDown", [4, half], { storage: "whole" }),
  ];
  const product = axis === -1 ? linear : mixTokens;
  const gateUp = product(graph, h, wGateUp);
  const down = product(graph, swiglu(graph, gateUp, { axis: gateAxis }), wDown);
  graph.output("y", addRmsNorm(graph, residual(graph, h), down, { axis, epsilon: 1e-5 }));
  return { graph, gateUp, down };
}

test("an MLP without gradient: nothing but the result has a place", () => {
  expect(formatPlan(makePlan(fuseGraph(mlpGraph().graph), 3, { format: "bfloat16" }))).toMatchInlineSnapshot(`
    "micro-batch 3, arena 0 bytes, packed weights 4096 bytes
    packWeight.bf16      wGateUp packed@0 | 32×4 (1, 0, 1)   packed weights
    packWeight.bf16      wDown packed@512 | 4×16 (1, 0, 0)   packed weights
    featureMlp.bf16      h packed@0 packed@512 y - - | 12×4×32 (0.00001)"
  `);
  const tokens = fuseGraph(mlpGraph({ axis: -2 }).graph);
  expect(formatPlan(makePlan(tokens, 3, { format: "bfloat16" }))).toMatchInlineSnapshot(`
    "micro-batch 3, arena 0 bytes, packed weights 4096 bytes
    packWeight.bf16      wGateUp packed@0 | 32×4 (0, 0, 1)   packed weights
    packWeight.bf16      wDown packed@512 | 4×16 (0, 0, 0)   packed weights
    tokenMlp.bf16        h packed@0 packed@512 y - | 3×4×32×4 (0.00001)"
  `);
});

test("what is not the whole pattern stays as it is", () => {
  const unfused = ["linear", "swiglu", "linear", "addRmsNorm"];
  expect(namesOf(fuseGraph(mlpGraph().graph))).toEqual(["featureMlp"]);
  expect(namesOf(fuseGraph(mlpGraph({ half: 8 }).graph))).toEqual(unfused); // 16 is no multiple of 32
  expect(namesOf(fuseGraph(mlpGraph({ axis: -2, half: 3 }).graph))).toEqual(["tokenMlp"]);
  const residual = (graph: Graph, h: Value) => scale(graph, h, 2);
  expect(namesOf(fuseGraph(mlpGraph({ residual }).graph))).toEqual([
    ...["linear", "swiglu", "linear", "scale", "addRmsNorm"],
  ]);
  for (const part of ["gateUp", "down"] as const) {
    const built = mlpGraph();
    built.graph.output("part", built[part]);
    expect(namesOf(fuseGraph(built.graph))).toEqual(unfused);
  }
});

test("the bytes that a profile counts: two a number, packed weights too, nothing for what is not written", () => {
  const plan = makePlan(fuseGraph(mlpGraph().graph), 3, { format: "bfloat16" });
  const timing = { plan, rows: 6, tokens: 0, threads: 1, seconds: new Float64Array(3), wallSeconds: 0 };
  const [packing, , mlp] = plan.instructions.map((instruction) => workOf(instruction, timing));
  expect(packing).toEqual({ calls: 1, flops: 0, bytes: 32 * 4 * (4 + 2) });
  const weights = 32 * 4 + 4 * 16;
  expect(mlp).toEqual({ calls: 2, flops: 2 * 6 * 4 * weights, bytes: 2 * (6 * 16 + 2 * weights + 6 * 16) });
});
