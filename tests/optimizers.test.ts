// The optimizers alone, free of the noise of a forward pass: fed with the recorded gradients they must make the recorded
// weights to 5e-7 (golden/README.md, "Free of all noise"). The traces of HRM serve as well, since models do not matter.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findGolden } from "../src/base/data-folder.ts";
import { invariant } from "../src/base/errors.ts";
import { chooseExecutor } from "../src/engine/executors/choose.ts";
import type { Executor } from "../src/engine/executors/executor.ts";
import { fastBackends } from "../src/engine/testing/native.ts";
import { readSafetensors, type StoredTensor } from "../src/formats/safetensors.ts";
import { layOut, viewsOf } from "../src/nn/parameters.ts";
import { makeAdam } from "../src/optim/adam.ts";
import { signSgdUpdate } from "../src/optim/sign-sgd.ts";

const TOLERANCE = 5e-7;
const TABLE = "model.inner.puzzle_emb.weights";
const folder = (name: string) => findGolden(name) ?? "";

const backends = [{ backend: "reference", isa: undefined, isThere: true }, ...fastBackends] as const;

for (const name of ["trm-att", "trm-mlp", "hrm"])
  describe.skipIf(!findGolden(name))(`recorded gradients of ${name}`, () => {
    for (const { backend, isa, isThere } of backends)
      test.skipIf(!isThere)(`AdamATan2 and the average on ${backend} ${isa ?? ""}`, async () => {
        const { executor } = await chooseExecutor(backend, { isa, threads: 2, lanes: 2 });
        expect(await worstWeight(folder(name), executor)).toBeLessThanOrEqual(TOLERANCE);
      });

    test.skipIf(!hasTable(name))("SignSGD on the puzzle table", async () => {
      const { trace, initial, meta } = await readGolden(folder(name));
      const [, size] = tensorOf(initial, TABLE).shape;
      const table = floats(initial, TABLE);
      const { puzzle_emb_lr: learningRate, puzzle_emb_weight_decay: weightDecay } = meta.optimizer;
      for (let step = 0; step < meta.steps; step++) {
        const identifiers = Array.from(
          tensorOf(trace, `step${step}.current.puzzle_identifiers`).data as BigInt64Array,
          Number,
        );
        const gradients = floats(trace, `step${step}.grad.puzzle_emb.local_weights`);
        signSgdUpdate(table, size, identifiers, gradients, { learningRate, weightDecay });
        const expected = floats(trace, `step${step}.param.${TABLE}`);
        expect(largestDifference(table, expected), `step ${step}`).toBeLessThanOrEqual(TOLERANCE);
      }
    });
  });

/** Largest difference of any weight after any step, and of the average after the last. */
async function worstWeight(path: string, executor: Executor): Promise<number> {
  const { trace, initial, meta } = await readGolden(path);
  const names = [...initial.keys()].filter((name) => trace.has(`step0.grad.${name}`));
  const layout = layOut(
    names.map((name) => ({
      name,
      shape: tensorOf(initial, name).shape,
      initial: { kind: "constant", value: 0 },
    })),
  );
  const flat = (prefix: string, tensors: Tensors) => {
    const numbers = new Float32Array(layout.length);
    for (const [name, view] of viewsOf(layout, numbers)) view.set(floats(tensors, prefix + name));
    return numbers;
  };
  const weights = flat("", initial);
  const average = weights.slice();
  const moments = {
    firstMoment: new Float32Array(layout.length),
    secondMoment: new Float32Array(layout.length),
  };
  const { lr: learningRate, weight_decay: weightDecay, betas, ema_rate } = meta.optimizer;
  const settings = { learningRate, weightDecay, beta1: betas[0], beta2: betas[1] };
  const optimizer = makeAdam(executor, layout.length, { emaRate: ema_rate });
  const gradientLanes = new Float32Array(executor.description.lanes * layout.length);
  let worst = 0;
  for (let step = 0; step < meta.steps; step++) {
    gradientLanes.set(flat(`step${step}.grad.`, trace));
    await optimizer.update({ weights, average, ...moments }, gradientLanes, step + 1, settings);
    worst = Math.max(worst, largestDifference(weights, flat(`step${step}.param.`, trace)));
  }
  return Math.max(worst, largestDifference(average, flat("final.ema.", trace)));
}

type Tensors = ReadonlyMap<string, StoredTensor>;

interface Meta {
  readonly steps: number;
  readonly config: { readonly puzzle_emb_ndim?: number };
  readonly optimizer: {
    readonly lr: number;
    readonly weight_decay: number;
    readonly betas: readonly [number, number];
    readonly puzzle_emb_lr: number;
    readonly puzzle_emb_weight_decay: number;
    readonly ema_rate: number;
  };
}

function readMeta(path: string): Meta {
  return JSON.parse(readFileSync(join(path, "meta.json"), "utf8"));
}

function hasTable(name: string): boolean {
  return findGolden(name) !== undefined && (readMeta(folder(name)).config.puzzle_emb_ndim ?? 0) > 0;
}

async function readGolden(path: string): Promise<{ trace: Tensors; initial: Tensors; meta: Meta }> {
  const { tensors: trace } = await readSafetensors(join(path, "trace.safetensors"));
  const { tensors: initial } = await readSafetensors(join(path, "weights.safetensors"));
  return { trace, initial, meta: readMeta(path) };
}

function tensorOf(tensors: Tensors, name: string): StoredTensor {
  const tensor = tensors.get(name);
  invariant(tensor, `no tensor ${name}`);
  return tensor;
}

function floats(tensors: Tensors, name: string): Float32Array {
  return Float32Array.from(tensorOf(tensors, name).data as Float32Array);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
}
