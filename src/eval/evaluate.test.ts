// The counting, on a runner with known outputs. The runner itself: recursion.test.ts.

import { expect, test } from "vitest";
import type { ExampleSet } from "../tasks/dataset.ts";
import { evaluate, evaluateRows } from "./evaluate.ts";
import type { Recursion, RecursionBatch } from "./recursion.ts";
import { answersOf, copyRows, makeRows, NEVER, summarize } from "./rows.ts";

const CELLS = 2;

/** What the model says of one puzzle after one step. */
interface Said {
  readonly correct: number;
  readonly logit: number;
}

/**
 * Says for puzzle i after step s what `outputs[i][s - 1]` holds; a puzzle is known by its first token. Rows that ask to
 * halt leave if it `letsGo`.
 */
function knownRecursion(
  outputs: readonly (readonly Said[])[],
  labelled: readonly number[],
  batchSize: number,
  letsGo = false,
) {
  const batches: RecursionBatch[] = [];
  const floats = (width = 1) => new Float32Array(batchSize * width).fill(Number.NaN);
  const results = {
    ...{
      predictions: new Int32Array(batchSize * CELLS),
      qLogits: floats(2),
      logits: floats(),
      lmLoss: floats(),
    },
    ...{ qHaltLoss: floats(), labelled: floats(), correct: floats(), exact: floats() },
  };
  const recursion: Recursion = {
    batchSize,
    format: "float32",
    async *run(batch, steps, halt) {
      batches.push(batch);
      let places = Array.from({ length: batch.rows }, (_, row) => row);
      for (let step = 1; step <= steps && places.length > 0; step++) {
        for (const [row, place] of places.entries()) {
          const puzzle = batch.inputs[place * CELLS];
          const { correct, logit } = outputs[puzzle][step - 1];
          results.predictions.fill(100 * puzzle + step, row * CELLS, (row + 1) * CELLS);
          results.qLogits.set([logit, 0], 2 * row);
          results.labelled[row] = labelled[puzzle];
          results.correct[row] = correct;
          results.exact[row] = correct === labelled[puzzle] ? 1 : 0;
          results.lmLoss[row] = puzzle + step;
        }
        yield letsGo ? { step, results, places } : { step, results };
        if (letsGo && halt) places = places.filter((_, row) => !halt(results.qLogits[2 * row], 0));
      }
    },
  };
  return { recursion, batches };
}

function examplesOf(count: number): ExampleSet {
  return {
    count,
    slice(start, most) {
      const rows = Math.min(most, count - start);
      const inputs = Int32Array.from({ length: rows * CELLS }, (_, i) => start + Math.floor(i / CELLS));
      return { count: rows, inputs, labels: inputs.map((x) => x + 1), identifiers: new Int32Array(rows) };
    },
  };
}

const say = (...pairs: [correct: number, logit: number][]) =>
  pairs.map(([correct, logit]) => ({ correct, logit }));
/** Of five puzzles the first becomes right, the second wrong again; the last has one labelled cell. */
const outputs = [
  say([1, -1], [2, 0], [2, 1]),
  say([2, 1], [1, 1], [0, -1]),
  say([0, -1], [1, 2], [2, -1]),
  say([0, -1], [0, -1], [1, 3]),
  say([1, -5], [0, -5], [1, -5]),
];
const labelled = [2, 2, 2, 2, 1];

test("accuracies after every step, and of the last as the result", async () => {
  const { recursion, batches } = knownRecursion(outputs, labelled, 2);
  const done: number[] = [];
  const evaluation = await evaluate(recursion, examplesOf(5), {
    steps: 3,
    onProgress: (count) => done.push(count),
  });
  expect(evaluation).toMatchObject({
    ...{ puzzles: 5, exactAccuracy: 3 / 5, cellAccuracy: (1 + 0 + 1 + 0.5 + 1) / 5, meanSteps: 3 },
    bySteps: [
      { step: 1, exactAccuracy: 2 / 5, cellAccuracy: (0.5 + 1 + 0 + 0 + 1) / 5 },
      { step: 2, exactAccuracy: 1 / 5, cellAccuracy: (1 + 0.5 + 0.5 + 0 + 0) / 5 },
      { step: 3, exactAccuracy: 3 / 5, cellAccuracy: (1 + 0 + 1 + 0.5 + 1) / 5 },
    ],
    // After the last step the halting logit is right about the first two.
    haltAccuracy: 2 / 5,
    lmLoss: (0 + 1 + 2 + 3 + 4) / 5 + 3,
  });
  const [low, high] = evaluation.interval95;
  expect([low, high].map((x) => x.toFixed(4))).toEqual(["0.2307", "0.8824"]);
  // The last batch is short and its arrays end with the examples.
  expect(batches.map(({ rows }) => rows)).toEqual([2, 2, 1]);
  expect(batches.map(({ inputs, labels }) => [inputs.length, labels?.length])).toEqual([
    [4, 4],
    [4, 4],
    [2, 2],
  ]);
  expect(done).toEqual([2, 4, 5]);
});

test("with halt each answer is that of the first step with a positive logit, or the last", async () => {
  const { recursion } = knownRecursion(outputs, labelled, 3);
  const rows = await evaluateRows(recursion, examplesOf(5), { steps: 3, halt: (logit) => logit > 0 });
  const answers = [...answersOf(rows)].map((answer) => ({ ...answer, tokens: Array.from(answer.tokens) }));
  expect(answers).toEqual([
    { index: 0, tokens: [3, 3], haltLogit: 1 },
    { index: 1, tokens: [101, 101], haltLogit: 1 },
    { index: 2, tokens: [202, 202], haltLogit: 2 },
    { index: 3, tokens: [47, 47], haltLogit: 3 }, // 303 in a byte
    { index: 4, tokens: [147, 147], haltLogit: -5 },
  ]);
  const evaluation = summarize(rows, 1);
  expect(evaluation).toMatchObject({
    ...{ exactAccuracy: 3 / 5, cellAccuracy: (1 + 1 + 0.5 + 0.5 + 1) / 5 },
    meanSteps: (3 + 1 + 2 + 3 + 3) / 5,
    haltAccuracy: 2 / 5,
  });
  expect(evaluation.bySteps[2].exactAccuracy).toBe(3 / 5);
});

test("whether the runner lets rows go or not, the rows are the same; a puzzle keeps the answer it left with", async () => {
  const options = { steps: 3, halt: (logit: number) => logit > 0 };
  const rowsOf = (letsGo: boolean) =>
    evaluateRows(knownRecursion(outputs, labelled, 2, letsGo).recursion, examplesOf(5), options);
  const rows = await rowsOf(true);
  expect(await rowsOf(false)).toEqual(rows);
  expect(Array.from(rows.asked)).toEqual([3, 1, 2, 3, NEVER]);
  expect(Array.from(rows.exact.subarray(3, 9))).toEqual([1, 1, 1, 0, 0, 0]); // puzzles 1 and 2
  expect(Array.from(rows.correct.subarray(3, 9))).toEqual([2, 2, 2, 0, 1, 1]);
  expect(Array.from(rows.lmLoss)).toEqual([0 + 3, 1 + 1, 2 + 2, 3 + 3, 4 + 3]);
});

test("watching tells what stopping would give, without stopping", async () => {
  const rule = (logit: number) => logit > 0;
  const run = (options: object) =>
    evaluate(knownRecursion(outputs, labelled, 2, true).recursion, examplesOf(5), { steps: 3, ...options });
  const [plain, watched, stopped] = [await run({}), await run({ watch: rule }), await run({ halt: rule })];
  expect(plain.halting).toBeUndefined();
  expect({ ...watched, secondsPerPuzzle: 0 }).toEqual({
    ...plain,
    secondsPerPuzzle: 0,
    halting: watched.halting,
  });
  expect(watched.halting).toMatchObject({
    exactAccuracy: stopped.exactAccuracy,
    meanSteps: stopped.meanSteps,
  });
  expect(watched.halting?.against).toEqual({ accuracyCost: 0, lost: 1, gained: 1 });
  expect(stopped.halting).not.toHaveProperty("against");
});

test("batches of any size count the same", async () => {
  const results = [];
  for (const batchSize of [1, 4, 5, 9]) {
    const { recursion } = knownRecursion(outputs, labelled, batchSize);
    const { secondsPerPuzzle, ...rest } = await evaluate(recursion, examplesOf(5), {
      steps: 3,
      halt: (haltLogit) => haltLogit > 0,
    });
    expect(secondsPerPuzzle).toBeGreaterThanOrEqual(0);
    results.push(rest);
  }
  for (const result of results) expect(result).toEqual(results[0]);
});

test("ranges, laid side by side, give the rows of the whole", async () => {
  const options = { steps: 3, halt: (haltLogit: number) => haltLogit > 0 };
  const rowsOf = (start: number, end: number) =>
    evaluateRows(knownRecursion(outputs, labelled, 2).recursion, examplesOf(5), {
      ...options,
      range: { start, end },
    });
  const whole = await rowsOf(0, 5);
  expect([...whole.index]).toEqual([0, 1, 2, 3, 4]);
  for (const cuts of [
    [0, 5],
    [0, 1, 5],
    [0, 3, 3, 5],
  ]) {
    const joined = makeRows(5, 3, CELLS);
    for (const [i, end] of cuts.slice(1).entries()) copyRows(await rowsOf(cuts[i], end), joined, cuts[i]);
    expect(joined).toEqual(whole);
  }
});

test("no examples give zeros, not NaN", async () => {
  const { recursion, batches } = knownRecursion(outputs, labelled, 2);
  const evaluation = await evaluate(recursion, examplesOf(0), { steps: 2 });
  expect(evaluation).toMatchObject({
    puzzles: 0,
    exactAccuracy: 0,
    meanSteps: 0,
    lmLoss: 0,
    secondsPerPuzzle: 0,
  });
  expect(batches).toEqual([]);
});
