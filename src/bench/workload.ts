// Something to compute: a model with random weights on random rows, ready to make one training step, or one
// supervision step without gradient, after the other. Nothing is zero that would not be in a real run, for arithmetic
// on zeros can be faster than on numbers.

import { type RandomStream, stream } from "../base/random/threefry.ts";
import type { Executor, Program } from "../engine/executors/executor.ts";
import { flopsPerRow } from "../engine/flops.ts";
import type { Graph } from "../engine/graph.ts";
import type { NumberFormat } from "../engine/number-format.ts";
import { makeRecursion } from "../eval/recursion.ts";
import { makeModel, type RecursiveModel } from "../models/index.ts";
import { type ModelWeights, makeWeights } from "../models/weights.ts";
import { viewsOf } from "../nn/parameters.ts";
import { makeTrainingState } from "../train/state.ts";
import { type Batch, makeTrainer, type StepPart, type StepSettings } from "../train/step.ts";
import type { BenchSetting } from "./cases.ts";

export const BENCH_MODES = ["train", "forward", "latency"] as const;

export type BenchMode = (typeof BENCH_MODES)[number];

export interface WorkloadOptions {
  readonly batch: number;
  readonly microBatch?: number;
  readonly format: NumberFormat;
  readonly onPart?: (part: StepPart) => void;
}

export interface Workload {
  readonly batch: number;
  /** Of one step, for one example. */
  readonly flopsPerExample: number;
  readonly program: Program;
  /** Supervision steps a puzzle gets. */
  readonly supervisionSteps: number;
  step(): Promise<void>;
}

const SETTINGS: StepSettings = {
  weights: { learningRate: 1e-4, weightDecay: 1, beta1: 0.9, beta2: 0.95 },
  puzzleTable: { learningRate: 1e-4, weightDecay: 1 },
};

const SEED = 0;

export function makeWorkload(
  executor: Executor,
  setting: BenchSetting,
  mode: BenchMode,
  options: WorkloadOptions,
): Workload {
  const model = makeModel(setting.model, setting.shape);
  return mode === "train"
    ? trainingWorkload(executor, model, setting.emaRate, options)
    : forwardWorkload(executor, model, options);
}

function trainingWorkload(
  executor: Executor,
  model: RecursiveModel,
  emaRate: number | undefined,
  { batch, microBatch, format, onPart }: WorkloadOptions,
): Workload {
  const compiling = watchCompiling(executor);
  const ema = emaRate !== undefined;
  const state = makeTrainingState(model, { seed: SEED, batchSize: batch, ema, format });
  fillZeros(model, state);
  const trainer = makeTrainer(compiling.executor, model, state, {
    ...{ globalBatchSize: batch, emaRate, seed: SEED, microBatch, onPart },
  });
  const rows = drawRows(model, batch);
  return {
    batch,
    ...compiling.first(),
    supervisionSteps: model.haltMaxSteps,
    async step() {
      await trainer.step(rows, SETTINGS);
    },
  };
}

function forwardWorkload(
  executor: Executor,
  model: RecursiveModel,
  { batch, microBatch, format }: WorkloadOptions,
): Workload {
  const compiling = watchCompiling(executor);
  const weights = makeWeights(model, SEED);
  fillZeros(model, weights);
  const recursion = makeRecursion(compiling.executor, model, weights, {
    ...{ batchSize: batch, microBatch, format },
  });
  const rows = drawRows(model, batch);
  const puzzle = () => recursion.run({ rows: batch, ...rows }, model.haltMaxSteps);
  let steps = puzzle();
  return {
    batch,
    ...compiling.first(),
    supervisionSteps: model.haltMaxSteps,
    async step() {
      if (!(await steps.next()).done) return;
      steps = puzzle();
      await steps.next();
    },
  };
}

/** An executor that remembers what was compiled first: the graph of the step, before those of an optimizer. */
function watchCompiling(executor: Executor) {
  const compiled: { graph: Graph; program: Program }[] = [];
  return {
    executor: {
      ...executor,
      compile(graph, options) {
        const program = executor.compile(graph, options);
        compiled.push({ graph, program });
        return program;
      },
    } satisfies Executor,
    first(): { program: Program; flopsPerExample: number } {
      const [{ graph, program }] = compiled;
      return { program, flopsPerExample: flopsPerRow(graph) };
    },
  };
}

/** Gives random numbers to what starts as zeros: the puzzle table and the halting head. */
function fillZeros(model: RecursiveModel, { weights, table, layout }: ModelWeights): void {
  const random = stream(SEED, "bench", "weights");
  for (let i = 0; i < table.length; i++) table[i] = random.truncatedNormal(0.02);
  const views = viewsOf(layout, weights);
  for (const { name, initial } of model.parameters) {
    const view = views.get(name);
    if (!view || initial.kind !== "constant" || initial.value !== 0) continue;
    for (let i = 0; i < view.length; i++) view[i] = random.truncatedNormal(0.02);
  }
}

function drawRows(model: RecursiveModel, batch: number): Batch {
  const { seqLen, vocabSize, numPuzzleIdentifiers } = model.shape;
  const random = stream(SEED, "bench", "rows");
  return {
    inputs: drawBelow(random, vocabSize, batch * seqLen),
    labels: drawBelow(random, vocabSize, batch * seqLen),
    identifiers: drawBelow(random, numPuzzleIdentifiers, batch),
  };
}

function drawBelow(random: RandomStream, bound: number, length: number): Int32Array {
  return Int32Array.from({ length }, () => random.below(bound));
}
