import { expect, test } from "vitest";
import { fakeModel } from "../../tests/cli/fake-model.ts";
import { chooseExecutor } from "../engine/executors/choose.ts";
import type { SudokuPuzzle } from "../tasks/sudoku/dataset.ts";
import { parseBoard } from "../tasks/sudoku/rules.ts";
import { sudokuTask } from "../tasks/sudoku/task.ts";
import type { Task } from "../tasks/task.ts";
import { type Attempt, attemptOf, solvePuzzles } from "./solve.ts";
import { stagesOf } from "./solve-stages.ts";

const task = sudokuTask(4);

function read(text: string): SudokuPuzzle {
  return { source: "", question: parseBoard(text), answer: new Uint8Array(16), rating: 0 };
}

async function collect<Puzzle>(attempts: AsyncIterable<Attempt<Puzzle>>): Promise<Attempt<Puzzle>[]> {
  const collected: Attempt<Puzzle>[] = [];
  for await (const attempt of attempts) collected.push(attempt);
  return collected;
}

test("the score is that of the last step, solvedAtStep the first valid one", () => {
  const own: Task<string> = {
    family: "pair",
    title: "pairs",
    seqLen: 2,
    vocabSize: 6,
    encode: () => {},
    augment: (puzzle) => puzzle,
    draw: () => [],
    // Right is an answer of equal tokens.
    score: (_, answer) => ({ valid: answer[0] === answer[1], problem: `${answer[0]} and ${answer[1]}` }),
  };
  const steps = (...answers: number[][]) =>
    answers.map((tokens) => ({ tokens: Int32Array.from(tokens), haltLogit: 0 }));
  expect(attemptOf(own, "puzzle", steps([1, 2], [3, 3], [4, 5]))).toMatchObject({
    puzzle: "puzzle",
    answer: Int32Array.of(4, 5),
    valid: false,
    score: { problem: "4 and 5" },
    solvedAtStep: 2,
  });
  expect(attemptOf(own, "puzzle", steps([1, 2], [3, 3]))).toMatchObject({ valid: true, solvedAtStep: 2 });
  expect(attemptOf(own, "puzzle", steps([1, 2])).solvedAtStep).toBeUndefined();
});

test("stages join equal steps one after the other only", () => {
  expect(stagesOf([..."aabba"], (step) => step)).toEqual([
    { first: 1, last: 2, step: "a", before: undefined },
    { first: 3, last: 4, step: "b", before: "a" },
    { first: 5, last: 5, step: "a", before: "b" },
  ]);
});

test("batches do not change the attempts, and come in order", async () => {
  const { executor } = await chooseExecutor("reference");
  const model = await fakeModel(4, 3);
  const puzzles = [
    "1.3..2....4.4..1",
    ".".repeat(16),
    "1234341221434321",
    "...1............",
    "1.3..2....4.4..1",
  ].map(read);
  const whole = await collect(solvePuzzles(model, executor, task, puzzles, { steps: 3 }));
  const pairs = await collect(solvePuzzles(model, executor, task, puzzles, { steps: 3, batchSize: 2 }));
  expect(pairs).toEqual(whole);
  expect(whole.map(({ puzzle }) => puzzle)).toEqual(puzzles);
  expect(whole.map(({ steps }) => steps.length)).toEqual([3, 3, 3, 3, 3]);
  expect(whole[4]).toEqual(whole[0]);
  expect(whole[1].answer).not.toEqual(whole[0].answer);
  expect(await collect(solvePuzzles(model, executor, task, [], { steps: 3 }))).toEqual([]);
});

test("with halt a puzzle ends at the first step whose logit is positive, alone", async () => {
  const { executor } = await chooseExecutor("reference");
  const { config, model, weights } = await fakeModel(4, 3);
  const puzzles = ["1.3..2....4.4..1", "1234341221434321"].map(read);
  const full = await collect(solvePuzzles({ config, model, weights }, executor, task, puzzles, { steps: 3 }));
  // The threshold lies between the two puzzles' logits after the first step: one halts there, the other does not.
  const [a, b] = full.map(({ steps }) => steps[0].haltLogit);
  expect(a).not.toBe(b);
  const halting = { ...model, wantsToHalt: (logit: number) => logit > (a + b) / 2 };
  const halted = await collect(
    solvePuzzles({ config, model: halting, weights }, executor, task, puzzles, { steps: 3, halt: true }),
  );
  for (const [row, { steps, answer }] of halted.entries()) {
    const stop = full[row].steps.findIndex(({ haltLogit }) => halting.wantsToHalt(haltLogit));
    const length = stop < 0 ? 3 : stop + 1;
    expect(steps).toEqual(full[row].steps.slice(0, length));
    expect(answer).toEqual(full[row].steps[length - 1].tokens);
  }
  expect(halted[a > b ? 0 : 1].steps.length).toBe(1);
  const ignoring = await collect(
    solvePuzzles({ config, model: halting, weights }, executor, task, puzzles, { steps: 3 }),
  );
  expect(ignoring).toEqual(full);
});
