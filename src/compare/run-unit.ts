// One unit: trained by the ordinary loop in a run folder of its own (and resumed there), then evaluated once on the
// comparison's held-out puzzles, after all supervision steps and, from the same pass, at the model's own halting.

import { join } from "node:path";
import { invariant } from "../base/errors.ts";
import type { Executor } from "../engine/executors/executor.ts";
import { evaluate } from "../eval/evaluate.ts";
import { makeRecursion } from "../eval/recursion.ts";
import { countParameters } from "../nn/parameters.ts";
import { type Metrics, readMetrics } from "../runs/metrics.ts";
import { openRun } from "../runs/run.ts";
import type { TestSet } from "../tasks/dataset.ts";
import { evaluatedWeights } from "../train/checkpoint.ts";
import { type TrainingEvents, type TrainingParts, type TrainingResult, trainModel } from "../train/loop.ts";
import { holdsRun, prepareTraining } from "../train/session.ts";
import type { Comparison } from "./definition.ts";
import type { Unit } from "./plan.ts";
import { checkSameSettings, settingsOf, type UnitRecord } from "./unit-record.ts";

export interface UnitOptions {
  /** Folder of the comparison. */
  readonly dir: string;
  readonly executor: Executor;
  readonly whorlVersion: string;
  readonly testSet: TestSet;
  readonly evaluation: Comparison["evaluation"];
  readonly signal?: AbortSignal;
  readonly events?: TrainingEvents;
}

/** Puzzles computed together. */
const BATCH_SIZE = 256;

/** Trains, or goes on with it, and evaluates; undefined when the signal came first (the training is saved). */
export async function runUnit(unit: Unit, options: UnitOptions): Promise<UnitRecord | undefined> {
  const dir = join(options.dir, unit.runDir);
  const resume = holdsRun(dir);
  if (resume) checkSameSettings((await openRun(dir)).config, unit.config, dir);
  const { executor, whorlVersion, signal, events } = options;
  const parts = await prepareTraining({ dir, config: unit.config, executor, whorlVersion, resume });
  const result = await trainModel(parts, { resume, signal, events });
  if (result.stopped === "interrupted") return undefined;
  return {
    format: 2,
    name: unit.entry.name,
    preset: unit.entry.preset,
    overrides: unit.entry.overrides,
    seed: unit.seed,
    finishedAt: new Date().toISOString(),
    config: settingsOf(unit.config),
    evaluation: options.evaluation,
    ...describeParts(parts, options.testSet),
    training: describeTraining(result, parts, await readMetrics(parts.run)),
    ...(await evaluateUnit(parts, options)),
  };
}

function describeParts({ run, model, dataset, executor, state }: TrainingParts, { manifest }: TestSet) {
  const { backend, isa, threads } = executor.description;
  const { train, heldOutInTraining } = dataset.manifest;
  return {
    data: {
      manifestSha256: run.record.data.manifestSha256,
      task: run.config.data.task,
      trainPuzzles: train.puzzles,
      trainSha256: train.sha256,
      testFrom: manifest.from,
      testSha256: manifest.sha256,
      heldOutInTraining,
    },
    parameters: countParameters(model.parameters),
    puzzleTable: model.shape.numPuzzleIdentifiers * model.puzzleVectorSize,
    effectiveDepth: model.effectiveDepth,
    hiddenSize: model.hiddenSize,
    versions: run.record.versions,
    machine: run.record.machine,
    engine: { backend, isa, threads, format: state.format },
  };
}

/** From the metrics, because a run that was finished by an earlier process has no last step in this one. */
function describeTraining(
  { step, flops, trainSeconds }: TrainingResult,
  { config }: TrainingParts,
  metrics: readonly Metrics[],
): UnitRecord["training"] {
  const tenth = Math.max(1, Math.floor(step / 10));
  const last = metrics.filter((line) => line.step > step - tenth);
  const before = metrics.filter((line) => line.step > step - 2 * tenth && line.step <= step - tenth);
  const lastLoss = meanOf(last, "train/loss") ?? 0;
  return {
    steps: step,
    rows: step * config.globalBatchSize,
    flops,
    seconds: trainSeconds,
    lastLoss,
    lossBefore: meanOf(before, "train/loss") ?? lastLoss,
    lastExactAccuracy: meanOf(last, "train/exact_accuracy", "train/count"),
    haltingSteps: meanOf(last, "train/steps", "train/count"),
  };
}

/** Mean over the lines that have the measure, by the rows that each of them counts. */
export function meanOf(lines: readonly Metrics[], name: string, weightName?: string): number | null {
  let [sum, weights] = [0, 0];
  for (const line of lines) {
    const value = line[name];
    const weight = weightName === undefined ? 1 : line[weightName];
    if (typeof value !== "number" || typeof weight !== "number") continue;
    sum += weight * value;
    weights += weight;
  }
  return weights > 0 ? sum / weights : null;
}

async function evaluateUnit({ executor, model, state }: TrainingParts, { testSet, evaluation }: UnitOptions) {
  const { examples } = testSet;
  const steps = evaluation.steps ?? model.haltMaxSteps;
  const recursion = makeRecursion(executor, model, evaluatedWeights(state), {
    batchSize: Math.max(1, Math.min(BATCH_SIZE, examples.count)),
    labels: true,
    format: state.format,
  });
  const options = { steps, watch: model.wantsToHalt };
  const { puzzles, exactAccuracy, cellAccuracy, interval95, bySteps, secondsPerPuzzle, halting } =
    await evaluate(recursion, examples, options);
  invariant(halting, "the rows were watched");
  return {
    puzzles,
    exactAccuracy,
    cellAccuracy,
    interval95: [...interval95] as [number, number],
    bySteps: [...bySteps],
    supervisionSteps: steps,
    evalSeconds: secondsPerPuzzle * puzzles,
    halting: { meanSteps: halting.meanSteps, exactAccuracy: halting.exactAccuracy },
  };
}
