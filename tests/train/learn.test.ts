// Learning, not only running: a small model reaches a stated accuracy in a stated number of steps, the same each time.

import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-files.ts";
import { tinyConfig, trainTiny } from "./tiny.ts";

/** The preset's own sizes: 4×4 Sudoku with 6 givens, 37 thousand weights. */
const settings = [
  "train.globalBatchSize=32",
  "train.steps=200",
  "train.quickEval.everySteps=200",
  "train.quickEval.puzzles=40",
];

test("4×4 Sudoku in 200 steps: 90 % of held-out puzzles, bit for bit again", async () => {
  const config = await tinyConfig(...settings);
  const first = await trainTiny(config, temporaryFolder());
  expect(first.result.metrics["eval/count"]).toBe(40);
  expect(first.result.metrics["eval/exact_accuracy"]).toBeGreaterThanOrEqual(0.9);
  const second = await trainTiny(config, temporaryFolder());
  expect(Buffer.from(second.parts.state.weights.buffer)).toEqual(
    Buffer.from(first.parts.state.weights.buffer),
  );
  expect(second.result.metrics).toEqual(first.result.metrics);
});
