import { expect, test } from "vitest";
import { blockParameters, headSize, ropeTables, swigluWidth } from "./block.ts";

test.each([
  [512, 1536],
  [97, 512],
  [916, 2560],
  [96, 256],
  [128, 512],
  [256, 768],
  [384, 1024],
])("the MLP over %d features is %d wide", (size, width) => {
  expect(swigluWidth(size, 4)).toBe(width);
});

const CONFIG = { hiddenSize: 30, tokens: 97, numHeads: 4, expansion: 4, rmsNormEps: 1e-5 };

test("attention of heads that do not divide the width leaves a rest unused", () => {
  expect(headSize(CONFIG)).toBe(7);
  const shapes = blockParameters("x", { ...CONFIG, mixing: "attention" }).map(({ shape }) => shape);
  expect(shapes).toEqual([
    [3 * 28, 30],
    [30, 28],
    [2 * 256, 30],
    [30, 256],
  ]);
});

test("each matrix starts with a deviation of one over the root of its inputs", () => {
  const specs = blockParameters("x", { ...CONFIG, mixing: "tokens" });
  expect(specs).toEqual([
    { name: "x.mlp_t.gate_up_proj.weight", shape: [1024, 97], initial: scaled(97) },
    { name: "x.mlp_t.down_proj.weight", shape: [97, 512], initial: scaled(512) },
    { name: "x.mlp.gate_up_proj.weight", shape: [512, 30], initial: scaled(30) },
    { name: "x.mlp.down_proj.weight", shape: [30, 256], initial: scaled(256) },
  ]);
});

function scaled(inputs: number) {
  return { kind: "truncatedNormal", std: 1 / Math.sqrt(inputs) };
}

test("rotary tables hold position times frequency, the same in both halves", () => {
  const { cos, sin } = ropeTables(3, 4, 10000);
  expect(Array.from(cos.subarray(0, 4))).toEqual([1, 1, 1, 1]);
  expect(Array.from(sin.subarray(0, 4))).toEqual([0, 0, 0, 0]);
  [2, 0.02, 2, 0.02].forEach((angle, j) => {
    expect(cos[2 * 4 + j]).toBeCloseTo(Math.cos(angle), 7);
    expect(sin[2 * 4 + j]).toBeCloseTo(Math.sin(angle), 7);
  });
});
