import { expect, test } from "vitest";
import type { StoredTensor } from "../formats/safetensors.ts";
import { trmConfigSchema } from "../models/trm/config.ts";
import type { GoldenMeta } from "./golden-meta.ts";
import { zeroMetrics } from "./metrics.ts";
import { Comparison } from "./replay-report.ts";

const meta: GoldenMeta = {
  model: trmConfigSchema.parse({}),
  shape: { seqLen: 1, vocabSize: 2, numPuzzleIdentifiers: 3 },
  ...{ batchSize: 1, steps: 2, evalSteps: 1 },
  optimizer: {
    ...{ learningRate: 1, weightDecay: 0, beta1: 0.9, beta2: 0.9, emaRate: 0.9 },
    puzzleTable: { learningRate: 1, weightDecay: 0 },
  },
  metrics: [{ ...zeroMetrics(), loss: 10, lm_loss: 8, q_halt_loss: 4, count: 2, steps: 5 }],
};

const floats = (...numbers: number[]): StoredTensor => ({
  dtype: "F32",
  shape: [numbers.length],
  data: Float32Array.from(numbers),
});

function compare(expected: Record<string, StoredTensor>, actual: Record<string, StoredTensor>) {
  const comparison = new Comparison(new Map(Object.entries(expected)), meta);
  for (const [name, tensor] of Object.entries(actual)) comparison.add(name, tensor);
  return comparison.report("trm", "reference", "free");
}

test.each([
  ["step0.out.logits", "logits"],
  ["step0.out.q_halt_logits", "logits"],
  ["step1.carry.z_H", "carry"],
  ["step0.grad.model.inner.x", "grad"],
  ["eval3.logits", "eval"],
])("%s counts as %s, relative to the largest entry of the whole tensor", (name, kind) => {
  const { maxRel, haltedEqual } = compare({ [name]: floats(1, -8, 0) }, { [name]: floats(1.5, -8, 0.25) });
  expect(maxRel).toEqual({ logits: 0, carry: 0, loss: 0, grad: 0, eval: 0, [kind]: 0.5 / 8 });
  expect(haltedEqual).toBe(true);
});

test("NaN is infinitely wrong, in any place", () => {
  for (const numbers of [
    [Number.NaN, 2],
    [1, Number.NaN],
  ]) {
    const { maxRel } = compare(
      { "step0.out.logits": floats(1, 2) },
      { "step0.out.logits": floats(...numbers) },
    );
    expect(maxRel.logits).toBe(Number.MAX_VALUE);
  }
  const report = compare({ "step0.param.x": floats(1, 2) }, { "step0.param.x": floats(1, Number.NaN) });
  expect([report.paramsOff, report.paramsMaxAbs]).toEqual([0.5, Number.MAX_VALUE]);
});

test("weights and averages count by the share of entries off by more than 1e-5", () => {
  const expected = { "step0.param.x": floats(0, 0, 0), "final.ema.x": floats(0) };
  const actual = { "step0.param.x": floats(9e-6, 2e-5, 0), "final.ema.x": floats(-0.5) };
  const report = compare(expected, actual);
  expect(report.paramsOff).toBe(0.5);
  expect(report.paramsMaxAbs).toBe(0.5);
});

test("puzzle rows: entries of used rows that went the other way, over all of them; others must not move", () => {
  const used: StoredTensor = { dtype: "I64", shape: [2], data: BigInt64Array.of(0n, 0n) };
  const expected = {
    "step0.current.puzzle_identifiers": used,
    "step0.param.model.inner.puzzle_emb.weights": { ...floats(1, 1, 1, 1), shape: [2, 2] },
  };
  const flips = (...numbers: number[]) => {
    const table = { ...floats(...numbers), shape: [2, 2] };
    return compare(expected, { "step0.param.model.inner.puzzle_emb.weights": table });
  };
  expect(flips(1, 1, 1, 1).puzzleEmbSignFlips).toBe(0);
  expect(flips(-1, 1, 1, 1).puzzleEmbSignFlips).toBe(0.5);
  expect(flips(1, 1, 1, -1).puzzleEmbSignFlips).toBe(0.5);
  expect(flips(1, 1, 1, -1).paramsOff).toBe(0);
});

test("one different halting decision or counted row shows", () => {
  const halted = (...rows: number[]): StoredTensor => ({
    dtype: "BOOL",
    shape: [2],
    data: Uint8Array.from(rows),
  });
  const name = "step0.carry.halted";
  expect(compare({ [name]: halted(1, 0) }, { [name]: halted(1, 0) }).haltedEqual).toBe(true);
  expect(compare({ [name]: halted(1, 0) }, { [name]: halted(1, 1) }).haltedEqual).toBe(false);
  const losses = (change: object) => {
    const comparison = new Comparison(new Map(), meta);
    const recorded = { ...zeroMetrics(), loss: 10, lm_loss: 8, q_halt_loss: 4, count: 2, steps: 5 };
    comparison.addLoss(0, { ...recorded, ...change });
    const { maxRel, haltedEqual } = comparison.report("trm", "reference", "free");
    return [maxRel.loss, haltedEqual];
  };
  expect(losses({})).toEqual([0, true]);
  expect(losses({ lm_loss: 7 })).toEqual([1 / 8, true]);
  expect(losses({ steps: 6 })).toEqual([0, false]);
  expect(losses({ loss: Number.NaN })).toEqual([Number.MAX_VALUE, true]);
});

test("what was recorded and never computed is named; batches fed in are not expected", () => {
  const trace = new Map([
    ["step0.batch.inputs", floats(1)],
    ["step0.out.logits", floats(1)],
    ["step0.out.preds", floats(1)],
  ]);
  const comparison = new Comparison(trace, meta);
  comparison.add("step0.out.preds", floats(1));
  comparison.add("not.recorded", floats(1));
  expect(comparison.uncompared()).toEqual(["step0.out.logits"]);
  expect(() => comparison.add("step0.out.logits", floats(1, 2))).toThrow(/2 entries, 1 are recorded/);
});
