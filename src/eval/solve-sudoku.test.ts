import { expect, test } from "vitest";
import { fakeModel } from "../../tests/cli/fake-model.ts";
import { chooseExecutor } from "../engine/executors/choose.ts";
import { formatBoard, parseBoard } from "../tasks/sudoku/rules.ts";
import { attemptOf, isValid, judgeAnswer, type SudokuAttempt, solvePuzzles } from "./solve-sudoku.ts";

const puzzle = parseBoard("1.3. .2.. ..4. 4..1");
const solution = parseBoard("1234 3412 2143 4321");

async function collect(attempts: AsyncIterable<SudokuAttempt>): Promise<SudokuAttempt[]> {
  const collected: SudokuAttempt[] = [];
  for await (const attempt of attempts) collected.push(attempt);
  return collected;
}

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

test("solvedAtStep is the first valid step, valid that of the answer", () => {
  const step = (board: Uint8Array) => ({ board, haltLogit: 0 });
  const good = step(solution);
  const bad = step(puzzle);
  const empty = new Uint8Array(16);
  expect(attemptOf(empty, [bad, good, good])).toMatchObject({
    valid: true,
    solvedAtStep: 2,
    answer: solution,
  });
  expect(attemptOf(empty, [bad, good, bad])).toMatchObject({ valid: false, solvedAtStep: 2, answer: puzzle });
  expect(attemptOf(empty, [bad, bad]).solvedAtStep).toBeUndefined();
});

test("batches do not change the attempts, and come in order", async () => {
  const { executor } = await chooseExecutor("reference");
  const model = fakeModel(4, 3);
  const boards = [puzzle, new Uint8Array(16), solution, parseBoard("...1............"), puzzle];
  const whole = await collect(solvePuzzles(model, executor, boards, { steps: 3 }));
  const pairs = await collect(solvePuzzles(model, executor, boards, { steps: 3, batchSize: 2 }));
  expect(pairs).toEqual(whole);
  expect(whole.map(({ puzzle }) => formatBoard(puzzle))).toEqual(boards.map(formatBoard));
  expect(whole.map(({ steps }) => steps.length)).toEqual([3, 3, 3, 3, 3]);
  expect(whole[4]).toEqual(whole[0]);
  expect(whole[1].answer).not.toEqual(whole[0].answer);
  expect(await collect(solvePuzzles(model, executor, [], { steps: 3 }))).toEqual([]);
});

test("with halt a puzzle ends at the first step whose logit is positive, alone", async () => {
  const { executor } = await chooseExecutor("reference");
  const { config, model, weights } = fakeModel(4, 3);
  const boards = [puzzle, solution];
  const full = await collect(solvePuzzles({ config, model, weights }, executor, boards, { steps: 3 }));
  // The threshold lies between the two puzzles' logits after the first step: one halts there, the other does not.
  const [a, b] = full.map(({ steps }) => steps[0].haltLogit);
  expect(a).not.toBe(b);
  const halting = { ...model, wantsToHalt: (logit: number) => logit > (a + b) / 2 };
  const halted = await collect(
    solvePuzzles({ config, model: halting, weights }, executor, boards, { steps: 3, halt: true }),
  );
  for (const [row, { steps, answer }] of halted.entries()) {
    const stop = full[row].steps.findIndex(({ haltLogit }) => halting.wantsToHalt(haltLogit));
    const length = stop < 0 ? 3 : stop + 1;
    expect(steps).toEqual(full[row].steps.slice(0, length));
    expect(answer).toEqual(full[row].steps[length - 1].board);
  }
  expect(halted[a > b ? 0 : 1].steps.length).toBe(1);
  const ignoring = await collect(
    solvePuzzles({ config, model: halting, weights }, executor, boards, { steps: 3 }),
  );
  expect(ignoring).toEqual(full);
});
