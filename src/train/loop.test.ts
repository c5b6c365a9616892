// How long a training lasts, what it writes on the way, and how it ends. Resuming: tests/train/resume.test.ts.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../tests/temporary-files.ts";
import { tinyConfig, trainTiny } from "../../tests/train/tiny.ts";
import { ToolError } from "../base/errors.ts";
import { loadConfig } from "../config/load.ts";
import { chooseExecutor } from "../engine/executors/choose.ts";
import { latestCheckpoint } from "../runs/checkpoints.ts";
import { readMetrics } from "../runs/metrics.ts";
import { openModel } from "../runs/open-model.ts";
import type { Dataset } from "../tasks/dataset.ts";
import { makeSampler } from "../tasks/sampler.ts";
import { totalStepsOf, trainModel } from "./loop.ts";
import { prepareTraining } from "./session.ts";

const FEW = ["train.globalBatchSize=4", "train.stopAtExactAccuracy=null"];

afterEach(() => {
  vi.useRealTimers();
});

/** A data set of which only the length of a sweep is known. */
function sweeping(batchesPerSweep: number): Dataset {
  const none = {
    count: 0,
    inputs: new Int32Array(),
    labels: new Int32Array(),
    identifiers: new Int32Array(),
  };
  const nothing = { count: 0, slice: () => none };
  const part = { from: "nowhere", puzzles: 0, sha256: "" };
  return {
    shape: { seqLen: 81, vocabSize: 11, numPuzzleIdentifiers: 1 },
    groups: 1000,
    meanPuzzleExamples: 1,
    stream: { batchesPerSweep, next() {}, state: () => null, restore() {} },
    ...{ validation: nothing, test: nothing },
    manifest: { task: "none", train: part, validation: part, test: part, heldOutInTraining: 0 },
  };
}

test("the published Sudoku runs make 6510 steps a sweep and 65,100 in all", async () => {
  const { train } = (await loadConfig("sudoku-extreme-mlp")).config;
  const grouping = { groups: 1000, puzzlesIn: () => 1001, examplesIn: () => 1, meanPuzzleExamples: 1 };
  const { batchesPerIterator } = makeSampler(grouping, train);
  expect(batchesPerIterator).toBe(6510);
  expect(totalStepsOf(train, sweeping(batchesPerIterator))).toBe(65100);
  const attention = (await loadConfig("sudoku-extreme-attention")).config;
  expect(attention.train).toEqual(train);
});

test("steps win over epochs; without either only the time ends a training", async () => {
  const { train } = (await loadConfig("sudoku-extreme-mlp")).config;
  expect(totalStepsOf({ ...train, steps: 70 }, sweeping(6510))).toBe(70);
  expect(totalStepsOf({ ...train, epochs: 10, evalInterval: 10 }, sweeping(13))).toBe(13);
  expect(totalStepsOf({ ...train, epochs: null }, sweeping(13))).toBe(Number.MAX_SAFE_INTEGER);
});

test("epochs end a training after whole sweeps, each without its incomplete batch", async () => {
  // 150 puzzles × 2 epochs are 4 batches of 64 and a rest.
  const settings = ["train.steps=null", "train.epochs=4", "train.evalInterval=2", "train.globalBatchSize=64"];
  const quiet = "train.quickEval.everySteps=0";
  const { result } = await trainTiny(await tinyConfig(...FEW, ...settings, quiet), temporaryFolder());
  expect([result.stopped, result.step]).toEqual(["finished", 8]);
});

test("metrics.jsonl has a line a step and a check, under the reference's names", async () => {
  const dir = temporaryFolder();
  const settings = ["train.steps=7", "train.lr=1e-3", "train.lrWarmupSteps=4", "train.lrMinRatio=1"];
  const { parts } = await trainTiny(await tinyConfig(...FEW, ...settings), dir);
  const lines = await readMetrics(parts.run);
  const steps = lines.filter((line) => "train/loss" in line);
  const checks = lines.filter((line) => "eval/exact_accuracy" in line);
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  // Every five steps, and after the last.
  expect(checks.map(({ step }) => step)).toEqual([5, 7]);
  expect(steps.length + checks.length).toBe(lines.length);
  expect(steps.map((line) => line["train/lr"])).toEqual([0.25, 0.5, 0.75, 1, 1, 1, 1].map((f) => 1e-3 * f));
  const losses = ["train/count", "train/lm_loss", "train/loss", "train/lr", "train/q_halt_loss"];
  const counted = ["train/accuracy", "train/exact_accuracy", "train/q_halt_accuracy", "train/steps"];
  for (const line of steps) {
    const names = Object.keys(line).filter((name) => name !== "step");
    expect(names.sort()).toEqual([...losses, ...(line["train/count"] ? counted : [])].sort());
    const [loss, lm, halt] = ["loss", "lm_loss", "q_halt_loss"].map((name) => Number(line[`train/${name}`]));
    expect(loss).toBeCloseTo(lm + 0.5 * halt, 6);
  }
  // All four rows reach their last step, the fourth, together.
  expect(steps[3]).toMatchObject({ "train/count": 4, "train/steps": 4 });
  // A fresh model spreads over 6 tokens: the loss is a mean over cells, not a sum.
  expect(steps[0]["train/lm_loss"]).toBeGreaterThan(1);
  expect(steps[0]["train/lm_loss"]).toBeLessThan(3);
  const names = [
    "eval/accuracy",
    "eval/count",
    "eval/exact_accuracy",
    "eval/lm_loss",
    "eval/q_halt_accuracy",
  ];
  for (const line of checks) expect(Object.keys(line).sort()).toEqual([...names, "step"]);
  expect(checks[0]["eval/count"]).toBe(8);
});

test("a training ends when its time is up, over all its starts", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const dir = temporaryFolder();
  const config = await tinyConfig(
    ...FEW,
    "train.maxMinutes=1",
    "train.steps=null",
    "train.quickEval.everySteps=0",
  );
  const events = { onStep: () => void vi.advanceTimersByTime(25_000) };
  const { result } = await trainTiny(config, dir, { events });
  expect(result).toMatchObject({ stopped: "out of time", step: 3, trainSeconds: 75 });
  expect(readdirSync(join(dir, "checkpoints"))).toEqual(["step-3"]);
  const again = await trainTiny(config, dir, { events, resume: true });
  expect(again.result).toMatchObject({ stopped: "out of time", step: 3, trainSeconds: 75 });
});

test("a training ends when a check reaches the accuracy asked for, and keeps that state", async () => {
  const dir = temporaryFolder();
  const config = await tinyConfig("train.globalBatchSize=4", "train.stopAtExactAccuracy=0");
  const { result } = await trainTiny(config, dir);
  expect(result).toMatchObject({ stopped: "accuracy reached", step: 5 });
  expect((await openModel(dir)).step).toBe(5);
});

test("old checkpoints make room for new ones; the last step always has one", async () => {
  const dir = temporaryFolder();
  const written: string[] = [];
  const events = { onCheckpoint: (path: string) => void written.push(path.slice(dir.length + 1)) };
  const settings = ["train.steps=7", "train.checkpointEverySteps=2", "train.keepCheckpoints=2"];
  const { result } = await trainTiny(await tinyConfig(...FEW, ...settings), dir, { events });
  expect(written).toEqual([2, 4, 6, 7].map((step) => join("checkpoints", `step-${step}`)));
  expect(readdirSync(join(dir, "checkpoints")).sort()).toEqual(["step-6", "step-7"]);
  expect(result.checkpointDir).toBe(join(dir, "checkpoints", "step-7"));
});

test("a loss that is not a number ends the training with the last checkpoint as it was", async () => {
  const dir = temporaryFolder();
  const config = await tinyConfig(...FEW, "train.checkpointEverySteps=3", "train.quickEval.everySteps=0");
  const { executor } = await chooseExecutor(config.engine.backend, { threads: 2 });
  const parts = await prepareTraining({ dir, config, executor, whorlVersion: "test", resume: false });
  let saved = new Float32Array();
  const events = {
    onStep({ step }: { step: number }) {
      if (step === 3) saved = parts.state.weights.slice();
      if (step === 4) parts.state.weights.fill(Number.NaN);
    },
  };
  const error = await trainModel(parts, { resume: false, events }).catch((reason) => reason);
  expect(error).toBeInstanceOf(ToolError);
  expect(error.format().replaceAll(dir, "DIR")).toMatchInlineSnapshot(
    `"the loss is NaN at step 5 — DIR — nothing of this step was saved; start again with a lower train.lr (--from takes the last checkpoint's weights)"`,
  );
  expect(readdirSync(join(dir, "checkpoints"))).toEqual(["step-3"]);
  const { checkpoint, damaged } = await latestCheckpoint(parts.run);
  expect(damaged).toEqual([]);
  const raw = (await checkpoint?.readTensors("training.safetensors"))?.get("weights")?.data;
  expect(raw).toEqual(saved);
  const lines = await readMetrics(parts.run);
  expect(lines.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  const { result } = await trainTiny(config, dir, { resume: true });
  expect(result).toMatchObject({ stopped: "finished", step: 12 });
  expect(Number.isFinite(result.trainLoss)).toBe(true);
});
