// Sets of puzzles made or read, split, checked for leaks and described. Drawing order: sampler.test.ts; the file layout:
// dataset.test.ts.

import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../tests/temporary-files.ts";
import { findData } from "../../base/data-folder.ts";
import { ToolError } from "../../base/errors.ts";
import { stream } from "../../base/random/threefry.ts";
import type { ExampleSet } from "../dataset.ts";
import { applyAugmentation, augmentation } from "./augment.ts";
import { canonicalKey } from "./canonical.ts";
import type { SudokuData } from "./config.ts";
import { readSudokuFile, type SudokuPuzzle, writeSudokuFile } from "./dataset.ts";
import { decodeBoard } from "./encode.ts";
import { generateSet } from "./generate.ts";
import { loadSudoku, loadSudokuTestSet, readPuzzles } from "./load.ts";
import { formatBoard, type SudokuSize } from "./rules.ts";

const DRAW = { seed: 0, globalBatchSize: 4, evalInterval: 2 };
const BASE: SudokuData = {
  ...{ task: "sudoku", size: 4, train: null, test: null, generate: null, subsample: null },
  ...{ augmentations: 2, minDifficulty: null, validation: 0 },
};
/** So many of so few clues that parts drawn apart would overlap. */
const GENERATE = { train: 40, validation: 20, test: 30, clues: 5, seed: 1 };

/** 12 different puzzles with ratings 0 … 11. */
const puzzles: SudokuPuzzle[] = [...generateSet({ size: 4, clues: 6, seed: 5, count: 12 })].map(
  (puzzle, i) => ({
    ...puzzle,
    rating: i,
  }),
);

async function fileOf(rows: readonly SudokuPuzzle[]): Promise<string> {
  const path = join(temporaryFolder(), "puzzles.csv");
  await writeSudokuFile(path, rows);
  return path;
}

function questions(inputs: Int32Array): string[] {
  const count = inputs.length / 16;
  return Array.from({ length: count }, (_, i) =>
    formatBoard(decodeBoard(inputs.subarray(16 * i, 16 * (i + 1)))),
  );
}

function rowsOf(set: ExampleSet): Int32Array {
  return set.slice(0, set.count).inputs;
}

/** The boards that a number of batches show, up to symmetry. */
function drawn(dataset: ReturnType<typeof loadSudoku>, batches: number) {
  const rows = DRAW.globalBatchSize;
  const into = {
    inputs: new Int32Array(16 * rows),
    labels: new Int32Array(16 * rows),
    identifiers: new Int32Array(rows).fill(7),
  };
  const boards: string[] = [];
  for (let i = 0; i < batches; i++) {
    dataset.stream.next(into);
    expect(Array.from(into.identifiers)).toEqual([0, 0, 0, 0]);
    boards.push(...questions(into.inputs));
  }
  return boards;
}

/** A symmetric image of a puzzle. */
function imageOf(puzzle: SudokuPuzzle, size: SudokuSize, index: number): SudokuPuzzle {
  const change = augmentation(size, 9, 0, index);
  const { question, answer } = puzzle;
  return {
    ...puzzle,
    question: applyAugmentation(change, question),
    answer: applyAugmentation(change, answer),
  };
}

const keyOf = (text: string) => canonicalKey(Uint8Array.from(text, (c) => (c === "." ? 0 : Number(c))));

function told(action: () => unknown, replace = ""): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ToolError)
      return `${error.exitCode}: ${error.format()}`.replaceAll(replace || "\0", "FILE");
    throw error;
  }
  return "no error";
}

test("generated parts share no puzzle, not even a symmetric image", () => {
  const dataset = loadSudoku({ ...BASE, generate: GENERATE }, DRAW);
  const { manifest, validation, test: heldOut } = dataset;
  expect([dataset.groups, validation.count, heldOut.count]).toEqual([40, 20, 30]);
  expect(manifest).toMatchObject({
    task: "sudoku 4×4",
    train: { from: "generated: 5 clues, seed 1", puzzles: 40 },
    ...{ validation: { puzzles: 20 }, test: { puzzles: 30 }, heldOutInTraining: 0 },
  });
  // Looked up here again, from the boards that the stream really shows.
  const training = new Set(drawn(dataset, 20).map(keyOf));
  expect(training.size).toBe(40);
  const held = [...questions(rowsOf(validation)), ...questions(rowsOf(heldOut))].map(keyOf);
  expect(new Set(held).size).toBe(50);
  expect(held.filter((key) => training.has(key))).toEqual([]);
});

test("more training puzzles leave the held-out ones as they are; another seed makes others", () => {
  const load = (change: Partial<typeof GENERATE>) =>
    loadSudoku({ ...BASE, generate: { ...GENERATE, ...change } }, DRAW).manifest;
  const few = load({});
  const many = load({ train: 45 });
  expect([many.test, many.validation]).toEqual([few.test, few.validation]);
  expect(many.train.sha256).not.toBe(few.train.sha256);
  expect(load({})).toEqual(few);
  expect(load({ seed: 2 }).test.sha256).not.toBe(few.test.sha256);
});

test("answers are the labels of questions, all cells supervised, in the same symmetric form", async () => {
  const data = { ...BASE, train: await fileOf(puzzles), augmentations: "fresh" as const };
  const { stream: rows } = loadSudoku(data, DRAW);
  const into = { inputs: new Int32Array(64), labels: new Int32Array(64), identifiers: new Int32Array(4) };
  for (let i = 0; i < 6; i++) {
    rows.next(into);
    expect(into.labels.every((token) => token >= 2 && token <= 5)).toBe(true);
    into.inputs.forEach((token, cell) => {
      expect(token === 1 || token === into.labels[cell]).toBe(true);
    });
  }
});

test("held-out puzzles that are images of training puzzles are counted, each once", async () => {
  const image = (puzzle: SudokuPuzzle, index: number) => imageOf(puzzle, 4, index);
  const train = await fileOf([...puzzles.slice(0, 6), image(puzzles[0], 1)]);
  const leaks = async (test: readonly SudokuPuzzle[]) =>
    loadSudoku({ ...BASE, train, test: await fileOf(test) }, DRAW).manifest.heldOutInTraining;
  expect(image(puzzles[2], 3).question).not.toEqual(puzzles[2].question);
  expect(await leaks(puzzles.slice(6))).toBe(0);
  expect(await leaks([...puzzles.slice(6), image(puzzles[2], 3)])).toBe(1);
  // Twice in training, once held out: one held-out puzzle.
  expect(await leaks([...puzzles.slice(6), image(puzzles[0], 4)])).toBe(1);
  expect(await leaks([puzzles[3], image(puzzles[3], 2), puzzles[7]])).toBe(2);
});

test("duplicates within a training file are caught when they fall into validation", async () => {
  const train = await fileOf([...puzzles.slice(0, 4), ...puzzles.slice(0, 4)]);
  const { manifest } = loadSudoku({ ...BASE, train, validation: 1 }, DRAW);
  expect(manifest.heldOutInTraining).toBe(1);
});

test("validation, least difficulty and subsample split a file without overlap", async () => {
  const train = await fileOf(puzzles);
  const load = (change: Partial<SudokuData>, seed = 0) =>
    loadSudoku({ ...BASE, train, ...change }, { ...DRAW, seed });
  const all = puzzles.map(({ question }) => formatBoard(question));
  const shown = (change: Partial<SudokuData>, seed?: number) =>
    [...new Set(drawn(load({ augmentations: 0, ...change }, seed), 20))].sort();
  expect(shown({})).toEqual(all.toSorted());
  expect(shown({ minDifficulty: 8 })).toEqual(all.slice(8).sort());
  const split = load({ validation: 3, augmentations: 0 });
  const validation = questions(rowsOf(split.validation));
  expect(validation.length).toBe(3);
  expect(split.groups).toBe(9);
  expect([...shown({ validation: 3 }), ...validation].sort()).toEqual(all.toSorted());
  const subset = shown({ validation: 3, subsample: 5 });
  expect(subset.length).toBe(5);
  expect(subset.filter((board) => validation.includes(board) || !all.includes(board))).toEqual([]);
  expect(shown({ subsample: 5 })).toEqual(shown({ subsample: 5 }));
  expect(shown({ subsample: 5 }, 1)).not.toEqual(shown({ subsample: 5 }));
  expect(shown({ subsample: 99 })).toEqual(all.toSorted());
});

test("a position in the stream can be taken up again", async () => {
  const data = { ...BASE, train: await fileOf(puzzles) };
  const first = loadSudoku(data, DRAW);
  expect(first.stream.batchesPerSweep).toBe(6);
  drawn(first, 4);
  const state = JSON.parse(JSON.stringify(first.stream.state()));
  const expected = drawn(first, 5);
  const second = loadSudoku(data, DRAW);
  second.stream.restore(state);
  expect(drawn(second, 5)).toEqual(expected);
});

test("wrong sizes, missing files and empty splits are told", async () => {
  const path = await fileOf(puzzles);
  expect(told(() => readPuzzles(path, 9), path)).toMatchInlineSnapshot(
    `"2: FILE has puzzles of 16 cells, not the 81 of 9×9 — data.size — set data.size to that of the file, or name another file"`,
  );
  expect(told(() => loadSudoku(BASE, DRAW))).toMatchInlineSnapshot(
    `"2: the configuration names no puzzles to train on — data.train, data.generate — set data.train to a file, or data.generate to have puzzles made"`,
  );
  expect(
    told(() => loadSudoku({ ...BASE, train: path, minDifficulty: 99 }, DRAW), path),
  ).toMatchInlineSnapshot(
    `"2: no training puzzle is left of the 12 in FILE — data.validation, data.minDifficulty — 0 are difficult enough, 0 are held out of them: lower one of the two"`,
  );
  expect(told(() => loadSudoku({ ...BASE, train: path, validation: 12 }, DRAW), path)).toMatchInlineSnapshot(
    `"2: no training puzzle is left of the 12 in FILE — data.validation, data.minDifficulty — 12 are difficult enough, 12 are held out of them: lower one of the two"`,
  );
  expect(told(() => loadSudokuTestSet(BASE, null))).toMatchInlineSnapshot(
    `"2: the run has no test puzzles of its own — name a file of puzzles with --data"`,
  );
  expect(told(() => loadSudoku({ ...BASE, train: "sudoku/nowhere.csv" }, DRAW))).toMatch(
    /^1: data not found: sudoku\/nowhere.csv — looked in /,
  );
});

test("the test set of a run: generated as in training, or a file in its place", async () => {
  const data = { ...BASE, generate: GENERATE };
  const own = loadSudokuTestSet(data, null);
  expect(own.manifest).toEqual(loadSudoku(data, DRAW).manifest.test);
  expect(own.examples.slice(0, 99)).toEqual(loadSudoku(data, DRAW).test.slice(0, 99));
  const path = await fileOf(puzzles);
  expect(loadSudokuTestSet(data, path).manifest).toMatchObject({ from: path, puzzles: 12 });
  expect(loadSudokuTestSet({ ...BASE, test: path }, null).manifest.puzzles).toBe(12);
});

test("a sample keeps the order, says that it is one, and is the whole set when that is not larger", async () => {
  const path = await fileOf(puzzles);
  const all = loadSudokuTestSet(BASE, path);
  const sample = all.sample(stream(0, "x"), 5);
  const places = sample.puzzles.map((puzzle) => all.puzzles.indexOf(puzzle));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(new Set(places).size).toBe(5);
  expect(sample.examples.count).toBe(5);
  expect(questions(rowsOf(sample.examples))).toEqual(
    sample.puzzles.map(({ question }) => formatBoard(question)),
  );
  expect(sample.manifest).toMatchObject({ from: `5 of ${path}`, puzzles: 5 });
  expect(all.sample(stream(0, "x"), 12)).toBe(all);
});

const trainFile = findData("sudoku/sudoku-extreme-1k-train.csv");
const testFile = findData("sudoku/sudoku-extreme-1k-test_hard.csv");

test.skipIf(!trainFile || !testFile)(
  "Sudoku-Extreme 1k: training and test puzzles are disjoint",
  async () => {
    const data: SudokuData = { ...BASE, size: 9, train: trainFile ?? "", test: testFile ?? "" };
    const { manifest } = loadSudoku(data, { ...DRAW, globalBatchSize: 8 });
    expect([manifest.train.puzzles, manifest.test.puzzles, manifest.heldOutInTraining]).toEqual([
      1000, 15972, 0,
    ]);
    const train = readSudokuFile(trainFile ?? "");
    const leak = await fileOf([...readSudokuFile(testFile ?? "").slice(0, 9), imageOf(train[500], 9, 3)]);
    expect(loadSudoku({ ...data, test: leak }, DRAW).manifest.heldOutInTraining).toBe(1);
  },
);
