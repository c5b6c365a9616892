// Training in bfloat16: the carry is kept in it, and a checkpoint holds it so that a run goes on bit for bit.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Executor } from "../engine/executors/executor.ts";
import { makeReferenceExecutor } from "../engine/executors/reference/reference.ts";
import type { NumberFormat } from "../engine/number-format.ts";
import { bfloat16Backends } from "../engine/testing/native.ts";
import type { StoredTensor } from "../formats/safetensors.ts";
import { encodeSafetensors, readSafetensors } from "../formats/safetensors.ts";
import type { RecursiveModel } from "../models/model.ts";
import { TINY_SHAPE, tinyTrm, VARIANTS } from "../models/testing/tiny-trm.ts";
import type { Checkpoint, CheckpointPart } from "../runs/checkpoints.ts";
import { checkpointParts, restoreState } from "./checkpoint.ts";
import { makeTrainingState, type TrainingState } from "./state.ts";
import { type Batch, makeTrainer } from "./step.ts";

const model = tinyTrm({ forwardDtype: "bfloat16" });
const BATCH = 5;
const SETTINGS = {
  weights: { learningRate: 1e-2, weightDecay: 1, beta1: 0.9, beta2: 0.95 },
  puzzleTable: { learningRate: 1e-2, weightDecay: 1 },
};

function makeState(trained: RecursiveModel, seed: number, format: NumberFormat = "bfloat16"): TrainingState {
  return makeTrainingState(trained, { seed, batchSize: BATCH, ema: true, format });
}

/** Fresh rows that depend on the step. */
function batchOf(step: number): Batch {
  const cells = BATCH * TINY_SHAPE.seqLen;
  const tokens = (factor: number) => Int32Array.from({ length: cells }, (_, i) => (factor * i + step) % 6);
  return {
    inputs: tokens(3),
    labels: tokens(5),
    identifiers: Int32Array.from({ length: BATCH }, (_, row) => (row + step) % 4),
  };
}

async function train(
  executor: Executor,
  trained: RecursiveModel,
  state: TrainingState,
  steps: number,
): Promise<void> {
  const options = { globalBatchSize: BATCH, emaRate: 0.9, seed: 3, microBatch: 2 };
  const trainer = makeTrainer(executor, trained, state, options);
  for (let i = 0; i < steps; i++) await trainer.step(batchOf(state.step), SETTINGS);
}

/** What is read of parts that were written. */
async function writtenAndRead(parts: Record<string, CheckpointPart>): Promise<Checkpoint> {
  const dir = await mkdtemp(join(tmpdir(), "whorl-bfloat16-"));
  const read = new Map<string, Map<string, StoredTensor>>();
  for (const [name, part] of Object.entries(parts)) {
    if (!(part instanceof Map)) continue;
    const path = join(dir, name);
    await writeFile(path, Buffer.concat(encodeSafetensors(part)));
    read.set(name, (await readSafetensors(path)).tensors);
  }
  await rm(dir, { recursive: true });
  return {
    ...{ dir: "runs/x/checkpoints/step-3", step: 3, files: Object.keys(parts) },
    readTensors: async (name) => read.get(name) ?? new Map(),
    readJson: async (name) => JSON.parse(JSON.stringify(parts[name])),
    readBytes: async () => new Uint8Array(),
  };
}

const progressOf = ({ step }: TrainingState) => ({ step, stream: null, trainSeconds: 0, checked: null });

const backends = [
  { name: "reference", isThere: true, make: async () => makeReferenceExecutor("float32") },
  ...bfloat16Backends.map(({ isa, isThere, make }) => ({
    name: `native ${isa}`,
    isThere,
    make: () => make({ lanes: 2, threads: 2 }),
  })),
];

describe.each(backends)("on $name", ({ isThere, make }) => {
  test.skipIf(!isThere).each(VARIANTS)(
    "a run of %s that stopped goes on bit for bit",
    async (_, settings) => {
      const trained = tinyTrm({ ...settings, forwardDtype: "bfloat16" });
      const executor = await make();
      const whole = makeState(trained, 1);
      await train(executor, trained, whole, 5);
      const first = makeState(trained, 1);
      await train(executor, trained, first, 3);
      const second = makeState(trained, 2);
      const checkpoint = await writtenAndRead(checkpointParts(trained, first, progressOf(first)));
      await restoreState(trained, second, checkpoint);
      await train(executor, trained, second, 2);
      expect(second.slots).toEqual(whole.slots);
      expect(second.weights).toEqual(whole.weights);
      expect(second.average).toEqual(whole.average);
      expect(second.table).toEqual(whole.table);
      const carry = whole.slots.carry.get("z_H");
      expect(carry).toBeInstanceOf(Uint16Array);
      expect(new Set(carry).size).toBeGreaterThan(100); // it was not all zeros that agreed
    },
  );
});

test("a checkpoint of another number format is refused", async () => {
  for (const [stored, wanted] of [
    ["float32", "bfloat16"],
    ["bfloat16", "float32"],
  ] as const) {
    const state = makeState(model, 1, stored);
    const checkpoint = await writtenAndRead(checkpointParts(model, state, progressOf(state)));
    await expect(restoreState(model, makeState(model, 1, wanted), checkpoint)).rejects.toMatchObject({
      code: "checkpoint/misfit",
      message:
        stored === "float32"
          ? "the checkpoint's carry.z_H is F32 [5, 7, 8], BF16 [5, 7, 8] is needed"
          : "the checkpoint's carry.z_H is BF16 [5, 7, 8], F32 [5, 7, 8] is needed",
    });
  }
});
