// Shapes, sizes with symbols, and what a user reads when shapes do not fit.

import { expect, test } from "vitest";
import type { ToolError } from "../base/errors.ts";
import { Graph, type Value } from "./graph.ts";
import { addRmsNorm } from "./ops/add-rms-norm.ts";
import { attention } from "./ops/attention.ts";
import { concat, pad, slice } from "./ops/axis.ts";
import { bceWithLogits } from "./ops/bce-with-logits.ts";
import { crossEntropy } from "./ops/cross-entropy.ts";
import { add, addBroadcast, reshape, widen } from "./ops/elementwise.ts";
import { embedding } from "./ops/embedding.ts";
import { linear } from "./ops/linear.ts";
import { mixTokens } from "./ops/mix-tokens.ts";
import { rope } from "./ops/rope.ts";
import { selectRows } from "./ops/select-rows.ts";
import { swiglu } from "./ops/swiglu.ts";
import { aroundAxis, resolveShape, resolveSize, sizeOf, withAxis } from "./shape.ts";

test("sizes are products of numbers and symbols", () => {
  const size = sizeOf(2, "rows", 3, "tokens");
  expect(size).toEqual({ coefficient: 6, symbols: 3 });
  expect(resolveSize(size, { rows: 5, tokens: 7 })).toBe(210);
  expect(resolveSize(sizeOf("tokens"), { rows: 5, tokens: 7 })).toBe(7);
  expect(resolveSize(sizeOf(), { rows: 5, tokens: 7 })).toBe(1);
  expect(resolveShape(["rows", 2, "tokens"], { rows: 5, tokens: 7 })).toEqual([5, 2, 7]);
  expect(() => sizeOf("rows", 2, "rows")).toThrowErrorMatchingInlineSnapshot(
    `[ToolError: a size is quadratic in 'rows']`,
  );
});

test("axes count from the end", () => {
  expect(aroundAxis(["rows", 3, 4], -2)).toEqual({ outer: ["rows"], n: 3, inner: [4] });
  expect(withAxis(["rows", 3, 4], -2, 5)).toEqual(["rows", 5, 4]);
  expect(() => aroundAxis(["rows", 3, 4], 1)).toThrow("axis 1 of [rows, 3, 4]");
});

const refusals: Record<string, (graph: Graph, make: (...shape: (number | "rows")[]) => Value) => unknown> = {
  linear: (graph, make) => linear(graph, make("rows", 97, 128), make(256, 64)),
  mixTokens: (graph, make) => mixTokens(graph, make("rows", 97, 128), make(97, 128)),
  add: (graph, make) => add(graph, make("rows", 2), make("rows", 3)),
  "add, number types": (graph, make) => add(graph, make("rows", 2), widen(graph, make("rows", 2))),
  addBroadcast: (graph, make) => addBroadcast(graph, make("rows", 2, 3), make(2)),
  addRmsNorm: (graph, make) =>
    addRmsNorm(graph, make("rows", 2, 3), make("rows", 3, 2), { axis: -1, epsilon: 1e-5 }),
  reshape: (graph, make) => reshape(graph, make("rows", 2, 3), ["rows", 5]),
  swiglu: (graph, make) => swiglu(graph, make("rows", 2, 3), { axis: -1 }),
  slice: (graph, make) => slice(graph, make("rows", 4), { axis: -1, start: 3, length: 2 }),
  pad: (graph, make) => pad(graph, make("rows", 4), { axis: -1, start: 3, length: 6 }),
  "concat, length": (graph, make) => concat(graph, make("rows", 4, 2), make("rows", 4, 3), { axis: -2 }),
  concat: (graph, make) => concat(graph, make("rows", 4), make("rows", 4), { axis: -2 }),
  attention: (graph, make) => attention(graph, make("rows", 5, 20), { heads: 2, mask: "full" }),
  "rope, odd heads": (graph, make) =>
    rope(graph, make("rows", 5, 20), make(5, 3), make(5, 3), { rotatedHeads: 1 }),
  "rope, length": (graph, make) =>
    rope(graph, make("rows", 5, 20), make(4, 4), make(4, 4), { rotatedHeads: 1 }),
  "rope, width": (graph, make) =>
    rope(graph, make("rows", 5, 20), make(5, 4), make(5, 4), { rotatedHeads: 6 }),
  embedding: (graph, make) => embedding(graph, make("rows", 5), make(4, 4)),
  crossEntropy: (graph, make) =>
    crossEntropy(graph, make("rows", 5, 4), make("rows", 5), { kind: "softmax" }),
  bceWithLogits: (graph, make) =>
    bceWithLogits(graph, widen(graph, make("rows")), widen(graph, make("rows", 1))),
  selectRows: (graph, make) => selectRows(graph, make("rows"), make(4), make("rows", 5, 4)),
};

test("what is said when shapes or number types do not fit", () => {
  const messages = Object.values(refusals).map((build) => {
    const graph = new Graph();
    let count = 0;
    const make = (...shape: (number | "rows")[]) =>
      graph.input(`x${count++}`, shape, { storage: shape.includes("rows") ? "row" : "whole" });
    try {
      graph.scoped("trm", () => graph.scoped("block0", () => build(graph, make)));
      return "no refusal";
    } catch (error) {
      return (error as ToolError).format(); // anything else has no `format`, and fails
    }
  });
  expect(messages).toMatchInlineSnapshot(`
    [
      "shapes do not fit in \`linear\`: the weight must be [out, 128], not [256, 64] — [rows, 97, 128] × [256, 64] in trm.block0",
      "shapes do not fit in \`mixTokens\`: the weight must be [out, 97], not [97, 128] — [rows, 97, 128] × [97, 128] in trm.block0",
      "shapes do not fit in \`add\`: both summands must have the same shape — [rows, 2] × [rows, 3] in trm.block0",
      "number types do not fit in \`add\`: operand 1 is float32, float is wanted — [rows, 2] × [rows, 2] in trm.block0",
      "shapes do not fit in \`addBroadcast\`: the summand must have the trailing shape [3] — [rows, 2, 3] × [2] in trm.block0",
      "shapes do not fit in \`addRmsNorm\`: both summands must have the same shape — [rows, 2, 3] × [rows, 3, 2] in trm.block0",
      "shapes do not fit in \`reshape\`: cannot be seen as [rows, 5] — [rows, 2, 3] in trm.block0",
      "shapes do not fit in \`swiglu\`: the gated axis must have an even, fixed length — [rows, 2, 3] in trm.block0",
      "shapes do not fit in \`slice\`: positions 3 to 4 of an axis of 4 — [rows, 4] in trm.block0",
      "shapes do not fit in \`pad\`: 4 positions from 3 on do not fit in 6 — [rows, 4] in trm.block0",
      "shapes do not fit in \`concat\`: all other axes must agree — [rows, 4, 2] × [rows, 4, 3] in trm.block0",
      "shapes do not fit in \`concat\`: joined axes must have fixed lengths — [rows, 4] × [rows, 4] in trm.block0",
      "shapes do not fit in \`attention\`: the packed width must be a multiple of 3 × 2 heads — [rows, 5, 20] in trm.block0",
      "shapes do not fit in \`rope\`: the head size must be even — [rows, 5, 20] × [5, 3] × [5, 3] in trm.block0",
      "shapes do not fit in \`rope\`: cos and sin need one line a token — [rows, 5, 20] × [4, 4] × [4, 4] in trm.block0",
      "shapes do not fit in \`rope\`: more rotated heads than the last axis holds — [rows, 5, 20] × [5, 4] × [5, 4] in trm.block0",
      "number types do not fit in \`embedding\`: operand 0 is float, int is wanted — [rows, 5] × [4, 4] in trm.block0",
      "number types do not fit in \`crossEntropy\`: operand 1 is float, int is wanted — [rows, 5, 4] × [rows, 5] in trm.block0",
      "shapes do not fit in \`bceWithLogits\`: one target a logit — [rows] × [rows, 1] in trm.block0",
      "number types do not fit in \`selectRows\`: operand 0 is float, int is wanted — [rows] × [4] × [rows, 5, 4] in trm.block0",
    ]
  `);
});
