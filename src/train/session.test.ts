// What a training is made ready from: held-out puzzles for the checks, the engine of an earlier start, weights of
// another run.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../tests/temporary-files.ts";
import { tinyConfig, trainTiny } from "../../tests/train/tiny.ts";
import { ToolError } from "../base/errors.ts";
import { makeReferenceExecutor } from "../engine/executors/reference/reference.ts";
import { toStateDict } from "../models/weights.ts";
import { openModel } from "../runs/open-model.ts";
import type { ExampleSet } from "../tasks/dataset.ts";
import { holdsRun, prepareTraining, type SessionOptions } from "./session.ts";

const OFF = ["train.stopAtExactAccuracy=null", "engine.backend=reference", "data.generate.train=20"];
const FEW = [
  "train.steps=2",
  "train.globalBatchSize=2",
  "train.quickEval.everySteps=0",
  "model.hiddenSize=8",
  ...OFF,
];

async function prepare(settings: string[], options: Partial<SessionOptions> = {}) {
  const config = await tinyConfig(...settings);
  const executor = makeReferenceExecutor("float32");
  const dir = join(temporaryFolder(), "run");
  return prepareTraining({ dir, config, executor, whorlVersion: "test", resume: false, ...options });
}

async function told(attempt: Promise<unknown>, dir: string): Promise<string> {
  const error = await attempt.then(() => "no error").catch((reason) => reason);
  return error instanceof ToolError
    ? `${error.exitCode}: ${error.format().replaceAll(dir, "DIR")}`
    : String(error);
}

function rowsOf(set: ExampleSet): string[] {
  const { inputs, labels, count } = set.slice(0, set.count);
  return Array.from({ length: count }, (_, i) =>
    [inputs, labels].map((tokens) => tokens.subarray(16 * i, 16 * (i + 1)).join()).join(" -> "),
  );
}

test("quick checks are made on validation puzzles where there are any, as many as asked for", async () => {
  const { quickExamples, dataset } = await prepare([...OFF, "train.quickEval.puzzles=8"]);
  const chosen = rowsOf(quickExamples);
  expect(chosen.length).toBe(8);
  expect(new Set(chosen).size).toBe(8);
  expect(chosen.filter((row) => !rowsOf(dataset.validation).includes(row))).toEqual([]);
  const all = await prepare([...OFF, "train.quickEval.puzzles=500"]);
  expect(rowsOf(all.quickExamples).sort()).toEqual(rowsOf(dataset.validation).sort());
  const again = await prepare([...OFF, "train.quickEval.puzzles=8"]);
  expect(rowsOf(again.quickExamples)).toEqual(chosen);
});

test("without validation puzzles a sample of the test puzzles is looked at, and decides nothing", async () => {
  const settings = ["data.generate.validation=0", "engine.backend=reference"];
  const { quickExamples, dataset } = await prepare([...settings, "train.stopAtExactAccuracy=null"]);
  const fromTest = rowsOf(quickExamples).filter((row) => rowsOf(dataset.test).includes(row));
  expect(fromTest.length).toBe(8);
  const dir = temporaryFolder();
  expect(
    await told(prepare([...settings, "train.stopAtExactAccuracy=0.9"], { dir }), dir),
  ).toMatchInlineSnapshot(
    `"2: train.stopAtExactAccuracy needs validation puzzles: the test set must not decide anything — train.stopAtExactAccuracy — set data.validation (or data.generate.validation) to a number of puzzles"`,
  );
  expect(readdirSync(dir)).toEqual([]);
});

test("a run goes on only with sums in the order it was made with", async () => {
  const dir = temporaryFolder();
  await trainTiny(await tinyConfig(...FEW), dir);
  expect(holdsRun(dir)).toBe(true);
  expect(holdsRun(temporaryFolder())).toBe(false);
  const executor = makeReferenceExecutor("float32");
  const other = { ...executor, description: { ...executor.description, lanes: 3 } };
  expect(await told(prepare(FEW, { dir, resume: true, executor: other }), dir)).toMatchInlineSnapshot(
    `"1: the run was made on reference float32 with 1 lanes, this start has reference float32 with 3 — DIR — resuming bit for bit needs the same; start a new run with --from to go on with the weights only"`,
  );
  const threaded = { ...executor, description: { ...executor.description, threads: 7 } };
  expect(await told(prepare(FEW, { dir, resume: true, executor: threaded }), dir)).toBe("no error");
});

test("a run goes on in the number format it began in", async () => {
  const dir = temporaryFolder();
  const settings = [...FEW, "model.forwardDtype=bfloat16"];
  const executor = makeReferenceExecutor("float32");
  const { run } = await prepare(settings, { dir, executor: { ...executor, formats: ["float32"] } });
  expect(run.record.engine.format).toBe("float32");
  expect((await prepare(settings, { dir, resume: true })).state.format).toBe("float32");
  const fresh = await prepare(settings);
  expect([fresh.state.format, fresh.run.record.engine.format]).toEqual(["bfloat16", "bfloat16"]);
  expect([...fresh.state.slots.carry.values()].every((bits) => bits instanceof Uint16Array)).toBe(true);
});

test("from another run: its evaluated weights are weights and average, all else starts anew", async () => {
  const dir = temporaryFolder();
  const { parts } = await trainTiny(await tinyConfig(...FEW), dir);
  expect(parts.state.average).not.toEqual(parts.state.weights);
  for (const from of [dir, join(dir, "checkpoints", "step-2")]) {
    const { state, model } = await prepare([...FEW, "train.seed=5"], { from });
    const { weights } = await openModel(dir);
    const names = (numbers: Float32Array) => toStateDict(model, { ...state, weights: numbers });
    expect(names(state.weights)).toEqual(toStateDict(model, weights));
    expect(names(state.average ?? new Float32Array())).toEqual(toStateDict(model, weights));
    expect(state.weights).toEqual(parts.state.average);
    expect(state.buffers).toEqual(parts.state.buffers);
    expect([state.step, ...state.slots.halted]).toEqual([0, 1, 1]);
    expect(state.firstMoment.every((x) => x === 0)).toBe(true);
    expect(state.secondMoment.every((x) => x === 0)).toBe(true);
  }
});

test("weights of a model of another size do not serve as a start", async () => {
  const dir = temporaryFolder();
  await trainTiny(await tinyConfig(...FEW), dir);
  const attempt = prepare([...FEW, "model.hiddenSize=16"], { from: dir });
  expect(await told(attempt, dir)).toMatchInlineSnapshot(
    `"1: 'model.inner.H_init' is [8], this configuration needs [16] — DIR — use the configuration that the weights were trained with (config.yaml of their run)"`,
  );
});
