import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { makeSampler, type Sampler } from "./sampler.ts";

const take = (sampler: Sampler, batches: number) => Array.from({ length: batches }, () => sampler.next());
const small = { groups: 7, augmentations: 3, seed: 0, globalBatchSize: 4, epochsPerIterator: 3 };

test("the order is the reference's", () => {
  // Recorded from _sample_batch of puzzle_dataset.py on NumPy 2.4.6: 7 groups of 4, two iterators of 21 samples.
  const pairs = take(makeSampler(small), 10).map((batch) =>
    batch.map((s) => `${s.group}/${s.augmentation}`).join(" "),
  );
  expect(pairs).toEqual([
    "0/0 6/3 4/1 1/3",
    "3/2 5/1 2/1 5/2",
    "2/2 1/1 3/3 0/3",
    "6/0 4/3 4/0 0/0",
    "5/0 1/1 3/0 6/1",
    "2/2 3/2 1/2 0/0",
    "4/3 6/2 5/0 2/0",
    "0/1 1/2 5/2 6/0",
    "4/0 3/2 4/1 2/0",
    "5/1 1/2 6/1 0/3",
  ]);
});

test("the order is the reference's at the size of Sudoku-Extreme", () => {
  // Recorded likewise: 1000 groups of 1001, two iterators of five passes, puzzle numbers joined by commas.
  const sampler = makeSampler({
    groups: 1000,
    augmentations: 1000,
    seed: 7,
    globalBatchSize: 768,
    epochsPerIterator: 5,
  });
  expect(sampler.batchesPerIterator).toBe(6);
  const puzzles = take(sampler, 12).flatMap((batch) => batch.map((s) => s.group * 1001 + s.augmentation));
  expect(puzzles.slice(0, 5)).toEqual([245132, 717623, 222890, 127150, 672674]);
  const digest = createHash("sha256").update(puzzles.join()).digest("hex");
  expect(digest).toBe("a8db341b51e1157617bd34667c97262134d2e6732ec4b26314ffa0fb81abde40");
});

test("a restored sampler continues, wherever it was stopped", () => {
  for (let stop = 0; stop <= 12; stop++) {
    const sampler = makeSampler(small);
    take(sampler, stop);
    const saved = JSON.parse(JSON.stringify(sampler.state()));
    const resumed = makeSampler(small);
    resumed.restore(saved);
    expect(take(resumed, 8)).toEqual(take(sampler, 8));
  }
});

test("fresh augmentations hardly ever repeat, none means the original", () => {
  const fresh = take(makeSampler({ ...small, augmentations: "fresh" }), 20).flat();
  expect(new Set(fresh.map((sample) => sample.augmentation)).size).toBe(80);
  expect(Math.max(...fresh.map((sample) => sample.augmentation))).toBeGreaterThan(2 ** 30);
  const none = take(makeSampler({ ...small, augmentations: 0 }), 20).flat();
  expect(none.every((sample) => sample.augmentation === 0)).toBe(true);
});

test("settings and states that do not fit are refused", () => {
  expect(() => makeSampler({ ...small, globalBatchSize: 22 })).toThrow(
    "7 puzzles × 3 passes do not fill one batch of 22",
  );
  const sampler = makeSampler(small);
  const state = sampler.state();
  expect(() => sampler.restore({ ...state, position: 22 })).toThrow(/saved sampler state does not fit/);
  expect(() => sampler.restore({ ...state, iterator: 0 })).toThrow(/saved sampler state does not fit/);
});
