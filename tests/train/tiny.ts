// A training small enough for tests: 4×4 Sudoku, a model of a few thousand weights.

import { loadConfig } from "../../src/config/load.ts";
import type { WhorlConfig } from "../../src/config/schema.ts";
import { chooseExecutor } from "../../src/engine/executors/choose.ts";
import type { Executor } from "../../src/engine/executors/executor.ts";
import {
  type TrainingEvents,
  type TrainingParts,
  type TrainingResult,
  trainModel,
} from "../../src/train/loop.ts";
import { prepareTraining } from "../../src/train/session.ts";

export async function tinyConfig(...settings: string[]): Promise<WhorlConfig> {
  const small = [
    "train.globalBatchSize=16",
    "train.steps=12",
    "train.quickEval.everySteps=5",
    "train.quickEval.puzzles=8",
  ];
  return (await loadConfig("sudoku-4x4", [...small, ...settings])).config;
}

/** Trains in a folder; `threads` and `backend` as in the configuration. */
export async function trainTiny(
  config: WhorlConfig,
  dir: string,
  options: {
    resume?: boolean;
    signal?: AbortSignal;
    events?: TrainingEvents;
    threads?: number;
    executor?: Executor;
  } = {},
): Promise<{ result: TrainingResult; parts: TrainingParts }> {
  const { backend, lanes } = config.engine;
  const { threads = 2 } = options;
  const executor = options.executor ?? (await chooseExecutor(backend, { threads, lanes })).executor;
  const parts = await prepareTraining({
    dir,
    config,
    executor,
    whorlVersion: "test",
    resume: options.resume ?? false,
  });
  const { resume = false, signal, events } = options;
  return { result: await trainModel(parts, { resume, signal, events }), parts };
}
