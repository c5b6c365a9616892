// The training loop: batches in the reference's order, one optimizer step each, quick checks on held-out puzzles,
// checkpoints, and a clean end at any moment. What it writes goes through runs/; what it shows, through callbacks.

import { ToolError } from "../base/errors.ts";
import type { TrainConfig } from "../config/schema.ts";
import type { Executor } from "../engine/executors/executor.ts";
import { flopsPerRow } from "../engine/flops.ts";
import { type Evaluation, evaluate } from "../eval/evaluate.ts";
import { makeRecursion, type Recursion } from "../eval/recursion.ts";
import type { RecursiveModel } from "../models/model.ts";
import { scheduleFactor } from "../optim/schedule.ts";
import { latestCheckpoint, pruneCheckpoints, writeCheckpoint } from "../runs/checkpoints.ts";
import { type MetricsWriter, openMetrics } from "../runs/metrics.ts";
import { type Run, recordResume } from "../runs/run.ts";
import type { Dataset, ExampleSet } from "../tasks/dataset.ts";
import { checkpointParts, evaluatedWeights, type Progress, restoreState } from "./checkpoint.ts";
import type { StepMetrics } from "./metrics.ts";
import type { TrainingState } from "./state.ts";
import type { Batch, StepSettings, Trainer } from "./step.ts";

export interface TrainingParts {
  readonly run: Run;
  readonly config: TrainConfig;
  readonly model: RecursiveModel;
  readonly dataset: Dataset;
  /** Puzzles of the quick checks. */
  readonly quickExamples: ExampleSet;
  readonly executor: Executor;
  readonly state: TrainingState;
  /** Made on the same state. */
  readonly trainer: Trainer;
}

export interface TrainingEvents {
  /** After each step. */
  onStep?(progress: StepProgress): void;
  onQuickEval?(step: number, evaluation: Evaluation): void;
  onCheckpoint?(dir: string): void;
  onWarning?(text: string): void;
}

export interface StepProgress {
  readonly step: number;
  readonly totalSteps: number;
  readonly metrics: StepMetrics;
  readonly trainSeconds: number;
  readonly rowsPerSecond: number;
}

export type StopReason = "finished" | "interrupted" | "accuracy reached" | "out of time";

export interface TrainingResult {
  readonly step: number;
  readonly stopped: StopReason;
  readonly trainLoss: number;
  readonly exStepsPerSecond: number;
  readonly trainSeconds: number;
  /** Of all steps, by the convention of engine/flops.ts. */
  readonly flops: number;
  readonly checkpointDir: string;
  /** The last step's measures and the last quick check, under the names of metrics.jsonl. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Steps of a training: as configured, or the whole sweeps of its epochs. */
export function totalStepsOf(config: TrainConfig, dataset: Dataset): number {
  if (config.steps !== null) return config.steps;
  if (config.epochs === null) return Number.MAX_SAFE_INTEGER; // until the time is up
  return (config.epochs / config.evalInterval) * dataset.stream.batchesPerSweep;
}

/** The reference's total_steps: whole batches in so many passes over the groups. */
function batchesIn({ groups, meanPuzzleExamples }: Dataset, epochs: number, batchSize: number): number {
  return Math.floor((epochs * groups * meanPuzzleExamples) / batchSize);
}

/** FLOP of an optimizer step, by the convention of engine/flops.ts. */
export function flopsPerStep(config: TrainConfig, model: RecursiveModel): number {
  const rows = config.globalBatchSize * config.stepsPerUpdate;
  return rows * flopsPerRow(model.trainingGraph({ lossScale: 1 }));
}

/** Trains until the steps are made, the time is up, the accuracy is reached, or the signal says so. */
export async function trainModel(
  parts: TrainingParts,
  options: { resume: boolean; signal?: AbortSignal; events?: TrainingEvents },
): Promise<TrainingResult> {
  const training = new Training(parts, options.events ?? {});
  return training.run(options.resume, options.signal);
}

class Training {
  readonly #parts: TrainingParts;
  readonly #events: TrainingEvents;
  readonly #recursion: Recursion;
  readonly #batch: Batch;
  readonly #flopsPerStep: number;
  readonly #totalSteps: number;
  #startSeconds = 0;
  #startStep = 0;
  #startMs = 0;
  #lastLoss = Number.NaN;
  #savedStep = -1;
  /** Exact accuracy of the quick check after the present step, if there was one. */
  #checked: number | null = null;
  #checkpointDir = "";
  #lastMetrics: Record<string, number> = {};

  constructor(parts: TrainingParts, events: TrainingEvents) {
    const { config, model, dataset, executor, state } = parts;
    this.#parts = parts;
    this.#events = events;
    const batchSize = config.globalBatchSize;
    this.#recursion = makeRecursion(executor, model, evaluatedWeights(state), {
      batchSize: Math.max(1, Math.min(parts.quickExamples.count, 256)),
      labels: true,
      format: state.format,
    });
    this.#batch = {
      inputs: new Int32Array(batchSize * model.shape.seqLen),
      labels: new Int32Array(batchSize * model.shape.seqLen),
      identifiers: new Int32Array(batchSize),
    };
    this.#flopsPerStep = flopsPerStep(config, model);
    this.#totalSteps = totalStepsOf(config, dataset);
  }

  async run(resume: boolean, signal: AbortSignal | undefined): Promise<TrainingResult> {
    const { run, state } = this.#parts;
    if (resume) {
      await this.#restore();
      await recordResume(run, { at: new Date().toISOString(), step: state.step });
    }
    const metrics = await openMetrics(run, resume ? { resumeStep: state.step } : {});
    this.#startMs = performance.now();
    this.#startStep = state.step;
    try {
      let stopped = this.#stopReason(signal);
      while (!stopped) {
        await this.#step(metrics);
        await this.#quickEval(metrics);
        stopped = this.#stopReason(signal);
        if (stopped || state.step % this.#parts.config.checkpointEverySteps === 0) await this.#save(metrics);
      }
      if (this.#savedStep !== state.step) await this.#save(metrics);
      return this.#result(stopped);
    } finally {
      metrics.close();
    }
  }

  async #restore(): Promise<void> {
    const { run, model, state, dataset } = this.#parts;
    const { checkpoint, damaged } = await latestCheckpoint(run);
    for (const error of damaged) this.#events.onWarning?.(`passed over: ${error.format()}`);
    if (!checkpoint) return; // stopped before the first checkpoint: begin again
    const progress = await restoreState(model, state, checkpoint);
    dataset.stream.restore(progress.stream);
    this.#startSeconds = progress.trainSeconds;
    this.#checked = progress.checked;
    this.#savedStep = progress.step;
    this.#checkpointDir = checkpoint.dir;
  }

  #stopReason(signal: AbortSignal | undefined): StopReason | undefined {
    const { state, config } = this.#parts;
    const { stopAtExactAccuracy: enough } = config;
    if (enough !== null && this.#checked !== null && this.#checked >= enough) return "accuracy reached";
    if (state.step >= this.#totalSteps) return "finished";
    if (signal?.aborted) return "interrupted";
    if (config.maxMinutes !== null && this.#trainSeconds() >= config.maxMinutes * 60) return "out of time";
    return undefined;
  }

  async #step(writer: MetricsWriter): Promise<void> {
    const { state, dataset, run } = this.#parts;
    dataset.stream.next(this.#batch);
    const settings = this.#settings(state.step + 1);
    this.#checked = null;
    const metrics = await this.#parts.trainer.step(this.#batch, settings);
    if (!Number.isFinite(metrics.loss)) throw notFinite("the loss", metrics.loss, state.step, run.dir);
    this.#lastLoss = metrics.loss / this.#parts.config.globalBatchSize;
    this.#note(
      writer,
      reportedMetrics(metrics, this.#parts.config.globalBatchSize, settings.weights.learningRate),
    );
    const made = state.step - this.#startStep;
    const elapsed = this.#trainSeconds() - this.#startSeconds;
    this.#events.onStep?.({
      step: state.step,
      totalSteps: this.#totalSteps,
      metrics,
      trainSeconds: this.#trainSeconds(),
      rowsPerSecond: (made * this.#parts.config.globalBatchSize) / Math.max(elapsed, 1e-9),
    });
  }

  #settings(step: number): StepSettings {
    const { config, dataset } = this.#parts;
    const epochs = config.epochs ?? 0;
    const totalSteps = config.steps ?? batchesIn(dataset, epochs, config.globalBatchSize);
    const factor = scheduleFactor(step, {
      warmupSteps: config.lrWarmupSteps,
      totalSteps,
      minRatio: config.lrMinRatio,
    });
    return {
      weights: {
        learningRate: config.lr * factor,
        weightDecay: config.weightDecay,
        beta1: config.beta1,
        beta2: config.beta2,
        clipNorm: config.clipNorm ?? undefined,
      },
      puzzleTable: { learningRate: config.puzzleEmbLr * factor, weightDecay: config.puzzleEmbWeightDecay },
    };
  }

  async #quickEval(writer: MetricsWriter): Promise<void> {
    const { state, config, quickExamples, model } = this.#parts;
    const { everySteps } = config.quickEval;
    const isDue = everySteps > 0 && (state.step % everySteps === 0 || state.step === this.#totalSteps);
    if (!isDue || quickExamples.count === 0) return;
    const evaluation = await evaluate(this.#recursion, quickExamples, { steps: model.haltMaxSteps });
    this.#note(writer, {
      "eval/exact_accuracy": evaluation.exactAccuracy,
      "eval/accuracy": evaluation.cellAccuracy,
      "eval/lm_loss": evaluation.lmLoss,
      "eval/q_halt_accuracy": evaluation.haltAccuracy,
      "eval/count": evaluation.puzzles,
    });
    this.#events.onQuickEval?.(state.step, evaluation);
    this.#checked = evaluation.exactAccuracy;
  }

  async #save(writer: MetricsWriter): Promise<void> {
    const { run, model, state, dataset, config } = this.#parts;
    // The loss is that of the weights before the last update: a bad gradient shows only here.
    if (!state.weights.every(Number.isFinite)) throw notFinite("a weight", Number.NaN, state.step, run.dir);
    writer.sync();
    const progress: Progress = {
      step: state.step,
      stream: dataset.stream.state(),
      trainSeconds: this.#trainSeconds(),
      checked: this.#checked,
    };
    this.#checkpointDir = await writeCheckpoint(run, state.step, checkpointParts(model, state, progress));
    this.#savedStep = state.step;
    await pruneCheckpoints(run, { keep: config.keepCheckpoints, writtenStep: state.step });
    this.#events.onCheckpoint?.(this.#checkpointDir);
  }

  #note(writer: MetricsWriter, metrics: Record<string, number>): void {
    Object.assign(this.#lastMetrics, metrics);
    writer.append({ step: this.#parts.state.step, ...metrics });
  }

  /** Time spent on training over all starts of the run, quick checks and checkpoints included. */
  #trainSeconds(): number {
    return this.#startSeconds + (performance.now() - this.#startMs) / 1000;
  }

  #result(stopped: StopReason): TrainingResult {
    const { state, config } = this.#parts;
    const elapsed = this.#trainSeconds() - this.#startSeconds;
    return {
      step: state.step,
      stopped,
      trainLoss: this.#lastLoss,
      exStepsPerSecond: ((state.step - this.#startStep) * config.globalBatchSize) / Math.max(elapsed, 1e-9),
      trainSeconds: this.#trainSeconds(),
      flops: state.step * this.#flopsPerStep,
      checkpointDir: this.#checkpointDir,
      metrics: this.#lastMetrics,
    };
  }
}

/**
 * As the reference logs them: losses per row of the batch, the rest per counted row (absent when none counts).
 * Differs from the reference: it divides the count by itself too, and logs 1.
 */
function reportedMetrics(
  metrics: StepMetrics,
  batchSize: number,
  learningRate: number,
): Record<string, number> {
  const reported: Record<string, number> = {
    "train/loss": metrics.loss / batchSize,
    "train/lm_loss": metrics.lm_loss / batchSize,
    "train/q_halt_loss": metrics.q_halt_loss / batchSize,
    ...(metrics.q_continue_loss > 0 ? { "train/q_continue_loss": metrics.q_continue_loss / batchSize } : {}),
    "train/count": metrics.count,
    "train/lr": learningRate,
  };
  if (metrics.count > 0)
    for (const name of ["accuracy", "exact_accuracy", "q_halt_accuracy", "steps"] as const)
      reported[`train/${name}`] = metrics[name] / metrics.count;
  return reported;
}

function notFinite(what: string, value: number, step: number, dir: string): ToolError {
  return new ToolError(`${what} is ${value} at step ${step}`, {
    code: "train/not-finite",
    where: dir,
    hint: "nothing of this step was saved; start again with a lower train.lr (--from takes the last checkpoint's weights)",
  });
}
