import { expect, test } from "vitest";
import { haltingOf } from "./halting.ts";
import { type EvaluationRows, makeRows, NEVER, UNKNOWN } from "./rows.ts";

/** Rows of four steps, all done: what was right after each, and when the model asked. */
function rowsOf(...puzzles: [exact: number[], asked: number][]): EvaluationRows {
  const rows = makeRows(puzzles.length, 4, 1);
  for (const [row, [exact, asked]] of puzzles.entries()) {
    rows.exact.set(exact, 4 * row);
    rows.asked[row] = asked;
    rows.steps[row] = 4;
  }
  return rows;
}

test("stops, their histogram, and what they cost", () => {
  const rows = rowsOf(
    [[0, 1, 1, 1], 2], // right at once and for good
    [[0, 0, 1, 1], 1], // too early: lost
    [[0, 0, 1, 0], 3], // in time: gained
    [[0, 0, 0, 0], NEVER],
    [[0, 0, 0, 1], NEVER],
  );
  expect(haltingOf(rows)).toEqual({
    asked: 3 / 5,
    ...{ meanSteps: (2 + 1 + 3 + 4 + 4) / 5, medianSteps: 3, histogram: [1, 1, 1, 2] },
    ...{ exactAccuracy: 3 / 5, interval95: [expect.closeTo(0.2307, 4), expect.closeTo(0.8824, 4)] },
    stepsSaved: expect.closeTo(6 / 20, 12),
    against: { accuracyCost: 0, lost: 1, gained: 1 },
  });
});

test("the median of an even number lies between the two in the middle", () => {
  expect(haltingOf(rowsOf([[1, 1, 1, 1], 1], [[1, 1, 1, 1], 4]))?.medianSteps).toBe(2.5);
  expect(haltingOf(rowsOf([[1, 1, 1, 1], 2], [[1, 1, 1, 1], 2]))?.medianSteps).toBe(2);
});

test("nothing is told of rows that nobody watched, nor of none", () => {
  expect(haltingOf(rowsOf([[1, 1, 1, 1], 1], [[1, 1, 1, 1], UNKNOWN]))).toBeUndefined();
  expect(haltingOf(rowsOf())).toBeUndefined();
});
