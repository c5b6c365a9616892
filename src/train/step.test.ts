// Which slots halt, take new puzzles and count: on an executor that computes nothing but sets halting logits. Then a
// real training step: alignment gaps and frozen weights.

import { describe, expect, test } from "vitest";
import { invariant } from "../base/errors.ts";
import { chooseExecutor } from "../engine/executors/choose.ts";
import type { Bindings, Executor } from "../engine/executors/executor.ts";
import { Graph } from "../engine/graph.ts";
import { addon } from "../engine/testing/native.ts";
import type { RecursiveModel } from "../models/model.ts";
import { TINY_SHAPE, tinyTrm } from "../models/testing/tiny-trm.ts";
import { viewsOf } from "../nn/parameters.ts";
import { makeTrainingState } from "./state.ts";
import { makeTrainer, type StepSettings } from "./step.ts";

const SETTINGS: StepSettings = {
  weights: { learningRate: 1e-2, weightDecay: 1, beta1: 0.9, beta2: 0.95 },
  puzzleTable: { learningRate: 1e-2, weightDecay: 1 },
};

type FakeStep = (bindings: Record<string, Int32Array | Float32Array>) => void;

/** Runs `compute` on the bound buffers instead of a graph. */
function fakeExecutor(compute: FakeStep): Executor {
  return {
    description: { backend: "reference", isa: "none", threads: 1, lanes: 1 },
    formats: ["float32"],
    liveBytes: () => 0,
    compile: () => ({
      microBatch: 1,
      arenaBytes: 0,
      run: async (bindings: Bindings) => compute(bindings as Record<string, Int32Array | Float32Array>),
      dispose() {},
    }),
  };
}

/** No weights, two cells, one number of state. */
function fakeModel(haltMaxSteps: number, haltExplorationProb: number): RecursiveModel {
  return {
    ...{
      name: "fake",
      shape: { seqLen: 2, vocabSize: 3, numPuzzleIdentifiers: 9 },
      tokens: 1,
      hiddenSize: 1,
    },
    ...{ parameters: [], buffers: [], constants: new Map(), puzzleVectorSize: 0, carry: new Map([["z", 1]]) },
    ...{ numberFormat: "float32", haltMaxSteps, haltExplorationProb, effectiveDepth: 1 },
    haltsInTraining: true,
    wantsToHalt: (haltLogit) => haltLogit > 0,
    trainingGraph: () => new Graph(),
    evaluationGraph: () => new Graph(),
  };
}

function fakeTraining(model: RecursiveModel, batchSize: number, compute: FakeStep, seed = 0) {
  const state = makeTrainingState(model, { seed, batchSize, ema: false });
  const options = { globalBatchSize: batchSize, freezeWeights: true, seed };
  return { state, trainer: makeTrainer(fakeExecutor(compute), model, state, options) };
}

/** Row r of batch n: cells 10 n + r, labels twice that, identifier r. */
function batchOf(n: number, rows: number) {
  const cells = Int32Array.from({ length: 2 * rows }, (_, i) => 10 * n + Math.floor(i / 2));
  const identifiers = Int32Array.from({ length: rows }, (_, row) => row);
  return { inputs: cells, labels: cells.map((x) => 2 * x), identifiers };
}

const column = (values: readonly number[]) => Float32Array.from(values.flatMap((x) => [x, 99]));

describe("halting", () => {
  // After the step: whether it halts, by steps made (of 4), logit, and without exploration.
  test.each([
    [1, -1, 0],
    [1, 0, 0],
    [1, 1e-6, 1],
    [3, -1, 0],
    [3, 1, 1],
    [4, -1, 1],
    [4, 1, 1],
  ])("after %d of 4 steps with logit %d: %d", async (made, logit, halts) => {
    const { state, trainer } = fakeTraining(fakeModel(4, 0), 1, ({ q_logits }) => q_logits.set([logit, 99]));
    state.slots.halted[0] = 0;
    state.slots.steps[0] = made - 1;
    await trainer.step(batchOf(1, 1), SETTINGS);
    expect([state.slots.steps[0], state.slots.halted[0]]).toEqual([made, halts]);
  });

  test("a model that does not halt in training gives every row all its steps", async () => {
    const model = { ...fakeModel(4, 0), haltsInTraining: false };
    const { state, trainer } = fakeTraining(model, 1, ({ q_logits }) => q_logits.set([9, 99]));
    const halted = [];
    for (let made = 1; made <= 4; made++) {
      await trainer.step(batchOf(made, 1), SETTINGS);
      halted.push(state.slots.halted[0]);
    }
    expect(halted).toEqual([0, 0, 0, 1]);
  });

  test("with one step there is nothing to explore", async () => {
    const { state, trainer } = fakeTraining(fakeModel(1, 1), 50, ({ q_logits }) => q_logits.fill(-1));
    await trainer.step(batchOf(1, 50), SETTINGS);
    expect(state.slots.halted.every((halted) => halted === 1)).toBe(true);
  });

  const SLOTS = 20000;
  const fiveErrors = (share: number) => 5 * Math.sqrt((share * (1 - share)) / SLOTS);

  async function halting(prob: number, steps: number, seed: number, skipped = 0) {
    const { state, trainer } = fakeTraining(
      fakeModel(16, prob),
      SLOTS,
      ({ q_logits }) => q_logits.fill(1),
      seed,
    );
    for (let i = 0; i <= skipped; i++) {
      state.slots.halted.fill(0);
      state.slots.steps.fill(steps - 1);
      await trainer.step(batchOf(1, SLOTS), SETTINGS);
    }
    return state.slots.halted;
  }
  const delayed = (halted: Int32Array) => halted.reduce((sum, each) => sum + 1 - each, 0) / SLOTS;

  test("exploration keeps a tenth of the rows until a least number of steps, uniform in 2 … 16", async () => {
    for (const steps of [1, 2, 3, 8, 15, 16]) {
      // Delayed: explores, and one of the 16 - steps larger of the 15 numbers was drawn.
      const expected = (0.1 * (16 - Math.max(steps, 1))) / 15;
      const found = delayed(await halting(0.1, steps, 3));
      expect(Math.abs(found - expected), `${steps} steps`).toBeLessThanOrEqual(fiveErrors(expected));
    }
  });

  test("certain exploration never lets the first step be the last, and never delays the sixteenth", async () => {
    expect(delayed(await halting(1, 1, 0))).toBe(1);
    expect(delayed(await halting(1, 16, 0))).toBe(0);
    expect(delayed(await halting(0, 1, 0))).toBe(0);
  });

  test("it is drawn anew at every step, for every row, from the seed", async () => {
    const first = await halting(0.5, 8, 1);
    const second = await halting(0.5, 8, 1, 1);
    expect(await halting(0.5, 8, 1)).toEqual(first);
    const share = (0.5 * 8) / 15;
    const both = first.reduce((sum, halted, slot) => sum + (1 - halted) * (1 - second[slot]), 0) / SLOTS;
    expect(Math.abs(both - share ** 2)).toBeLessThan(fiveErrors(share ** 2));
    expect(await halting(0.5, 8, 2)).not.toEqual(first);
  });
});

test("slots that halted take the fresh row of their place, the other fresh rows are dropped", async () => {
  const logits = [
    [1, -1, -1],
    [-1, 1, -1],
    [-1, -1, -1],
    [-1, -1, -1],
  ];
  const resets: number[][] = [];
  const { state, trainer } = fakeTraining(fakeModel(3, 0), 3, ({ q_logits, reset }) => {
    resets.push(Array.from(reset));
    q_logits.set(column(logits[resets.length - 1]));
  });
  const seen: number[][] = [];
  for (let n = 1; n <= 4; n++) {
    await trainer.step(batchOf(n, 3), SETTINGS);
    const { inputs, labels, steps, halted } = state.slots;
    expect(Array.from(labels)).toEqual(Array.from(inputs, (x) => 2 * x));
    seen.push(
      [0, 2, 4].map((at) => inputs[at]),
      Array.from(steps),
      Array.from(halted),
    );
  }
  expect(resets).toEqual([
    [1, 1, 1],
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]);
  expect(seen).toEqual([
    ...[
      [10, 11, 12],
      [1, 1, 1],
      [1, 0, 0],
    ],
    ...[
      [20, 11, 12],
      [1, 2, 2],
      [0, 1, 0],
    ],
    ...[
      [20, 31, 12],
      [2, 1, 3],
      [0, 0, 1],
    ],
    ...[
      [20, 31, 42],
      [3, 2, 1],
      [1, 0, 0],
    ],
  ]);
  expect(state.step).toBe(4);
});

test("a step's measures count the rows that halt in it and have labels", async () => {
  const { trainer } = fakeTraining(fakeModel(4, 0), 4, (bound) => {
    bound.q_logits.set(column([1, -1, 1, 1]));
    bound.lm_loss.set([1, 2, 3, 4]);
    bound.q_halt_loss.set([2, 2, 2, 2]);
    bound.labelled.set([2, 2, 0, 2]);
    bound.correct.set([1, 2, 0, 2]);
    bound.exact.set([0, 1, 1, 1]);
  });
  expect(await trainer.step(batchOf(1, 4), SETTINGS)).toEqual({
    ...{ loss: 14, lm_loss: 10, q_halt_loss: 8, q_continue_loss: 0 },
    ...{ count: 2, accuracy: 1.5, exact_accuracy: 1, q_halt_accuracy: 1, steps: 2 },
  });
});

describe.each([
  ["reference", true],
  ["native", addon !== undefined],
  ["wasm", true],
] as const)("real steps on %s", (backend, isThere) => {
  const ROWS = 4;
  const batch = {
    inputs: Int32Array.from({ length: ROWS * TINY_SHAPE.seqLen }, (_, i) => (i * 7) % TINY_SHAPE.vocabSize),
    labels: Int32Array.from({ length: ROWS * TINY_SHAPE.seqLen }, (_, i) => (i % 4 === 0 ? -100 : i % 6)),
    identifiers: Int32Array.of(1, 3, 1, 0),
  };

  async function trained(freezeWeights: boolean) {
    const { executor } = await chooseExecutor(backend, { threads: 2 });
    const model = tinyTrm({ haltExplorationProb: 0 });
    const state = makeTrainingState(model, { seed: 0, batchSize: ROWS, ema: true });
    const options = { globalBatchSize: ROWS, emaRate: 0.5, freezeWeights, seed: 0 };
    const trainer = makeTrainer(executor, model, state, options);
    const before = { weights: state.weights.slice(), buffers: new Map(state.buffers) };
    for (let i = 0; i < 3; i++) await trainer.step(batch, SETTINGS);
    invariant(state.average, "no average");
    return { model, state: { ...state, average: state.average }, before };
  }

  test.skipIf(!isThere)("every weight moves, the gaps between weights stay zero", async () => {
    const { state, before } = await trained(false);
    const { weights, average, firstMoment, secondMoment, layout } = state;
    for (const [name, view] of viewsOf(layout, weights)) {
      const old = viewsOf(layout, before.weights).get(name);
      expect(
        view.some((x, i) => x !== old?.[i]),
        name,
      ).toBe(true);
    }
    for (const flat of [weights, average, firstMoment, secondMoment]) {
      const gaps = flat.slice();
      for (const view of viewsOf(layout, gaps).values()) view.fill(0);
      expect(gaps.every((x) => x === 0)).toBe(true);
      expect(flat.every(Number.isFinite)).toBe(true);
    }
    expect(layout.length).toBeGreaterThan(
      [...viewsOf(layout, weights).values()].reduce((n, v) => n + v.length, 0),
    );
  });

  test.skipIf(!isThere)(
    "puzzle vectors in use move by sign, others and the initial states do not",
    async () => {
      const { state } = await trained(false);
      const table = (id: number) => Array.from(state.table.subarray(8 * id, 8 * (id + 1)), Math.abs);
      expect(table(2)).toEqual(new Array(8).fill(0));
      for (const id of [0, 1, 3]) for (const x of table(id)) expect(x).toBeGreaterThan(1e-3);
      expect(state.buffers).toEqual(
        makeTrainingState(tinyTrm(), { seed: 0, batchSize: 1, ema: false }).buffers,
      );
    },
  );

  test.skipIf(!isThere)("frozen weights keep their bits while puzzle vectors learn", async () => {
    const { state, before } = await trained(true);
    expect(state.weights).toEqual(before.weights);
    expect(state.average).toEqual(before.weights);
    expect(state.firstMoment.every((x) => x === 0)).toBe(true);
    expect(state.table.some((x) => x !== 0)).toBe(true);
    expect(state.step).toBe(3);
  });
});
