// From a configuration to a training ready to run: data, model, executor, run folder. Shared by every command that
// trains.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../base/errors.ts";
import { stream } from "../base/random/threefry.ts";
import type { WhorlConfig } from "../config/schema.ts";
import type { Executor } from "../engine/executors/executor.ts";
import { formatOn, makeModel, type RecursiveModel } from "../models/index.ts";
import { loadStateDict, toStateDict } from "../models/weights.ts";
import { openModel } from "../runs/open-model.ts";
import { createRun, describeMachine, openRun, type Run, type RunRecord } from "../runs/run.ts";
import type { Dataset, Examples } from "../tasks/dataset.ts";
import { loadDataset } from "../tasks/index.ts";
import type { TrainingParts } from "./loop.ts";
import { makeTrainingState, type TrainingState } from "./state.ts";
import { makeTrainer } from "./step.ts";

export interface SessionOptions {
  readonly dir: string;
  readonly config: WhorlConfig;
  readonly executor: Executor;
  readonly whorlVersion: string;
  readonly resume: boolean;
  /** Start from the weights of another run. */
  readonly from?: string;
}

/** Whether a folder holds a run that can be resumed. */
export function holdsRun(dir: string): boolean {
  return existsSync(join(dir, "run.json"));
}

export async function prepareTraining(options: SessionOptions): Promise<TrainingParts> {
  const { config, executor, resume } = options;
  const dataset = loadDataset(config.data, config.train);
  const { puzzles, examples } = quickExamplesOf(dataset, config);
  if (config.train.stopAtExactAccuracy !== null && puzzles === "test")
    throw new ToolError(
      "train.stopAtExactAccuracy needs validation puzzles: the test set must not decide anything",
      {
        code: "train/no-validation",
        where: "train.stopAtExactAccuracy",
        hint: "set data.validation (or data.generate.validation) to a number of puzzles",
        exitCode: 2,
      },
    );
  const model = makeModel(config.model, dataset.shape);
  const earlier = resume ? await openRun(options.dir, { forWriting: true }) : undefined;
  const state = makeTrainingState(model, {
    seed: config.train.seed,
    batchSize: config.train.globalBatchSize,
    ema: config.train.ema,
    format: earlier?.record.engine.format ?? formatOn(executor, model),
  });
  if (earlier) checkSameRun(earlier, executor, dataset);
  else if (options.from) await startFrom(options.from, model, state);
  const trainer = makeTrainer(executor, model, state, {
    globalBatchSize: config.train.globalBatchSize,
    emaRate: config.train.ema ? config.train.emaRate : undefined,
    freezeWeights: config.train.freezeWeights,
    seed: config.train.seed,
    microBatch: earlier?.record.engine.microBatch ?? config.engine.microBatch ?? undefined,
  });
  const { microBatch } = trainer.program;
  const record = makeRecord(options, dataset, { microBatch, format: state.format });
  const run = earlier ?? (await createRun(options.dir, { config, record }));
  return { run, config: config.train, model, dataset, quickExamples: examples, executor, state, trainer };
}

/** A resumed run must go on with the same puzzles, and with an engine that makes its sums in the same order. */
function checkSameRun(run: Run, executor: Executor, dataset: Dataset): void {
  if (run.record.data.manifestSha256 !== manifestHash(dataset))
    throw new ToolError("the puzzles are not those that the run was started with", {
      code: "train/other-data",
      where: `${run.dir}: ${dataset.manifest.train.from}`,
      hint: "put the files back, or start a new run (--from takes the weights along)",
    });
  const { backend, isa, lanes } = run.record.engine;
  const now = executor.description;
  if (backend === now.backend && isa === now.isa && lanes === now.lanes) return;
  throw new ToolError(
    `the run was made on ${backend} ${isa} with ${lanes} lanes, this start has ${now.backend} ${now.isa} with ${now.lanes}`,
    {
      code: "train/other-engine",
      where: run.dir,
      hint: "resuming bit for bit needs the same; start a new run with --from to go on with the weights only",
    },
  );
}

/** Weights of another run as the start; its optimizer and data position are not taken along. */
async function startFrom(path: string, model: RecursiveModel, state: TrainingState): Promise<void> {
  const source = await openModel(path);
  loadStateDict(model, state, toStateDict(source.model, source.weights), path);
  state.average?.set(state.weights);
}

function makeRecord(
  { config, executor, whorlVersion }: SessionOptions,
  dataset: Dataset,
  program: Pick<RunRecord["engine"], "microBatch" | "format">,
): RunRecord {
  return {
    format: 1,
    kind: "train",
    createdAt: new Date().toISOString(),
    versions: { whorl: whorlVersion, node: process.versions.node },
    machine: describeMachine(),
    engine: { ...executor.description, ...program },
    seeds: { train: config.train.seed, ...(config.data.generate ? { data: config.data.generate.seed } : {}) },
    data: { manifestSha256: manifestHash(dataset), ...dataset.manifest },
    resumes: [],
  };
}

function manifestHash(dataset: Dataset): string {
  return createHash("sha256").update(JSON.stringify(dataset.manifest)).digest("hex");
}

/** Validation puzzles where there are any; else a sample of the test puzzles, to look at only. */
function quickExamplesOf(
  dataset: Dataset,
  { train }: WhorlConfig,
): { puzzles: "validation" | "test"; examples: Examples } {
  const puzzles = dataset.validation.count > 0 ? "validation" : "test";
  const all = dataset[puzzles];
  const order = stream(train.seed, "quick-eval").permutation(all.count);
  return { puzzles, examples: pick(all, order.slice(0, train.quickEval.puzzles)) };
}

function pick(all: Examples, indices: ArrayLike<number>): Examples {
  const cells = all.inputs.length / Math.max(all.count, 1);
  const rows = (data: Int32Array, width: number) => {
    const out = new Int32Array(indices.length * width);
    Array.from(indices).forEach((index, i) => {
      out.set(data.subarray(index * width, (index + 1) * width), i * width);
    });
    return out;
  };
  return {
    count: indices.length,
    inputs: rows(all.inputs, cells),
    labels: rows(all.labels, cells),
    identifiers: rows(all.identifiers, 1),
  };
}
