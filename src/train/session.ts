// From a configuration to a training ready to run: data, model, executor, run folder. Shared by every command that
// trains.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../base/errors.ts";
import { logWarning } from "../base/log.ts";
import { stream } from "../base/random/threefry.ts";
import type { WhorlConfig } from "../config/schema.ts";
import type { Executor } from "../engine/executors/executor.ts";
import { formatOn, makeModel, type RecursiveModel } from "../models/index.ts";
import { loadStateDict, toStateDict } from "../models/weights.ts";
import { addIdentifiers, openModel } from "../runs/open-model.ts";
import { createRun, describeMachine, openRun, type Run, type RunRecord } from "../runs/run.ts";
import type { Dataset, ExampleSet } from "../tasks/dataset.ts";
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
  /** With `from`: keep its puzzle table and begin further rows at the mean of its trained ones. */
  readonly grow?: boolean;
}

/** Whether a folder holds a run that can be resumed. */
export function holdsRun(dir: string): boolean {
  return existsSync(join(dir, "run.json"));
}

export async function prepareTraining(options: SessionOptions): Promise<TrainingParts> {
  const { config, executor, resume } = options;
  const dataset = await loadDataset(config.data, config.train);
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
  else if (options.from) await startFrom(options.from, model, state, options.grow ?? false);
  const trainer = makeTrainer(executor, model, state, {
    globalBatchSize: config.train.globalBatchSize,
    emaRate: config.train.ema ? config.train.emaRate : undefined,
    optimizer: config.train.optimizer,
    stepsPerUpdate: config.train.stepsPerUpdate,
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
async function startFrom(
  path: string,
  model: RecursiveModel,
  state: TrainingState,
  grow: boolean,
): Promise<void> {
  const opened = await openModel(path);
  const extraRows = model.shape.numPuzzleIdentifiers - opened.model.shape.numPuzzleIdentifiers;
  const source = grow && extraRows > 0 ? addIdentifiers(opened, extraRows, "mean") : opened;
  const tensors = toStateDict(source.model, source.weights);
  const { averagedRows } = loadStateDict(model, state, tensors, path, { tableMismatch: "mean" });
  if (averagedRows !== undefined)
    logWarning(
      `the puzzle table of ${path} has ${averagedRows} rows, ${model.shape.numPuzzleIdentifiers} are needed: all begin at its mean`,
    );
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
    seeds: { train: config.train.seed, ...dataSeed(config) },
    data: { manifestSha256: manifestHash(dataset), ...dataset.manifest },
    resumes: [],
  };
}

function dataSeed({ data }: WhorlConfig): { data?: number } {
  if (data.task === "arc") return { data: data.seed };
  return data.generate ? { data: data.generate.seed } : {};
}

function manifestHash(dataset: Dataset): string {
  return createHash("sha256").update(JSON.stringify(dataset.manifest)).digest("hex");
}

/** Validation puzzles where there are any; else a sample of the test puzzles, to look at only. */
function quickExamplesOf(
  dataset: Dataset,
  { train }: WhorlConfig,
): { puzzles: "validation" | "test"; examples: ExampleSet } {
  const puzzles = dataset.validation.count > 0 ? "validation" : "test";
  const all = dataset[puzzles];
  const order = stream(train.seed, "quick-eval").permutation(all.count);
  return { puzzles, examples: pick(all, order.slice(0, train.quickEval.puzzles)) };
}

/** Some of the examples, as a set of their own. */
function pick(all: ExampleSet, indices: readonly number[]): ExampleSet {
  const rows = indices.map((index) => all.slice(index, 1));
  return {
    count: rows.length,
    slice(start, count) {
      const part = rows.slice(start, start + count);
      return {
        count: part.length,
        inputs: joined(part.map(({ inputs }) => inputs)),
        labels: joined(part.map(({ labels }) => labels)),
        identifiers: joined(part.map(({ identifiers }) => identifiers)),
      };
    },
  };
}

function joined(arrays: readonly Int32Array[]): Int32Array {
  const out = new Int32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}
