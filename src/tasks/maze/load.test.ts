// Mazes through the contract that all families share: configuration, splits, labels, files.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { findData } from "../../base/data-folder.ts";
import { ToolError } from "../../base/errors.ts";
import { stream } from "../../base/random/threefry.ts";
import { imageOf } from "./augment.ts";
import { type MazeData, mazeDataSchema } from "./config.ts";
import { readMazeFile, writeMazeFile } from "./dataset.ts";
import { generateMazes } from "./generate.ts";
import { loadMaze, loadMazeTestSet } from "./load.ts";
import { formatMaze, solveMaze } from "./rules.ts";
import { mazeTask } from "./task.ts";

const DRAW = { seed: 0, globalBatchSize: 4, evalInterval: 2 };
const BASE: MazeData = mazeDataSchema.parse({ task: "maze", size: 6 });
const GENERATE = { train: 20, validation: 5, test: 10, minPath: 14, seed: 1 };

const folder = mkdtempSync(join(tmpdir(), "whorl-maze-"));
afterAll(() => rmSync(folder, { recursive: true }));

function told(action: () => unknown, replace = "\0"): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ToolError) return `${error.exitCode}: ${error.format()}`.replaceAll(replace, "FILE");
    throw error;
  }
  return "no error";
}

test("the defaults are those of the published recipe", () => {
  expect(mazeDataSchema.parse({ task: "maze" })).toMatchInlineSnapshot(`
    {
      "augmentations": 0,
      "generate": null,
      "size": 30,
      "subsample": null,
      "task": "maze",
      "test": null,
      "train": null,
      "validation": 0,
    }
  `);
  const refused = (data: object) => mazeDataSchema.safeParse({ task: "maze", ...data }).success === false;
  expect(refused({ size: 31 })).toBe(true);
  expect(refused({ augmentations: 8 })).toBe(true);
  expect(refused({ clues: 3 })).toBe(true);
  expect(refused({ train: "a.csv", generate: GENERATE })).toBe(true);
  expect(refused({ generate: GENERATE, augmentations: 7 })).toBe(false);
});

test("generated parts share no maze, and labels are the answers", () => {
  const dataset = loadMaze({ ...BASE, generate: GENERATE }, DRAW);
  expect(dataset.shape).toEqual({ seqLen: 36, vocabSize: 6, numPuzzleIdentifiers: 1 });
  expect([dataset.groups, dataset.validation.count, dataset.test.count]).toEqual([20, 5, 10]);
  expect(dataset.manifest).toMatchObject({
    task: "maze 6×6",
    train: { from: "generated: paths of 14 cells or more, seed 1", puzzles: 20 },
    heldOutInTraining: 0,
  });
  const task = mazeTask(6);
  const into = {
    inputs: new Int32Array(4 * 36),
    labels: new Int32Array(4 * 36),
    identifiers: new Int32Array(4),
  };
  const shown = new Set<string>();
  for (let batch = 0; batch < 10; batch++) {
    dataset.stream.next(into);
    for (let row = 0; row < 4; row++) {
      const [from, to] = [36 * row, 36 * (row + 1)];
      const question = task.format?.(into.inputs.subarray(from, to)) ?? "";
      const maze = task.parse?.(question);
      if (maze === undefined) throw new Error("mazes are parsed");
      expect(task.score(maze, into.labels.subarray(from, to)).valid).toBe(true);
      expect(task.format?.(into.labels.subarray(from, to))).toBe(formatMaze(maze, true));
      shown.add(question);
    }
  }
  expect(shown.size).toBe(20);
});

test("an unanswered maze has no labels", () => {
  const inputs = new Int32Array(36);
  const labels = new Int32Array(36);
  const [maze] = generateMazes({ size: 6, minPath: 10, seed: 1, count: 1 });
  mazeTask(6).encode({ ...maze, path: undefined }, inputs, labels);
  expect(new Set(labels)).toEqual(new Set([-100]));
  expect(mazeTask(6).format?.(inputs)).toBe(formatMaze(maze));
});

test("files: images of training mazes are counted, answers are judged, the size must fit", async () => {
  const mazes = Array.from(generateMazes({ size: 6, minPath: 12, seed: 3, count: 12 }), (maze) =>
    solveMaze(maze),
  );
  const [train, held] = [join(folder, "train.csv"), join(folder, "test.csv")];
  await writeMazeFile(train, mazes.slice(0, 9));
  await writeMazeFile(held, [...mazes.slice(9), solveMaze(imageOf(mazes[2], 5))]);
  const data = { ...BASE, train, test: held, augmentations: 7 };
  expect(loadMaze(data, DRAW).manifest).toMatchObject({
    ...{ train: { puzzles: 9 }, test: { puzzles: 4 }, heldOutInTraining: 1 },
  });
  const testSet = loadMazeTestSet(data, null);
  const { labels, inputs } = testSet.examples.slice(0, 4);
  const answers = [labels, labels, labels, inputs].map((tokens, index) => ({
    ...{ index, haltLogit: 0 },
    tokens: tokens.subarray(36 * index, 36 * (index + 1)),
  }));
  expect(testSet.judge(answers)).toEqual({
    invalidRate: 0.25,
    measures: { shortestPath: 0.75, anyPath: 0.75 },
  });
  expect(testSet.sample(stream(0, "x"), 2).examples.count).toBe(2);
  expect(told(() => loadMaze({ ...data, size: 7 }, DRAW), train)).toMatchInlineSnapshot(
    `"2: FILE has mazes of 6×6, not 7×7 — data.size — set data.size to that of the file, or name another file"`,
  );
});

const files = ["train", "test"].map((part) => findData(`maze/maze-30x30-hard-1k-${part}.csv`) ?? "");

test.skipIf(files.includes(""))("Maze-Hard: training and test mazes are disjoint", async () => {
  const [train, held] = files;
  const { manifest } = loadMaze({ ...BASE, size: 30, train, test: held }, DRAW);
  expect([manifest.train.puzzles, manifest.test.puzzles, manifest.heldOutInTraining]).toEqual([1000, 786, 0]);
  const leak = join(folder, "leak.csv");
  const [first] = readMazeFile(train);
  await writeMazeFile(leak, [solveMaze(imageOf({ ...first, start: first.goal, goal: first.start }, 3))]);
  expect(loadMaze({ ...BASE, size: 30, train, test: leak }, DRAW).manifest.heldOutInTraining).toBe(1);
});

test("a maze is as hard as its path is long; unsolved ones are not rated", () => {
  const testSet = loadMazeTestSet({ ...BASE, generate: GENERATE }, null);
  const [scale] = testSet.difficulty ?? [];
  expect(scale.unit).toBe("cells of the path");
  const lengths = testSet.puzzles.map(({ path }) => 2 + (path?.reduce((sum, cell) => sum + cell, 0) ?? 0));
  expect(lengths.map((_, index) => scale.of(index))).toEqual(lengths);
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(GENERATE.minPath);
  const unsolved = { ...testSet.puzzles[0], path: undefined, rating: 0 };
  expect(mazeTask(6).difficulty?.[0].of(unsolved)).toBeUndefined();
});
