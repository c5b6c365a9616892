// Replays a golden trace: the same weights and batches through our own training step and evaluation, compared with
// the numbers recorded from the reference implementation (what the folders hold: golden/README.md).

import { ToolError } from "../base/errors.ts";
import type { Executor } from "../engine/executors/executor.ts";
import { makeRecursion } from "../eval/recursion.ts";
import { readSafetensors, type StoredTensor } from "../formats/safetensors.ts";
import { makeModel } from "../models/index.ts";
import type { RecursiveModel } from "../models/model.ts";
import { loadStateDict, type ModelWeights, toStateDict } from "../models/weights.ts";
import { type GoldenMeta, readGoldenMeta } from "./golden-meta.ts";
import { Comparison, type ReplayReport } from "./replay-report.ts";
import { makeTrainingState, type TrainingState } from "./state.ts";
import { makeTrainer, type Trainer } from "./step.ts";

export interface ReplayOptions {
  /** Start every step from the recorded state before it. */
  readonly resync: boolean;
}

export type Tensors = Map<string, StoredTensor>;

/** Replays a folder. `computed` holds every number under the trace's names. */
export async function replayTrace(
  folder: string,
  executor: Executor,
  options: ReplayOptions,
): Promise<{ report: ReplayReport; computed: Tensors }> {
  const { tensors: initial } = await readSafetensors(`${folder}/weights.safetensors`);
  const meta = await readGoldenMeta(`${folder}/meta.json`, initial.keys());
  const { tensors: trace } = await readSafetensors(`${folder}/trace.safetensors`);
  const model = makeModel(meta.model, meta.shape);
  const format = "float32"; // what the traces were recorded in; in bfloat16 nothing could be compared
  const state = makeTrainingState(model, { seed: 0, batchSize: meta.batchSize, ema: true, format });
  loadStateDict(model, state, initial, `${folder}/weights.safetensors`);
  state.average?.set(state.weights);

  const comparison = new Comparison(trace, meta);
  await trainingSteps(model, executor, state, meta, trace, options, comparison);
  if (options.resync) synchronise(model, state, trace, meta.steps);
  await evaluation(model, executor, state, meta, trace, comparison);
  const [uncompared] = comparison.uncompared();
  if (uncompared)
    throw new ToolError(`the trace has a '${uncompared}' that the replay does not compute`, {
      code: "replay/unknown-tensor",
      where: folder,
    });
  const { backend } = executor.description;
  const report = comparison.report(model.name, backend, options.resync ? "resync" : "free");
  return { report, computed: comparison.computed };
}

async function trainingSteps(
  model: RecursiveModel,
  executor: Executor,
  state: TrainingState,
  meta: GoldenMeta,
  trace: Tensors,
  { resync }: ReplayOptions,
  comparison: Comparison,
): Promise<void> {
  const trainer = makeTrainer(executor, model, state, {
    globalBatchSize: meta.batchSize,
    emaRate: meta.optimizer.emaRate,
    seed: 0,
    trace: true,
  });
  for (let step = 0; step < meta.steps; step++) {
    if (resync && step > 0) synchronise(model, state, trace, step);
    const batch = {
      inputs: integers(trace, `step${step}.batch.inputs`),
      labels: integers(trace, `step${step}.batch.labels`),
      identifiers: integers(trace, `step${step}.batch.puzzle_identifiers`),
    };
    const metrics = await trainer.step(batch, {
      weights: meta.optimizer,
      puzzleTable: meta.optimizer.puzzleTable,
    });
    for (const [name, tensor] of stepTensors(model, state, trainer, step)) comparison.add(name, tensor);
    comparison.addLoss(step, metrics);
  }
  const averaged: ModelWeights = { ...state, weights: state.average ?? state.weights };
  for (const { name } of model.parameters) {
    const key = `model.inner.${name}`;
    const tensor = toStateDict(model, averaged).get(key);
    if (tensor) comparison.add(`final.ema.${key}`, tensor);
  }
}

/** Sets weights, carry and current rows to the recorded ones after step `step - 1`; the moments stay our own. */
function synchronise(model: RecursiveModel, state: TrainingState, trace: Tensors, step: number): void {
  const before = `step${step - 1}`;
  for (const [key, { data }] of toStateDict(model, state)) {
    const recorded = trace.get(`${before}.param.${key}`);
    if (recorded) data.set(floats(trace, `${before}.param.${key}`));
  }
  for (const [name, data] of state.slots.carry) data.set(floats(trace, `${before}.carry.${name}`));
  state.slots.steps.set(integers(trace, `${before}.carry.steps`));
  state.slots.halted.set(integers(trace, `${before}.carry.halted`));
  state.slots.inputs.set(integers(trace, `${before}.current.inputs`));
  state.slots.labels.set(integers(trace, `${before}.current.labels`));
  state.slots.identifiers.set(integers(trace, `${before}.current.puzzle_identifiers`));
}

/** Everything a step computed, under the trace's names and types. */
function stepTensors(model: RecursiveModel, state: TrainingState, trainer: Trainer, step: number): Tensors {
  const { slots } = state;
  const rows = slots.steps.length;
  const { seqLen, vocabSize } = model.shape;
  const int32 = (shape: number[], data: Int32Array): StoredTensor => ({
    dtype: "I32",
    shape,
    data: data.slice(),
  });
  const int64 = (shape: number[], data: Int32Array): StoredTensor => ({
    dtype: "I64",
    shape,
    data: BigInt64Array.from(data, BigInt),
  });
  const float = (shape: readonly number[], data: Float32Array): StoredTensor => ({
    dtype: "F32",
    shape,
    data: data.slice(),
  });
  const { results } = trainer;
  const column = (i: number) => Float32Array.from({ length: rows }, (_, row) => results.qLogits[2 * row + i]);
  const named: [string, StoredTensor][] = [
    ["current.inputs", int32([rows, seqLen], slots.inputs)],
    ["current.labels", int32([rows, seqLen], slots.labels)],
    ["current.puzzle_identifiers", int64([rows], slots.identifiers)],
    ...[...slots.carry].map(([name, data]): [string, StoredTensor] => [
      `carry.${name}`,
      float([rows, model.carry.get(name) ?? 0, model.hiddenSize], Float32Array.from(data)),
    ]),
    ["carry.steps", int32([rows], slots.steps)],
    ["carry.halted", { dtype: "BOOL", shape: [rows], data: Uint8Array.from(slots.halted) }],
    ["out.logits", float([rows, seqLen, vocabSize], results.logits)],
    ["out.q_halt_logits", float([rows], column(0))],
    ["out.q_continue_logits", float([rows], column(1))],
    ["out.preds", int64([rows, seqLen], results.predictions)],
    ["out.target_q_continue", float([rows], results.continueTarget)],
  ];
  const gradients: ModelWeights = { ...state, weights: sumLanes(trainer.gradientLanes, state.layout.length) };
  const gradientDict = toStateDict(model, gradients);
  for (const { name } of model.parameters) {
    const tensor = gradientDict.get(`model.inner.${name}`);
    if (tensor) named.push([`grad.model.inner.${name}`, float(tensor.shape, tensor.data)]);
  }
  if (model.puzzleVectorSize > 0)
    named.push([
      "grad.puzzle_emb.local_weights",
      float([rows, model.puzzleVectorSize], results.puzzleGradient),
    ]);
  const fixed = new Set(model.buffers.map(({ name }) => `model.inner.${name}`));
  for (const [key, tensor] of toStateDict(model, state))
    if (!fixed.has(key)) named.push([`param.${key}`, float(tensor.shape, tensor.data)]);
  return new Map(named.map(([name, tensor]) => [`step${step}.${name}`, tensor]));
}

function sumLanes(lanes: Float32Array, length: number): Float32Array {
  const sum = lanes.slice(0, length);
  for (let at = length; at < lanes.length; at++) sum[at % length] += lanes[at];
  return sum;
}

async function evaluation(
  model: RecursiveModel,
  executor: Executor,
  state: TrainingState,
  meta: GoldenMeta,
  trace: Tensors,
  comparison: Comparison,
): Promise<void> {
  const rows = tensorOf(trace, "eval.batch.inputs").shape[0];
  const recursion = makeRecursion(executor, model, state, {
    batchSize: rows,
    logits: true,
    labels: true,
    format: state.format,
  });
  const batch = {
    rows,
    inputs: integers(trace, "eval.batch.inputs"),
    labels: integers(trace, "eval.batch.labels"),
    identifiers: integers(trace, "eval.batch.puzzle_identifiers"),
  };
  for await (const { step, results } of recursion.run(batch, meta.evalSteps)) {
    const { seqLen, vocabSize } = model.shape;
    const shape = [rows, seqLen, vocabSize];
    comparison.add(`eval${step}.logits`, { dtype: "F32", shape, data: results.logits.slice() });
    const q = Float32Array.from({ length: rows }, (_value, row) => results.qLogits[2 * row]);
    comparison.add(`eval${step}.q_halt_logits`, { dtype: "F32", shape: [rows], data: q });
  }
}

function tensorOf(trace: Tensors, name: string): StoredTensor {
  const tensor = trace.get(name);
  if (!tensor)
    throw new ToolError(`the trace has no '${name}'`, {
      code: "replay/incomplete-trace",
      hint: "the folder must hold the tensors that golden/README.md lists",
    });
  return tensor;
}

function integers(trace: Tensors, name: string): Int32Array {
  return Int32Array.from(Array.from(tensorOf(trace, name).data as ArrayLike<number | bigint>, Number));
}

function floats(trace: Tensors, name: string): Float32Array {
  return Float32Array.from(tensorOf(trace, name).data as ArrayLike<number>);
}
