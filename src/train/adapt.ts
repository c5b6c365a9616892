// New ARC tasks on a trained model: the puzzle table grows by a row for each task and augmentation, which begin at the
// mean of the trained rows, and a short training fits them (and, if asked, the network too) to the demonstrations. The
// test inputs are then solved by voting, before and after. What results is a run like any other, whose data set is the
// new tasks.

import { join } from "node:path";
import { ToolError } from "../base/errors.ts";
import { makeFolder, writeFileAtomic } from "../base/files.ts";
import { formatConfig, parseConfig } from "../config/load.ts";
import type { WhorlConfig } from "../config/schema.ts";
import type { Executor } from "../engine/executors/executor.ts";
import { type ArcSubmission, answerArcTasks, isTaskSolved } from "../eval/answer-arc.ts";
import { writeSubmission } from "../eval/submission.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import { gridToJson } from "../tasks/arc/grid.ts";
import type { ArcTask } from "../tasks/arc/read.ts";
import { loadTestSet } from "../tasks/index.ts";
import { evaluatedWeights } from "./checkpoint.ts";
import { type TrainingEvents, type TrainingParts, type TrainingResult, trainModel } from "./loop.ts";
import { prepareTraining } from "./session.ts";

export interface AdaptSettings {
  /** The trained ARC model. */
  readonly source: OpenedModel;
  readonly tasks: readonly ArcTask[];
  /** New run folder. */
  readonly dir: string;
  /** Time for training, all tasks together. */
  readonly minutes: number;
  /** Augmentations of each new task, and so rows and votes. */
  readonly augmentations: number;
  /** Train the network too, not only the new rows. */
  readonly allWeights: boolean;
  /** `key=value` words that change the training. */
  readonly overrides: readonly string[];
  readonly executor: Executor;
  readonly whorlVersion: string;
  readonly signal?: AbortSignal;
  readonly events?: TrainingEvents & {
    onPrepared?(parts: TrainingParts): void;
    onSolved?(when: "before" | "after", solved: readonly (boolean | null)[]): void;
  };
}

export interface AdaptedTask {
  readonly task: string;
  /** Whether one of two attempts was right for every test input; null where the outputs are not known. */
  readonly solvedBefore: boolean | null;
  readonly solvedAfter: boolean | null;
  /** This task's share of the time for everything. */
  readonly seconds: number;
}

export interface Adaptation {
  readonly tasks: readonly AdaptedTask[];
  readonly training: TrainingResult;
  /** Two attempts for each test input, also in the run folder. */
  readonly submission: ArcSubmission;
}

/** Name of the tasks' subset in the run folder. */
const SUBSET = "adapted";

export async function adaptModel(settings: AdaptSettings): Promise<Adaptation> {
  const { source, tasks, dir, executor, whorlVersion, events, signal } = settings;
  const startMs = performance.now();
  const config = adaptedConfig(settings);
  await writeTasks(dir, tasks);
  const from = source.path;
  const parts = await prepareTraining({
    dir,
    config,
    executor,
    whorlVersion,
    resume: false,
    from,
    grow: true,
  });
  events?.onPrepared?.(parts);
  const testSet = await loadTestSet(config.data, null);
  const solve = async (when: "before" | "after") => {
    const { model, state } = parts;
    const submission = await answerArcTasks(executor, model, evaluatedWeights(state), testSet, {
      steps: model.haltMaxSteps,
      format: state.format,
    });
    const solved = tasks.map((task) => isTaskSolved(task, submission));
    events?.onSolved?.(when, solved);
    return { submission, solved };
  };
  const before = await solve("before");
  const training = await trainModel(parts, { resume: false, signal, events });
  const after = await solve("after");
  await writeSubmission(join(dir, "submission.json"), after.submission);
  const seconds = (performance.now() - startMs) / 1000 / tasks.length;
  return {
    tasks: tasks.map(({ id }, i) => ({
      task: id,
      solvedBefore: before.solved[i],
      solvedAfter: after.solved[i],
      seconds,
    })),
    training,
    submission: after.submission,
  };
}

/** The model as it is, the new tasks as data, and a training of so many minutes. */
function adaptedConfig(settings: AdaptSettings): WhorlConfig {
  const { source, dir, minutes, augmentations, allWeights, overrides } = settings;
  const { config } = source;
  if (config.data.task !== "arc")
    throw new ToolError(`the model solves ${config.data.task}, not ARC`, {
      code: "adapt/not-arc",
      where: source.path,
      hint: "only ARC models have a vector for each task, and so new tasks to be adapted to",
      exitCode: 2,
    });
  if (source.model.puzzleVectorSize === 0)
    throw new ToolError("the model has no puzzle vectors", {
      code: "adapt/no-table",
      where: source.path,
      hint: "nothing tells it one task from another: train with model.puzzleEmbNdim above 0",
      exitCode: 2,
    });
  const { side, seed } = config.data;
  const adapted: WhorlConfig = {
    ...config,
    data: {
      ...config.data,
      ...{ task: "arc", from: join(dir, "tasks"), subsets: [SUBSET], testSet: SUBSET, folder: null },
      ...{ side, seed, augmentations, without: [], maxTasks: null, validationTasks: 0, testViews: null },
      firstIdentifier: source.model.shape.numPuzzleIdentifiers,
    },
    train: {
      ...config.train,
      ...{ epochs: null, steps: null, maxMinutes: minutes, freezeWeights: !allWeights, ema: false },
      // One task must fill batches too; sweeps mean nothing here.
      ...{ evalInterval: 10_000, lrWarmupSteps: 0, lrMinRatio: 1, stopAtExactAccuracy: null },
      quickEval: { ...config.train.quickEval, everySteps: 0 },
    },
  };
  return parseConfig(formatConfig(adapted), "the adapted configuration", overrides).config;
}

/** The tasks as a subset in the competition's layout, so that the run has its data with it. */
async function writeTasks(dir: string, tasks: readonly ArcTask[]): Promise<void> {
  const folder = join(dir, "tasks");
  await makeFolder(folder);
  const challenges = tasks.map(({ id, train, test }) => [
    id,
    {
      train: train.map(({ input, output }) => ({ input: gridToJson(input), output: gridToJson(output) })),
      test: test.map(({ input, output }) => ({
        input: gridToJson(input),
        ...(output ? { output: gridToJson(output) } : {}),
      })),
    },
  ]);
  const path = join(folder, `arc-agi_${SUBSET}_challenges.json`);
  await writeFileAtomic(path, JSON.stringify(Object.fromEntries(challenges)));
}
