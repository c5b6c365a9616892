// Mazes in a folder of the reference's layout: trained on row by row as they lie there, tested by the rules.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import type { GroupedExamples } from "./dataset.ts";
import { mazeDataSchema } from "./maze/config.ts";
import { generateMazes } from "./maze/generate.ts";
import { loadMaze, loadMazeTestSet } from "./maze/load.ts";
import { formatMaze, type Maze } from "./maze/rules.ts";
import { mazeTask } from "./maze/task.ts";
import { groupedSource, writeReferenceFolder } from "./reference-folder.ts";

const SIZE = 6;
const DRAW = { seed: 0, globalBatchSize: 4, evalInterval: 2 };
const folder = join(mkdtempSync(join(tmpdir(), "whorl-test-")), "mazes");
const made = [...generateMazes({ size: SIZE, minPath: 8, seed: 3, count: 9 })];
const [train, held] = [made.slice(0, 6), made.slice(6)];
const task = mazeTask(SIZE);

function grouped(mazes: readonly Maze[]): GroupedExamples {
  return {
    groups: mazes.length,
    puzzlesIn: () => 1,
    examplesIn: () => 1,
    meanPuzzleExamples: 1,
    read({ group }, { inputs, labels }) {
      task.encode(mazes[group], inputs, labels);
      return 0;
    },
  };
}

beforeAll(() => {
  const sizes = { seqLen: SIZE * SIZE, vocabSize: task.vocabSize };
  const parts = { train: groupedSource(grouped(train), sizes), test: groupedSource(grouped(held), sizes) };
  return writeReferenceFolder(folder, { identifiers: ["<blank>"], parts });
});

const dataOf = (change: object) =>
  mazeDataSchema.parse({ task: "maze", size: SIZE, train: folder, ...change });

test("training draws the folder's rows, the test set is its other part", () => {
  const dataset = loadMaze(dataOf({}), DRAW);
  expect([dataset.groups, dataset.test.count, dataset.manifest.heldOutInTraining]).toEqual([6, 3, 0]);
  const cells = SIZE * SIZE;
  const batch = {
    inputs: new Int32Array(4 * cells),
    labels: new Int32Array(4 * cells),
    identifiers: new Int32Array(4),
  };
  const known = new Set(train.map((maze) => formatMaze(maze)));
  const shown = new Set<string>();
  for (let i = 0; i < 6; i++) {
    dataset.stream.next(batch);
    for (let row = 0; row < 4; row++)
      shown.add(task.format?.(batch.inputs.subarray(row * cells, (row + 1) * cells)) ?? "");
  }
  expect(shown).toEqual(known);
});

test("answers are judged by the rules, as those of a file are", () => {
  for (const file of [null, folder]) {
    const { puzzles, examples, judge } = loadMazeTestSet(dataOf({}), file);
    expect(puzzles.map(({ rating }) => rating)).toEqual(held.map(({ rating }) => rating));
    const { labels, inputs } = examples.slice(0, 3);
    const answers = (tokens: Int32Array) =>
      held.map((_, index) => ({
        index,
        tokens: tokens.subarray(index * SIZE * SIZE, (index + 1) * SIZE * SIZE),
        haltLogit: 0,
      }));
    expect(judge(answers(labels))).toEqual({ invalidRate: 0, measures: { anyPath: 1, shortestPath: 1 } });
    expect(judge(answers(inputs)).invalidRate).toBe(1);
  }
});

test("a row that is no puzzle and a folder of other puzzles are refused", () => {
  expect(() => loadMaze(dataOf({ size: 7 }), DRAW)).toThrow(/has 36 cells and 6 tokens, maze 7×7 49 and 6/);
  const [inputs, labels] = [new Int32Array(36), new Int32Array(36)];
  task.encode(held[0], inputs, labels);
  expect(task.decode?.(inputs, labels, "here")).toMatchObject({ rating: held[0].rating });
  labels[inputs.indexOf(1)] = 5;
  expect(() => task.decode?.(inputs, labels, "here")).toThrow(ToolError);
});
