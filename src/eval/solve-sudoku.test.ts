import { expect, test } from "vitest";
import { isValid, judgeAnswer } from "../tasks/sudoku/judge.ts";
import { formatBoard, parseBoard } from "../tasks/sudoku/rules.ts";
import { boardStagesOf, changedCells } from "./solve-sudoku.ts";
import { attemptAt } from "./testing/sudoku-attempt.ts";

const puzzle = parseBoard("1.3. .2.. ..4. 4..1");
const solution = parseBoard("1234 3412 2143 4321");

test("an answer is judged by completeness, rules and givens", () => {
  const right = parseBoard("1432 3214 2143 4321");
  const question = parseBoard("1... .... .... ...1");
  const judge = (text: string) => {
    const { empty, conflicts, lostGivens } = judgeAnswer(question, parseBoard(text));
    return {
      empty,
      conflicts: conflicts.map(({ unit, index, digit }) => `${unit} ${index} ${digit}`),
      lostGivens,
    };
  };
  expect(isValid(judgeAnswer(question, right))).toBe(true);
  expect(judge("1432 3214 2143 432.")).toEqual({ empty: [15], conflicts: [], lostGivens: [15] });
  expect(judge("1434 3214 2143 4321")).toEqual({
    empty: [],
    conflicts: ["row 0 4", "column 3 4", "box 1 4"],
    lostGivens: [],
  });
  // Obeys every rule and is complete, but answers another puzzle.
  expect(judge("2431 3124 1243 4312")).toEqual({ empty: [], conflicts: [], lostGivens: [0, 15] });
  expect(isValid(judgeAnswer(question, parseBoard("2431 3124 1243 4312")))).toBe(false);
});

test("valid is what the judgement says, by step and at the end", () => {
  const step = (board: Uint8Array) => ({ board, haltLogit: 0 });
  const [good, bad] = [step(solution), step(puzzle)];
  const empty = new Uint8Array(16);
  expect(attemptAt(empty, [bad, good, good])).toMatchObject({
    valid: true,
    solvedAtStep: 2,
    answer: solution,
  });
  expect(attemptAt(empty, [bad, good, bad])).toMatchObject({ valid: false, solvedAtStep: 2, answer: puzzle });
  expect(attemptAt(empty, [bad, bad]).solvedAtStep).toBeUndefined();
  // A solved board that answers another puzzle.
  expect(attemptAt(puzzle, [good])).toMatchObject({ valid: false, solvedAtStep: undefined });
});

test("stages tell what changed, first against the puzzle", () => {
  const boards = ["1.3. .2.. ..4. 4..1", "123. .2.. ..4. 4..1", "123. .2.. ..4. 4..1"].map((text) =>
    parseBoard(text),
  );
  const stages = boardStagesOf(
    attemptAt(
      parseBoard("1.3. .... ..4. 4..1"),
      boards.map((board, haltLogit) => ({ board, haltLogit })),
    ),
  );
  expect(stages.map(({ first, last, haltLogit }) => [first, last, haltLogit])).toEqual([
    [1, 1, 0],
    [2, 3, 1],
  ]);
  expect(stages.map(changedCells)).toEqual([[5], [1]]);
  expect(formatBoard(stages[1].before)).toBe("1.3..2....4.4..1");
});
