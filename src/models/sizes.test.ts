// The published figures, from settings alone: weights (spec/trm.md sections 2 and 16, spec/hrm.md section 2,
// spec/tutorial-trm.md section 1) and effective depth of the ablations and of the sweep over recursions (spec/results.md
// section 3).

import { expect, test } from "vitest";
import { countParameters } from "../nn/parameters.ts";
import { makeModel, modelConfigSchema, type PuzzleShape } from "./index.ts";

const SHAPES = {
  sudoku: { seqLen: 81, vocabSize: 11, numPuzzleIdentifiers: 1 },
  maze: { seqLen: 900, vocabSize: 6, numPuzzleIdentifiers: 1 },
  arc: { seqLen: 900, vocabSize: 12, numPuzzleIdentifiers: 876406 },
};

function modelOf(settings: Readonly<Record<string, unknown>>, shape: PuzzleShape = SHAPES.sudoku) {
  return makeModel(modelConfigSchema.parse(settings), shape);
}

test.each([
  ["sudoku", 27_275_266],
  ["maze", 27_270_146],
  ["arc", 27_276_290],
] as const)("HRM for %s: %d weights", (task, weights) => {
  const model = modelOf({ arch: "hrm" }, SHAPES[task]);
  expect([countParameters(model.parameters), model.effectiveDepth]).toEqual([weights, 24]);
});

/** The TRM paper's ablations on Sudoku-Extreme; weights in millions as it rounds them. */
const MIXING = { mlpT: true, posEncodings: "none" };
test.each([
  ["T=3, n=6", MIXING, 42, 5],
  ["with Q-continue", { ...MIXING, noActContinue: false }, 42, 5],
  ["two networks", { ...MIXING, separateNetworks: true }, 42, 10],
  ["4 layers, n=3", { ...MIXING, layers: 4, lCycles: 3 }, 48, 10],
  ["self-attention", {}, 42, 7],
  ["T=2, n=2", { ...MIXING, hCycles: 2, lCycles: 2 }, 12, 5],
  ["1-step gradient", { ...MIXING, gradient: "one-step" }, 42, 5],
  ["7 latents", { ...MIXING, latents: 6 }, 42, 5],
  ["1 latent", { ...MIXING, latents: 0 }, 42, 5],
])("TRM, %s: depth and weights as in the paper's table", (_, settings, depth, millions) => {
  const model = modelOf(settings);
  expect(model.effectiveDepth).toBe(depth);
  expect(Math.round(countParameters(model.parameters) / 1e6)).toBe(millions);
});

/** The sweep: HRM with n = k and 4 layers, TRM with n = 2k and 2. The paper prints 9 and 7 for k = T = 1. */
test.each([
  [1, 1, 8, 6],
  [2, 2, 24, 20],
  [3, 3, 48, 42],
  [4, 4, 80, 72],
  [6, 3, 84, 78],
  [3, 6, 96, 84],
  [6, 6, 168, 156],
])("k = %d, T = %d: depth %d of HRM, %d of TRM", (k, T, hrm, trm) => {
  expect(modelOf({ arch: "hrm", hCycles: T, lCycles: k }).effectiveDepth).toBe(hrm);
  expect(modelOf({ hCycles: T, lCycles: 2 * k }).effectiveDepth).toBe(trm);
});

test("a tied head saves the head's table, a single state no weights", () => {
  const whole = countParameters(modelOf({}).parameters);
  expect(whole - countParameters(modelOf({ tiedHead: true }).parameters)).toBe(11 * 512);
  expect(countParameters(modelOf({ latents: 0 }).parameters)).toBe(whole);
});

test("direct prediction has HRM's eight layers in one stack; the reference's has 12 heads, of 42", () => {
  const ofEight = modelOf({ arch: "direct", numHeads: 8 });
  expect(countParameters(ofEight.parameters)).toBe(27_275_266);
  const attention = 8 * 4 * 512 * (512 - 12 * 42);
  expect(countParameters(modelOf({ arch: "direct" }).parameters)).toBe(27_275_266 - attention);
  expect(ofEight.effectiveDepth).toBe(8);
});

test("three streams: the text's 1,713,664 weights, but for four differences", () => {
  const shape = { ...SHAPES.sudoku, vocabSize: 12 };
  const model = modelOf({ arch: "three-stream" }, shape);
  const D = 256;
  const positions = (512 - 81) * D; // a table of 512, of which 81 are read
  const streamVectors = 2 * D;
  const scratch = 32 * D; // drawn anew at every call there
  const haltingHead = D + 1; // in a wrapper there
  const textual = countParameters(model.parameters) + positions - streamVectors - scratch - haltingHead;
  expect(textual).toBe(1_713_664);
  expect([model.tokens, model.effectiveDepth]).toEqual([194, 48]);
});
