import fc from "fast-check";
import { expect, test } from "vitest";
import { groupByDifficulty } from "./by-difficulty.ts";
import { makeRows, NEVER } from "./rows.ts";
import { wilsonInterval } from "./wilson.ts";

/** Six puzzles, three steps: what was right after each, and when the model asked. */
const said: [exact: number[], asked: number][] = [
  [[1, 1, 1], 1],
  [[0, 1, 0], 2],
  [[0, 0, 1], 1],
  [[0, 0, 0], NEVER],
  [[0, 0, 0], NEVER],
  [[0, 1, 1], 3],
];
const rows = makeRows(said.length, 3, 1);
for (const [row, [exact, asked]] of said.entries()) {
  rows.index[row] = 10 + row;
  rows.exact.set(exact, 3 * row);
  rows.asked[row] = asked;
  rows.steps[row] = 3;
}
const difficulties = [0, 0, 3, 7, undefined, 7];
const of = (index: number) => difficulties[index - 10];

test("groups of a scale: what is right, when the model asks, when it is first right", () => {
  const groups = groupByDifficulty(rows, [{ unit: "guesses", of, groups: [0, 1, 5, 20] }]);
  expect(groups).toEqual([
    {
      ...{ unit: "guesses", from: 0, below: 1, puzzles: 2, exactAccuracy: 1 / 2 },
      ...{ interval95: wilsonInterval(1, 2), meanSteps: 1.5, haltedExactAccuracy: 1 },
      ...{ everRight: 1, meanFirstRight: 1.5 },
    },
    {
      ...{ unit: "guesses", from: 1, below: 5, puzzles: 1, exactAccuracy: 1 },
      ...{ interval95: wilsonInterval(1, 1), meanSteps: 1, haltedExactAccuracy: 0 },
      ...{ everRight: 1, meanFirstRight: 3 },
    },
    {
      ...{ unit: "guesses", from: 5, below: 20, puzzles: 2, exactAccuracy: 1 / 2 },
      ...{ interval95: wilsonInterval(1, 2), meanSteps: 3, haltedExactAccuracy: 1 / 2 },
      ...{ everRight: 1 / 2, meanFirstRight: 2 },
    },
  ]);
});

test("never right is null, unwatched rows say nothing of halting", () => {
  const unwatched = { ...makeRows(1, 2, 1), index: Int32Array.of(13), steps: Int32Array.of(2) };
  const [group] = groupByDifficulty(unwatched, [{ unit: "guesses", of, groups: [0] }]);
  expect(group).toMatchObject({ from: 0, below: null, everRight: 0, meanFirstRight: null });
  expect(group).not.toHaveProperty("meanSteps");
});

test("without groups: every value while they are few, quarters when they are many", () => {
  const edgesOf = (values: number[]) => {
    const many = makeRows(values.length, 1, 1);
    many.index.set(Array.from(values.keys()));
    many.steps.fill(1);
    return groupByDifficulty(many, [{ unit: "x", of: (index) => values[index] }]).map(({ from, puzzles }) => [
      from,
      puzzles,
    ]);
  };
  expect(edgesOf([2, 0.5, 2, 9])).toEqual([
    [0.5, 1],
    [2, 2],
    [9, 1],
  ]);
  expect(edgesOf([...Array(40).keys()])).toEqual([
    [0, 10],
    [10, 10],
    [20, 10],
    [30, 10],
  ]);
  expect(edgesOf([])).toEqual([]);
});

test("every puzzle that the scale knows is in exactly one group", () => {
  const scale = fc.array(fc.option(fc.integer({ min: -50, max: 50 }), { nil: undefined }), { maxLength: 60 });
  const groups = fc.option(fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 1 }), {
    nil: undefined,
  });
  fc.assert(
    fc.property(scale, groups, (values, edges) => {
      const made = makeRows(values.length, 1, 1);
      for (const index of values.keys()) made.index[index] = index;
      made.steps.fill(1);
      const sorted = edges?.toSorted((a, b) => a - b);
      const found = groupByDifficulty(made, [{ unit: "x", of: (index) => values[index], groups: sorted }]);
      const known = values.filter((value) => value !== undefined);
      expect(found.reduce((sum, { puzzles }) => sum + puzzles, 0)).toBe(known.length);
      for (const { from, below, puzzles } of found.slice(1))
        expect(known.filter((value) => value >= from && value < (below ?? Infinity)).length).toBe(puzzles);
    }),
    { seed: 1, numRuns: 200 },
  );
});
