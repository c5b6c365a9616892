import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type Grouping, makeSampler, type Sampler } from "./sampler.ts";

const take = (sampler: Sampler, batches: number) => Array.from({ length: batches }, () => sampler.next());
/** So many groups of an original and its augmentations, one example each. */
const single = (groups: number, augmentations: number): Grouping => ({
  groups,
  puzzlesIn: () => 1 + augmentations,
  examplesIn: () => 1,
  meanPuzzleExamples: 1,
});
const small = single(7, 3);
const draw = { seed: 0, globalBatchSize: 4, evalInterval: 3 };

test("the order is the reference's", () => {
  // Recorded from _sample_batch of puzzle_dataset.py on NumPy 2.4.6: 7 groups of 4, two iterators of 21 samples.
  const pairs = take(makeSampler(small, draw), 10).map((batch) =>
    batch.map((s) => `${s.group}/${s.puzzle}`).join(" "),
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
  const sampler = makeSampler(single(1000, 1000), { seed: 7, globalBatchSize: 768, evalInterval: 5 });
  expect(sampler.batchesPerIterator).toBe(6);
  const puzzles = take(sampler, 12).flatMap((batch) => batch.map((s) => s.group * 1001 + s.puzzle));
  expect(puzzles.slice(0, 5)).toEqual([245132, 717623, 222890, 127150, 672674]);
  const digest = createHash("sha256").update(puzzles.join()).digest("hex");
  expect(digest).toBe("a8db341b51e1157617bd34667c97262134d2e6732ec4b26314ffa0fb81abde40");
});

test("a restored sampler continues, wherever it was stopped", () => {
  for (let stop = 0; stop <= 12; stop++) {
    const sampler = makeSampler(small, draw);
    take(sampler, stop);
    const saved = JSON.parse(JSON.stringify(sampler.state()));
    const resumed = makeSampler(small, draw);
    resumed.restore(saved);
    expect(take(resumed, 8)).toEqual(take(sampler, 8));
  }
});

test("puzzles of several examples fill batches as the reference does", () => {
  // Recorded likewise, with its global generator left out: 5 groups of two puzzles, of 1 to 5 examples, three passes.
  const grouping: Grouping = {
    groups: 5,
    puzzlesIn: () => 2,
    examplesIn: (group) => group + 1,
    meanPuzzleExamples: 3,
  };
  const batches = take(makeSampler(grouping, { seed: 3, globalBatchSize: 7, evalInterval: 3 }), 6);
  expect(batches.map((batch) => batch.map((s) => `${s.group}/${s.puzzle}`).join(" "))).toEqual([
    "1/0 1/0 3/0 3/0 3/0 3/0 2/0",
    "4/1 4/1 4/1 4/1 4/1 0/0 4/1",
    "2/0 2/0 2/0 0/1 1/0 1/0 3/1",
    "3/0 3/0 3/0 3/0 0/1 1/1 1/1",
    "2/1 2/1 2/1 4/1 4/1 4/1 4/1",
    "4/1 4/1 4/1 4/1 4/1 0/1 2/1",
  ]);
  // Group 4 has five examples: a visit that is not cut off shows each once.
  const visit = batches[5].filter(({ group }) => group === 4).map(({ example }) => example);
  expect(visit).not.toEqual([0, 1, 2, 3, 4]);
  expect([...visit].sort()).toEqual([0, 1, 2, 3, 4]);
});

test("settings and states that do not fit are refused", () => {
  expect(() => makeSampler(small, { ...draw, globalBatchSize: 22 })).toThrow(
    "7 puzzles × 3 passes do not fill one batch of 22",
  );
  const sampler = makeSampler(small, draw);
  const state = sampler.state();
  expect(() => sampler.restore({ ...state, position: 22 })).toThrow(/saved sampler state does not fit/);
  expect(() => sampler.restore({ ...state, iterator: 0 })).toThrow(/saved sampler state does not fit/);
});
