// What a checkpoint holds and what is refused; that a resumed training goes on to the bit is tests/train/resume.test.ts.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { makeReferenceExecutor } from "../engine/executors/reference/reference.ts";
import type { StoredTensor } from "../formats/safetensors.ts";
import { tinyTrm } from "../models/testing/tiny-trm.ts";
import { TABLE_KEY, toStateDict } from "../models/weights.ts";
import {
  type Checkpoint,
  type CheckpointPart,
  readCheckpoint,
  writeCheckpoint,
} from "../runs/checkpoints.ts";
import type { Run } from "../runs/run.ts";
import { TABLE_FILE } from "../runs/table-segments.ts";
import { checkpointParts, evaluatedWeights, restoreState } from "./checkpoint.ts";
import { makeTrainingState, type TrainingState } from "./state.ts";
import { makeTrainer } from "./step.ts";

const PROGRESS = { step: 17, stream: { position: 3, random: ["a"] }, trainSeconds: 1.5, checked: 0.25 };
const model = tinyTrm();

/** A state in which every number differs from every other. */
function numbered(ema: boolean): TrainingState {
  const state = makeTrainingState(model, { seed: 1, batchSize: 3, ema });
  let next = 1;
  const count = (numbers: Float32Array | Int32Array | Uint16Array) => {
    for (let i = 0; i < numbers.length; i++) numbers[i] = next++;
  };
  const { weights, firstMoment, secondMoment, average, table, slots } = state;
  const { inputs, labels, identifiers, steps, halted } = slots;
  for (const numbers of [weights, firstMoment, secondMoment, table, ...slots.carry.values()]) count(numbers);
  for (const numbers of [inputs, labels, identifiers, steps, halted]) count(numbers);
  if (average) count(average);
  state.step = PROGRESS.step;
  return state;
}

function inMemory(parts: Record<string, CheckpointPart>): Checkpoint {
  return {
    ...{ dir: "runs/x/checkpoints/step-17", step: 17, files: Object.keys(parts) },
    readTensors: async (name) => new Map(parts[name] as ReadonlyMap<string, StoredTensor>),
    readJson: async (name) => JSON.parse(JSON.stringify(parts[name])),
    readBytes: async () => new Uint8Array(),
  };
}

/** Weights, moments and average by name: gaps between weights are not kept. */
function contents(state: TrainingState) {
  const named = (weights: Float32Array) => toStateDict(model, { ...state, weights });
  const { weights, average, firstMoment, secondMoment, slots, step } = state;
  return { step, slots, numbers: [weights, average ?? weights, firstMoment, secondMoment].map(named) };
}

test.each([true, false])(
  "a fresh state filled from a checkpoint is the one that was saved (average: %s)",
  async (ema) => {
    const saved = numbered(ema);
    const restored = makeTrainingState(model, { seed: 2, batchSize: 3, ema });
    expect(contents(restored)).not.toEqual(contents(saved));
    const progress = await restoreState(model, restored, inMemory(checkpointParts(model, saved, PROGRESS)));
    expect(contents(restored)).toEqual(contents(saved));
    expect(progress).toEqual(PROGRESS);
  },
);

test("what is evaluated: averaged weights, present buffers and puzzle vectors", () => {
  const state = numbered(true);
  const { weights, buffers, table } = evaluatedWeights(state);
  expect(weights).toBe(state.average);
  expect(buffers).toBe(state.buffers);
  expect(table).toBe(state.table);
  expect(evaluatedWeights(numbered(false)).weights[0]).toBe(1);
  const saved = checkpointParts(model, state, PROGRESS)["weights.safetensors"] as Map<string, StoredTensor>;
  expect(saved.get("model.inner.embed_tokens.embedding_weight")?.data[0]).toBe(state.average?.[0]);
});

test("a checkpoint of another batch size or without a part is refused", async () => {
  const told = async (parts: Record<string, CheckpointPart>, batchSize = 3) => {
    const fresh = makeTrainingState(model, { seed: 2, batchSize, ema: true });
    const error = await restoreState(model, fresh, inMemory(parts)).catch((reason) => reason);
    return error instanceof ToolError ? error.format() : String(error);
  };
  const parts = checkpointParts(model, numbered(true), PROGRESS);
  expect(await told(parts, 4)).toMatchInlineSnapshot(
    `"the checkpoint's slots.inputs is I32 [3, 5], I32 [4, 5] is needed — runs/x/checkpoints/step-17 — resume with the settings of the run"`,
  );
  const training = new Map(parts["training.safetensors"] as Map<string, StoredTensor>);
  training.delete("second_moment");
  expect(await told({ ...parts, "training.safetensors": training })).toMatchInlineSnapshot(
    `"the checkpoint's second_moment is missing, F32 [12928] is needed — runs/x/checkpoints/step-17 — resume with the settings of the run"`,
  );
});

/** Steps whose puzzles differ from step to step. */
async function train(state: TrainingState, steps: number): Promise<void> {
  const trainer = makeTrainer(makeReferenceExecutor("float32"), model, state, {
    globalBatchSize: 3,
    seed: 0,
  });
  const settings = {
    weights: { learningRate: 1e-2, weightDecay: 1, beta1: 0.9, beta2: 0.95 },
    puzzleTable: { learningRate: 1e-2, weightDecay: 1 },
  };
  for (let i = 0; i < steps; i++) {
    const cells = (factor: number) =>
      Int32Array.from({ length: 15 }, (_, at) => (factor * at + state.step) % 6);
    const identifiers = Int32Array.of(state.step, state.step + 1, state.step + 1).map((id) => id % 4);
    await trainer.step({ inputs: cells(1), labels: cells(5), identifiers }, settings);
  }
}

test("a large table is kept in segments, written by what changed, and resumed from to the bit", async () => {
  const dir = mkdtempSync(join(tmpdir(), "whorl-checkpoint-"));
  const make = () => makeTrainingState(model, { seed: 1, batchSize: 3, ema: false });
  const save = (state: TrainingState) => {
    const progress = { ...PROGRESS, step: state.step };
    const parts = checkpointParts(model, state, progress, { largeTableBytes: 127 });
    return writeCheckpoint({ dir } as Run, state.step, parts); // a checkpoint needs no more of its run
  };
  const whole = make();
  await train(whole, 3);

  const first = make();
  await train(first, 2);
  const second = make();
  second.table.fill(9);
  await restoreState(model, second, await readCheckpoint(await save(first)));
  await train(second, 1);
  expect(second.table).toEqual(whole.table);
  expect(second.weights).toEqual(whole.weights);
  expect(second.slots).toEqual(whole.slots);
  // The resumed run goes on with what is there: only the rows of its own step are new.
  const third = await readCheckpoint(await save(second));
  const segments = third.files.filter((name) => name.startsWith("puzzle-table.step"));
  expect(segments).toEqual(["puzzle-table.step-2.safetensors", "puzzle-table.step-3.safetensors"]);
  const { data } = (await third.readTensors(segments[1])).get("ids") ?? {};
  expect([...(data ?? [])]).toEqual([...new Set(second.slots.identifiers)].sort());
  expect((await third.readTensors("weights.safetensors")).has(TABLE_KEY)).toBe(false);

  const other = tinyTrm({ puzzleEmbNdim: 4 });
  const misfit = makeTrainingState(other, { seed: 1, batchSize: 3, ema: false });
  await expect(restoreState(other, misfit, third)).rejects.toThrow(
    "the checkpoint's puzzle table is [4, 8], [4, 4] is needed",
  );
  rmSync(dir, { recursive: true });
});

test("a table of the limit's size stays in the weights file", () => {
  const state = numbered(false);
  const parts = (largeTableBytes?: number) =>
    Object.keys(checkpointParts(model, state, PROGRESS, { largeTableBytes }));
  expect(parts(state.table.byteLength)).not.toContain(TABLE_FILE);
  expect(parts(state.table.byteLength - 1)).toContain(TABLE_FILE);
  expect(parts()).not.toContain(TABLE_FILE);
});
