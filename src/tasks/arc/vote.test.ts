// The golden case (2,095 recorded predictions) is tests/cli/vote.test.ts.

import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeGrid } from "./encode.ts";
import type { Grid } from "./grid.ts";
import { gridHash } from "./grid-hash.ts";
import type { ArcTask } from "./read.ts";
import { type Ballot, ballotOf, vote } from "./vote.ts";

const grid = (...rows: number[][]): Grid => ({
  ...{ rows: rows.length, cols: rows[0]?.length ?? 0 },
  cells: Uint8Array.from(rows.flat()),
});

/** A task whose test inputs are [[1]], [[2]], … and whose outputs are [[colour]]. */
function taskOf(id: string, ...outputs: (number | undefined)[]): ArcTask {
  const train = [{ input: grid([0]), output: grid([0]) }];
  const test = outputs.map((output, i) => ({
    input: grid([i + 1]),
    output: output === undefined ? undefined : grid([output]),
  }));
  return { id, train, test };
}

const ballot = (task: string, test: number, said: number, haltLogit = 0): Ballot => ({
  ...{ task, inputHash: gridHash(grid([test + 1])), prediction: grid([said]), haltLogit },
});

test("more votes win, then the higher mean halting probability, then the earlier", () => {
  const ballots = [
    ballot("t", 0, 5, 9),
    ballot("t", 0, 7, -1),
    ballot("t", 0, 7, -1),
    ballot("t", 0, 6, 3),
    ballot("t", 0, 6, -5), // mean of 0.95 and 0.01, above 0.27
    ballot("t", 0, 8, 9),
  ];
  const attempts = (first: number, second: number) => [{ attempt_1: [[first]], attempt_2: [[second]] }];
  expect(vote(ballots, [taskOf("t", 7)])).toEqual({
    passAt: { "1": 0, "2": 1, "5": 1, "10": 1, "100": 1, "1000": 1 },
    submission: { t: attempts(6, 7) },
    ...{ scoredTasks: 1, unanswered: [], strayBallots: 0 },
  });
  // Both have one vote and the same logit.
  const tied = [ballots[5], ballots[0]];
  expect(vote(tied, [taskOf("t", 5)]).submission).toEqual({ t: attempts(8, 5) });
  expect(vote(tied.toReversed(), [taskOf("t", 5)]).submission).toEqual({ t: attempts(5, 8) });
});

test("a task scores its share of test pairs; one attempt is repeated; an input without votes has none", () => {
  const tasks = [taskOf("10", 1, 2), taskOf("a", 3), taskOf("9", 4, 5, 6)];
  const ballots = [
    ballot("10", 0, 1),
    ballot("10", 1, 1),
    ballot("a", 0, 3),
    ballot("9", 2, 6),
    ballot("9", 3, 6), // no such input
    ballot("b", 0, 6), // no such task
  ];
  const result = vote(ballots, tasks);
  expect(result.passAt["1"]).toBe((1 / 2 + 1 + 1 / 3) / 3);
  expect(result.unanswered).toEqual([
    { task: "9", test: 0 },
    { task: "9", test: 1 },
  ]);
  expect(result.strayBallots).toBe(2);
  expect(result.submission["9"]).toEqual([{ attempt_1: [[6]], attempt_2: [[6]] }]);
  expect(result.submission["10"].length).toBe(2);
});

test("pass@K looks at the first K", () => {
  const said = Array.from({ length: 9 }, (_, i) => ballot("t", 0, i, -i));
  const { passAt } = vote(said, [taskOf("t", 5)]);
  expect(passAt).toEqual({ "1": 0, "2": 0, "5": 0, "10": 1, "100": 1, "1000": 1 });
  expect(vote(said, [taskOf("t", 4)]).passAt["5"]).toBe(1);
});

test("tasks without known outputs are answered and not scored", () => {
  const ballots = [ballot("secret", 0, 1), ballot("known", 0, 2), ballot("half", 0, 3), ballot("half", 1, 3)];
  const secret = taskOf("secret", undefined);
  const result = vote(ballots, [secret, taskOf("known", 2), taskOf("half", undefined, 3)]);
  expect(result.passAt["1"]).toBe(1);
  expect(result.scoredTasks).toBe(2);
  expect(Object.keys(result.submission)).toEqual(["secret", "known", "half"]);
  expect(vote(ballots.slice(0, 1), [secret])).toMatchObject({ passAt: {}, scoredTasks: 0 });
});

test("grids of equal cells and other shape are different answers, 0×0 is one", () => {
  const flat = { ...ballot("t", 0, 0), prediction: grid([1, 1]) };
  const tall = { ...flat, prediction: grid([1], [1]) };
  const none = { ...flat, prediction: grid() };
  const { submission } = vote([flat, none, tall, none], [taskOf("t", 1)]);
  expect(submission.t).toEqual([{ attempt_1: [], attempt_2: [[1, 1]] }]);
});

test("the order of ballots for different inputs does not matter", () => {
  const tasks = [taskOf("a", 1, 2), taskOf("b", 3)];
  const places: [string, number][] = [
    ["a", 0],
    ["a", 1],
    ["b", 0],
  ];
  const said = fc.array(
    fc.tuple(fc.constantFrom(...places), fc.integer({ min: 0, max: 4 }), fc.integer({ min: -3, max: 3 })),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(
    fc.property(said, (rows) => {
      const ballots = rows.map(([[task, place], colour, logit]) => ballot(task, place, colour, logit));
      const sorted = places.flatMap(([task, place]) => {
        const { inputHash } = ballot(task, place, 0);
        return ballots.filter((one) => one.task === task && one.inputHash === inputHash);
      });
      expect(vote(sorted, tasks)).toEqual(vote(ballots, tasks));
    }),
    { seed: 3, numRuns: 100 },
  );
});

test("a view is turned back before it is counted", () => {
  const side = 4;
  const canvas = (cells: Grid) => {
    const tokens = new Uint8Array(side ** 2);
    encodeGrid(cells, { row: 0, column: 0 }, side, tokens);
    return tokens;
  };
  // Transposed, and 1 → 2 → 3 → 1.
  const view = { identifier: "t|||t6|||0231456789", haltLogit: 2 };
  const inputs = canvas(grid([2, 1], [3, 9]));
  const predictions = canvas(grid([2], [3], [0]));
  expect(ballotOf({ ...view, inputs, predictions }, side)).toEqual({
    ...{ task: "t", haltLogit: 2 },
    inputHash: gridHash(grid([1, 2], [3, 9])),
    prediction: grid([1, 2, 0]),
  });
  const plain = ballotOf({ identifier: "t", inputs, predictions, haltLogit: 2 }, side);
  expect(plain.prediction).toEqual(grid([2], [3], [0]));
});
