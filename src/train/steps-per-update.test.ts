// Several supervision steps an update: the gradient is the sum of theirs, each from the state that the one before left.

import { expect, test } from "vitest";
import { chooseExecutor } from "../engine/executors/choose.ts";
import { tinyModel } from "../models/testing/tiny-models.ts";
import { TINY_SHAPE } from "../models/testing/tiny-trm.ts";
import { makeTrainingState } from "./state.ts";
import { makeTrainer, type StepSettings } from "./step.ts";

const ROWS = 3;
const STEPS = 3;
const still: StepSettings = {
  weights: { learningRate: 0, weightDecay: 0, beta1: 0.9, beta2: 0.95 },
  puzzleTable: { learningRate: 0, weightDecay: 0 },
};
const batch = {
  inputs: Int32Array.from({ length: ROWS * TINY_SHAPE.seqLen }, (_, i) => (i * 7) % TINY_SHAPE.vocabSize),
  labels: Int32Array.from({ length: ROWS * TINY_SHAPE.seqLen }, (_, i) => (i % 4 === 0 ? -100 : i % 6)),
  identifiers: Int32Array.of(1, 3, 1),
};
const SIZES = { hiddenSize: 8, numHeads: 2, expansion: 1, haltMaxSteps: 6, haltExplorationProb: 0 };
const STREAMS = { ...SIZES, arch: "three-stream", latentLength: 3, reasoningPasses: 1, refinementPasses: 1 };
const MODELS = {
  TRM: { ...SIZES, arch: "trm", layers: 1, hCycles: 1, lCycles: 1, puzzleEmbLen: 1, forwardDtype: "float32" },
  HRM: { ...SIZES, arch: "hrm", layers: 1, hLayers: 1, lCycles: 1, forwardDtype: "float32" },
  "three streams": { ...STREAMS, layers: 1 },
  "three streams, rising weights": { ...STREAMS, layers: 1, supervision: "rising", puzzleEmbNdim: 8 },
};

test.each(Object.entries(MODELS))(
  "%s: an update of three steps sums the gradients of three",
  async (_, settings) => {
    const model = { ...tinyModel(settings), wantsToHalt: () => false };
    const { executor } = await chooseExecutor("reference", {});
    const training = (stepsPerUpdate: number) => {
      const state = makeTrainingState(model, { seed: 0, batchSize: ROWS, ema: false });
      state.table.forEach((_zero, i) => {
        state.table[i] = Math.sin(i);
      });
      return {
        state,
        trainer: makeTrainer(executor, model, state, { globalBatchSize: ROWS, stepsPerUpdate, seed: 0 }),
      };
    };
    const [whole, apart] = [training(STEPS), training(1)];
    await whole.trainer.step(batch, still);
    const weightSum = new Float64Array(whole.trainer.gradientLanes.length);
    const puzzleSum = new Float64Array(whole.trainer.results.puzzleGradient.length);
    for (let k = 0; k < STEPS; k++) {
      await apart.trainer.step(batch, still);
      apart.trainer.gradientLanes.forEach((x, i) => {
        weightSum[i] += x;
      });
      apart.trainer.results.puzzleGradient.forEach((x, i) => {
        puzzleSum[i] += x;
      });
    }
    expect(distance(whole.trainer.gradientLanes, weightSum)).toBeLessThan(1e-6);
    if (puzzleSum.length > 0)
      expect(distance(whole.trainer.results.puzzleGradient, puzzleSum)).toBeLessThan(1e-6);
    expect(whole.state.slots).toEqual(apart.state.slots);
    expect([whole.state.step, apart.state.step]).toEqual([1, STEPS]);
    expect(Array.from(whole.state.slots.steps)).toEqual(new Array(ROWS).fill(STEPS));
  },
);

/** The largest difference, relative to the largest entry. */
function distance(actual: ArrayLike<number>, expected: Float64Array): number {
  const largest = Math.max(...expected.map(Math.abs));
  expect(largest).toBeGreaterThan(1e-7);
  return Math.max(...expected.map((x, i) => Math.abs(x - actual[i]))) / largest;
}
