// Reference evaluations against values worked out elsewhere: the checks of the reference implementation's specification
// (sections 4, 7 and 8), and cases small enough to do by hand.

import { expect, test } from "vitest";
import { makeReferenceExecutor } from "../executors/reference/reference.ts";
import { Graph } from "../graph.ts";
import { evaluate } from "../testing/evaluate.ts";
import { runGraph } from "../testing/sample.ts";
import { argmaxOp, matchCountsOp } from "./accuracy.ts";
import { addRmsNormOp } from "./add-rms-norm.ts";
import { attentionOp } from "./attention.ts";
import { concatOp, padOp, sliceOp } from "./axis.ts";
import { bceWithLogitsOp } from "./bce-with-logits.ts";
import { continueTargetOp } from "./continue-target.ts";
import { crossEntropyGradOp, crossEntropyOp } from "./cross-entropy.ts";
import { embeddingOp } from "./embedding.ts";
import { geluOp } from "./gelu.ts";
import { layerNormOp } from "./layer-norm.ts";
import { linearOp } from "./linear.ts";
import { mixTokensOp } from "./mix-tokens.ts";
import { ropeOp } from "./rope.ts";
import { selectRowsOp } from "./select-rows.ts";
import { swigluOp } from "./swiglu.ts";
import { adamAtan2, ema } from "./update.ts";

/** The specification gives eight digits. */
function expectClose(actual: readonly number[], expected: readonly number[], digits = 8) {
  expect(actual.length).toBe(expected.length);
  actual.forEach((x, i) => {
    expect(x).toBeCloseTo(expected[i], digits);
  });
}

test("rms norm of [1, 2, 3, 4]", async () => {
  const h = [1, 0, 0, 4];
  const r = [0, 2, 3, 0];
  const rms = [0.36514813, 0.73029626, 1.09544438, 1.46059251];
  for (const [axis, shape] of [
    [-1, ["rows", 1, 4]],
    [-2, ["rows", 4, 1]],
  ] as const) {
    const [y, inverse] = await evaluate(
      addRmsNormOp,
      [
        [shape, h],
        [shape, r],
      ],
      { axis, epsilon: 1e-5 },
    );
    expectClose(y, rms);
    expectClose(inverse, [rms[0]]);
  }
});

test("rope of [1, 2, 3, 4] at position 1", async () => {
  const angles = [1, 1e4 ** -0.5];
  const tables = (f: (x: number) => number) => [...angles, ...angles].map(f);
  const [y] = await evaluate(
    ropeOp,
    [
      [
        ["rows", 1, 6],
        [1, 2, 3, 4, 5, 6],
      ],
      [[1, 4], tables(Math.cos)],
      [[1, 4], tables(Math.sin)],
    ],
    { rotatedHeads: 1, interleaved: false, sign: 1 },
  );
  expectClose(y, [-1.98411065, 1.95990067, 2.4623779, 4.01979967, 5, 6]);
});

test("interleaved rope turns the pairs (0, 1) and (2, 3)", async () => {
  const [y] = await evaluate(
    ropeOp,
    [
      [
        ["rows", 1, 4],
        [1, 2, 3, 4],
      ],
      [
        [1, 4],
        [0, 0, -1, -1],
      ], // a quarter and half a turn
      [
        [1, 4],
        [1, 1, 0, 0],
      ],
    ],
    { rotatedHeads: 1, interleaved: true, sign: 1 },
  );
  expect(y).toEqual([-2, 1, -3, -4]);
});

test("stablemax cross entropy of [1, -2, 0]", async () => {
  const logits = [1, -2, 0];
  const rows = [0, 1, 2];
  const [loss] = await evaluate(
    crossEntropyOp,
    [
      [["rows", 1, 3], rows.flatMap(() => logits)],
      [["rows", 1], rows, "int"],
    ],
    { kind: "stablemax" },
    3,
  );
  // 0.5108256, 2.3025851, 1.2039728 in the specification: the probabilities are 2, 1/3 and 1 of 10/3.
  expectClose(loss, [Math.log(5 / 3), Math.LN10, Math.log(10 / 3)], 12);
});

test("cross entropy is a mean over the labelled positions of a row, and 0 without any", async () => {
  const [loss] = await evaluate(
    crossEntropyOp,
    [
      [
        ["rows", 3, 2],
        [0, 0, 5, -5, 0, Math.log(3), 1, 2, 3, 4, 5, 6],
      ],
      [["rows", 3], [0, -100, 1, -100, -100, -100], "int"],
    ],
    { kind: "softmax" },
    2,
  );
  expectClose(loss, [(Math.log(2) + Math.log(4 / 3)) / 2, 0], 12);
});

test("the gradient of an unlabelled position is exactly 0", async () => {
  const [gradient] = await evaluate(
    crossEntropyGradOp,
    [
      [
        ["rows", 2, 2],
        [1, 2, 3, 4],
      ],
      [["rows", 2], [-100, 0], "int"],
      [["rows"], [1], "float32"],
    ],
    { kind: "softmax" },
  );
  const sigmoid = 1 / (1 + Math.exp(-1));
  expectClose(gradient, [0, 0, -sigmoid, sigmoid], 12);
});

test("binary cross entropy, also where exp would overflow", async () => {
  const [loss] = await evaluate(
    bceWithLogitsOp,
    [
      [["rows"], [0, -5, 1000, -1000, 1000], "float32"],
      [["rows"], [1, 0, 1, 0, 0], "float32"],
    ],
    {},
    5,
  );
  expectClose(loss, [Math.LN2, Math.log1p(Math.exp(-5)), 0, 0, 1000], 12);
});

test("three steps of AdamATan2", async () => {
  const gradients = [0.5, 0.5, -0.25];
  let state: Record<string, Float64Array> = {
    p: Float64Array.of(1),
    m: Float64Array.of(0),
    v: Float64Array.of(0),
  };
  const weights: number[] = [];
  for (const [index, gradient] of gradients.entries()) {
    const t = index + 1;
    const hyper = Float64Array.of(1e-3, 0.1, 0.9, 0.95, 1 - 0.9 ** t, Math.sqrt(1 - 0.95 ** t), 0, 0);
    const found = await runGraph(
      makeReferenceExecutor("float64"),
      adamGraph(),
      { ...state, g: Float64Array.of(gradient), hyper },
      1,
    );
    state = Object.fromEntries(["p", "m", "v"].map((name) => [name, Float64Array.from(found[name])]));
    weights.push(state.p[0]);
  }
  expectClose(weights, [0.9989033135, 0.9978152024, 0.997198755], 10);
  expectClose([state.m[0], state.v[0]], [0.0605, 0.02628125], 10);
});

test("AdamATan2 leaves a weight that never had a gradient alone, but for its decay", async () => {
  const zero = new Float64Array(1);
  const hyper = Float64Array.of(1e-3, 0.1, 0.9, 0.95, 0.1, Math.sqrt(0.05), 0, 0);
  const given = { p: Float64Array.of(2), m: zero, v: zero, g: zero, hyper };
  const found = await runGraph(makeReferenceExecutor("float64"), adamGraph(), given, 1);
  expectClose(Array.from(found.p), [2 * (1 - 1e-4)], 15);
});

function adamGraph(): Graph {
  const graph = new Graph();
  const row = (name: string) => graph.input(name, ["rows"], { storage: "row", dtype: "float32" });
  const before = { p: row("p"), m: row("m"), v: row("v") };
  const after = adamAtan2(graph, before, row("g"), graph.input("hyper", [8], { storage: "whole" }));
  graph.update(before.p, after.p);
  graph.update(before.m, after.m);
  graph.update(before.v, after.v);
  return graph;
}

test("the moving average keeps `rate` of itself", async () => {
  const graph = new Graph();
  const shadow = graph.input("shadow", ["rows"], { storage: "row", dtype: "float32" });
  const p = graph.input("p", ["rows"], { storage: "row", dtype: "float32" });
  graph.update(shadow, ema(graph, shadow, p, graph.input("rate", [1], { storage: "whole" })));
  const given = { shadow: Float64Array.of(1, -1), p: Float64Array.of(3, 1), rate: Float64Array.of(0.75) };
  const found = await runGraph(makeReferenceExecutor("float64"), graph, given, 2);
  expect(Array.from(found.shadow)).toEqual([1.5, -0.5]);
});

test("a row that starts afresh takes the initial vector even over NaN", async () => {
  const [y] = await evaluate(
    selectRowsOp,
    [
      [["rows"], [1, 0], "int"],
      [[2], [7, 8]],
      [
        ["rows", 2, 2],
        [Number.NaN, Number.NaN, Number.NaN, Number.NaN, 1, 2, 3, 4],
      ],
    ],
    {},
    2,
  );
  expect(y).toEqual([7, 8, 7, 8, 1, 2, 3, 4]);
});

test("weights are stored [out, in], over features and over tokens", async () => {
  const w = [
    [2, 3],
    [1, 2, 3, 4, 5, 6],
  ] as const; // [out 2, in 3]
  const [overFeatures] = await evaluate(
    linearOp,
    [
      [
        ["rows", 3],
        [1, 0, -1],
      ],
      w,
    ],
    {},
  );
  expect(overFeatures).toEqual([-2, -2]);
  const [overTokens] = await evaluate(
    mixTokensOp,
    [
      [
        ["rows", 3, 2],
        [1, 10, 0, 0, -1, 10],
      ],
      w,
    ],
    {},
  );
  expect(overTokens).toEqual([-2, 40, -2, 100]);
});

test("swiglu gates with the first half", async () => {
  const silu = (x: number) => x / (1 + Math.exp(-x));
  const [last] = await evaluate(
    swigluOp,
    [
      [
        ["rows", 1, 4],
        [1, -2, 3, 5],
      ],
    ],
    { axis: -1 },
  );
  expectClose(last, [3 * silu(1), 5 * silu(-2)], 12);
  const [tokens] = await evaluate(
    swigluOp,
    [
      [
        ["rows", 4, 1],
        [1, -2, 3, 5],
      ],
    ],
    { axis: -2 },
  );
  expectClose(tokens, [3 * silu(1), 5 * silu(-2)], 12);
});

test("attention with equal keys averages the values it may see", async () => {
  // Two positions, one head of size 1: q, k, v.
  const qkv = [
    ["rows", 2, 3],
    [1, 0, 10, 1, 0, 20],
  ] as const;
  const [full, logSumExp] = await evaluate(attentionOp, [qkv], { heads: 1, mask: "full" });
  expectClose(full, [15, 15], 12);
  expectClose(logSumExp, [Math.LN2, Math.LN2], 12);
  const [causal] = await evaluate(attentionOp, [qkv], { heads: 1, mask: "causal" });
  expectClose(causal, [10, 15], 12);
});

test("attention packs heads of Q, then of K, then of V, and scales by 1/√(head size)", async () => {
  // One row of two positions, two heads of size 4; only head 1 has scores other than 0.
  const query = (head1: number) => [0, 0, 0, 0, head1, 0, 0, 0];
  const value = (head0: number, head1: number) => [head0, 0, 0, 0, head1, 0, 0, 0];
  const qkv = [...query(2), ...query(3), ...value(1, 1), ...query(2), ...query(1), ...value(3, 3)];
  const [out] = await evaluate(attentionOp, [[["rows", 2, 24], qkv]], { heads: 2, mask: "full" });
  const toFirst = 1 / (1 + Math.exp((2 * 1 - 2 * 3) / 2));
  expect(out[0]).toBeCloseTo(2, 12);
  expect(out[4]).toBeCloseTo(toFirst + 3 * (1 - toFirst), 12);
});

test("cutting and joining", async () => {
  const x = [
    ["rows", 2, 2],
    [1, 2, 3, 4],
  ] as const;
  expect(await evaluate(sliceOp, [x], { axis: -2, start: 1, length: 1 })).toEqual([[3, 4]]);
  expect(await evaluate(sliceOp, [x], { axis: -1, start: 1, length: 1 })).toEqual([[2, 4]]);
  expect(await evaluate(padOp, [x], { axis: -1, start: 1, length: 3 })).toEqual([[0, 1, 2, 0, 3, 4]]);
  const y = [
    ["rows", 2, 1],
    [8, 9],
  ] as const;
  expect(await evaluate(concatOp, [x, y], { axis: -1 })).toEqual([[1, 2, 8, 3, 4, 9]]);
});

test("ids outside the table give zeros", async () => {
  const table = [
    [2, 2],
    [1, 2, 3, 4],
  ] as const;
  const [y] = await evaluate(embeddingOp, [[["rows", 4], [1, -1, 2, 0], "int"], table], {});
  expect(y).toEqual([3, 4, 0, 0, 0, 0, 1, 2]);
});

test("the first of equal largest logits wins, and rows without labels count as exact", async () => {
  const [best] = await evaluate(
    argmaxOp,
    [
      [
        ["rows", 1, 4],
        [0, 3, 3, 1],
      ],
    ],
    {},
  );
  expect(best).toEqual([1]);
  const predictions = [["rows", 2], [1, 2, 1, 2, 1, 2], "int"] as const;
  const labels = [["rows", 2], [1, 3, 1, -100, -100, -100], "int"] as const;
  const counts = await evaluate(matchCountsOp, [predictions, labels], {}, 3);
  expect(counts).toEqual([
    [2, 1, 0],
    [1, 1, 0],
    [0, 1, 1],
  ]);
});

test("layer norm: mean 0 and variance 1, ε under the root", async () => {
  const x = [
    ["rows", 4],
    [1, 2, 3, 4],
  ] as const;
  const [y] = await evaluate(layerNormOp, [x], { epsilon: 1e-5 });
  // torch.nn.LayerNorm(4)(tensor([1., 2., 3., 4.]))
  expectClose(y, [-1.34163542, -0.447211807, 0.447211807, 1.34163542]);
});

test("gelu is the exact form", async () => {
  const x = [
    ["rows", 5],
    [-5, -1, 0, 0.5, 3],
  ] as const;
  const [y] = await evaluate(geluOp, [x], {});
  // torch.nn.functional.gelu; the approximation by tanh gives -0.158808 at -1.
  expectClose(y, [-1.43325786e-6, -0.158655254, 0, 0.345731231, 2.995950306]);
});

test("the continue target is that of the better logit, at the last step that of halting", async () => {
  const q = [["rows", 2], [1, 2, 1, 2, 0, -3], "float32"] as const;
  const [y] = await evaluate(continueTargetOp, [q, [["rows"], [0, 1, 0], "int"]], {}, 3);
  expectClose(y, [0.880797078, 0.731058579, 0.5]);
});
