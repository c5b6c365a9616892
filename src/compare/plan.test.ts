import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../base/data-folder.ts";
import { ToolError } from "../base/errors.ts";
import { defineComparison, type Given } from "./definition.ts";
import { planUnits } from "./plan.ts";

const FOLDER = join(packageRoot(), "configs", "compare");

const plan = async (words: readonly string[], given: Given) =>
  planUnits(await defineComparison(words, given));

async function refusal(words: readonly string[], given: Given = { budget: { steps: 5 } }): Promise<string> {
  const error = await plan(words, given).catch((thrown: unknown) => thrown);
  if (!(error instanceof ToolError)) return "accepted";
  return `${error.exitCode}: ${error.format()}`;
}

test("equal FLOP: as many whole steps as they pay for, and the schedule ends with them", async () => {
  const units = await plan(["sudoku-4x4", "sudoku-4x4:model.hCycles=3"], {
    budget: { flops: 1e11 },
    seeds: [3, 1],
  });
  expect(units.map(({ id }) => id)).toEqual([
    ...["sudoku-4x4.seed-3", "sudoku-4x4-hcycles-3.seed-3"],
    ...["sudoku-4x4.seed-1", "sudoku-4x4-hcycles-3.seed-1"],
  ]);
  const [one, three] = units.map(({ config }) => config.train.steps ?? 0);
  expect(one / three).toBeGreaterThan(1.5);
  expect(units[0].config.train).toMatchObject({
    ...{ seed: 3, maxMinutes: null, stopAtExactAccuracy: null, lrMinRatio: 0 },
    quickEval: { everySteps: 0 },
  });
});

test("equal steps, equal time", async () => {
  const [steps] = await plan(["sudoku-extreme-mlp"], { budget: { steps: 70 }, seeds: [0] });
  expect(steps.config.train).toMatchObject({ steps: 70, epochs: 50000, evalInterval: 5000 });
  const [time] = await plan(["sudoku-4x4"], { budget: { minutes: 0.5 }, seeds: [0] });
  expect(time.config.train).toMatchObject({ steps: null, epochs: null, maxMinutes: 0.5, lrMinRatio: 1 });
});

test("an entry's own settings come after those for all, which come after a comparison's defaults", async () => {
  const words = ["sudoku-4x4", "sudoku-4x4:train.lr=3", "train.lr=2", "train.quickEval.everySteps=7"];
  const units = await plan(words, { budget: { steps: 5 }, seeds: [0] });
  expect(units.map(({ config }) => config.train.lr)).toEqual([2, 3]);
  expect(units[0].config.train.quickEval.everySteps).toBe(7);
});

test("what the comparison decides is not free, and what is wrong is told with its entry", async () => {
  expect(await refusal(["sudoku-4x4", "train.steps=7"])).toMatchInlineSnapshot(
    `"2: train.steps is not free in a comparison: it follows from the budget — entry sudoku-4x4, \`train.steps=7\` on the command line — leave it out"`,
  );
  expect(await refusal(["sudoku-4x4:train={seed: 3}"])).toMatchInlineSnapshot(
    `"2: train.seed is not free in a comparison: it follows from the seeds — entry sudoku-4x4 train={seed: 3}, \`train={seed: 3}\` on the command line — leave it out"`,
  );
  expect(await refusal(["sudoku-4x4:seed=3"])).toMatchInlineSnapshot(
    `"2: seed is not free in a comparison: it follows from the seeds — entry sudoku-4x4 seed=3, \`seed=3\` on the command line — leave it out"`,
  );
  expect(await refusal(["sudoku-4x4:model.layer=3"])).toMatchInlineSnapshot(
    `"2: unknown setting model.layer — entry sudoku-4x4 layer=3, \`model.layer=3\` on the command line — the nearest is model.layers"`,
  );
  expect(await refusal(["sudoku-4x5"])).toMatch(
    /^2: unknown preset sudoku-4x5 — entry sudoku-4x5 — the nearest/,
  );
  expect(await refusal(["sudoku-4x4"], { budget: { flops: 1000 } })).toMatchInlineSnapshot(
    `"2: 1000 FLOP are less than one training step, which takes 453586944 — entry sudoku-4x4 — give a larger budget, or a smaller train.globalBatchSize"`,
  );
});

test.each(readdirSync(FOLDER))("the example %s can be run", async (name) => {
  const units = await plan([join(FOLDER, name)], {});
  const steps = units.map(({ config }) => config.train.steps ?? 0);
  expect(Math.min(...steps)).toBeGreaterThan(50);
});
