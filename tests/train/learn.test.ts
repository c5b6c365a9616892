// Learning, not only running: a small model reaches a stated accuracy in a stated number of steps, the same each time,
// and holds no more memory the longer it runs.

import { expect, test } from "vitest";
import { temporaryFolder, tinyConfig, trainTiny } from "./tiny.ts";

/** The preset's own sizes: 4×4 Sudoku with 6 givens, 26 thousand weights. */
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

test("live bytes after 2 N steps are those after N", async () => {
  const config = await tinyConfig("train.steps=40");
  const bytes = new Map<number, number>();
  const { executor } = (await trainTiny(await tinyConfig(), temporaryFolder())).parts; // warm: arenas are allocated
  const events = { onStep: ({ step }: { step: number }) => void bytes.set(step, executor.liveBytes()) };
  const { parts } = await trainTiny(config, temporaryFolder(), { events });
  expect(parts.state.step).toBe(40);
  expect(bytes.get(40)).toBeLessThanOrEqual(bytes.get(20) ?? 0); // less: the warm-up's plans were collected
  expect(bytes.get(20)).toBeGreaterThan(0);
});
