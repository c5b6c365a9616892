import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../tests/temporary-files.ts";
import { findData } from "../../base/data-folder.ts";
import { told } from "../sudoku/testing/told.ts";
import { gridToJson } from "./grid.ts";
import { listArcSubsets, parseArcTasks, readArcSubset, readArcTasks } from "./read.ts";

const PAIR = { input: [[1, 2]], output: [[3]] };
const task = (tests = 1) => ({ test: Array(tests).fill({ input: [[4]] }), train: [PAIR, PAIR] });

/** A folder with a subset `some`; text is written as it is. */
function folderOf(challenges: unknown, solutions?: unknown): string {
  const folder = temporaryFolder();
  const text = (json: unknown) => (typeof json === "string" ? json : JSON.stringify(json));
  writeFileSync(join(folder, "arc-agi_some_challenges.json"), text(challenges));
  if (solutions !== undefined) writeFileSync(join(folder, "arc-agi_some_solutions.json"), text(solutions));
  return folder;
}

function refusal(challenges: unknown, solutions?: unknown): string {
  const folder = folderOf(challenges, solutions);
  return told(() => readArcSubset(folder, "some")).replaceAll(folder, "FOLDER");
}

test("tasks come in the order of the file, whatever their names; solutions become outputs", () => {
  const one = JSON.stringify(task(2));
  const folder = folderOf(`{"b": ${one}, "40853293": ${one}, "a": ${one}, "7": ${one}}`, {
    7: [[[0]], [[0]]],
    ...{ a: [[[1]], [[1]]], b: [[[2, 2]], [[3]]], 40853293: [[[0]], [[0]]], other: 1 },
  });
  // A task that is only in the solutions is not looked at; a wrong one would be told.
  expect(told(() => readArcSubset(folder, "some"))).toContain("not a list of grids");
  writeFileSync(
    join(folder, "arc-agi_some_solutions.json"),
    JSON.stringify({ 7: [[[0]], [[0]]], a: [[[1]], [[1]]], b: [[[2, 2]], [[3]]], 40853293: [[[0]], [[0]]] }),
  );
  const tasks = readArcSubset(folder, "some");
  expect(tasks.map(({ id }) => id)).toEqual(["b", "40853293", "a", "7"]);
  const [{ train, test: tests, testFirst }] = tasks;
  expect(train.map(({ output }) => gridToJson(output))).toEqual([[[3]], [[3]]]);
  expect(tests.map(({ output }) => output && gridToJson(output))).toEqual([[[2, 2]], [[3]]]);
  expect(testFirst).toBe(true);
});

test("without solutions the outputs are those of the file, or unknown", () => {
  const folder = folderOf({
    x: { train: [PAIR], test: [{ input: [[4]] }, PAIR, { input: [[4]], output: null }] },
  });
  const [{ test: tests, testFirst }] = readArcSubset(folder, "some");
  expect(tests.map(({ output }) => output && gridToJson(output))).toEqual([undefined, [[3]], undefined]);
  expect(testFirst).toBe(false);
});

test("a subset is found in a folder, by a prefix, also where a folder has the prefix's name", () => {
  const folder = folderOf({ x: task() });
  expect(readArcSubset(join(folder, "arc-agi"), "some").length).toBe(1);
  mkdirSync(join(folder, "arc-agi"));
  expect(readArcSubset(join(folder, "arc-agi"), "some").length).toBe(1);
  expect(readArcTasks(join(folder, "arc-agi_some_challenges.json"))).toEqual(readArcSubset(folder, "some"));
  expect(listArcSubsets(folder)).toEqual(["some"]);
  expect(told(() => readArcSubset(folder, "sone")).replaceAll(folder, "FOLDER")).toMatchInlineSnapshot(
    `"data not found: the ARC subset "sone" — looked for FOLDER/arc-agi_sone_challenges.json — there are some; did you mean "some"?"`,
  );
});

test("single tasks and files of several are read alike", () => {
  const folder = temporaryFolder();
  const path = join(folder, "1f0c79e5.json");
  writeFileSync(path, JSON.stringify({ train: [PAIR], test: [PAIR], name: "something" }));
  expect(readArcTasks(path)).toMatchObject([{ id: "1f0c79e5", testFirst: false }]);
  writeFileSync(path, JSON.stringify({ a: task(), b: task() }));
  expect(readArcTasks(path).map(({ id }) => id)).toEqual(["a", "b"]);
  expect(parseArcTasks(JSON.stringify(task()), "stdin")[0].id).toBe("stdin");
});

test("what does not fit is refused with its place", () => {
  const bad = [
    refusal({ x: task(2) }, { x: [[[1]]] }),
    refusal({ x: task(1) }, { x: [[[1]], [[1]]] }),
    refusal({ x: task() }, { y: [[[1]]] }),
    refusal({ x: task() }, { x: [[[1], [1, 2]]] }),
    refusal({ x: { train: [{ input: [[1]] }], test: [PAIR] } }),
    refusal({ x: { train: [PAIR, { input: [[1]], output: [[10]] }], test: [PAIR] } }),
    refusal({ x: { train: [PAIR], test: [{ output: [[1]] }] } }),
    refusal({ x: { train: [], test: [PAIR] } }),
    refusal({ x: { train: [PAIR] } }),
    refusal({ x: [1] }),
    refusal({ "a|||b": task() }),
    refusal("[]"),
    refusal("{}"),
    refusal(`{"x": ${JSON.stringify(task())}, "x": ${JSON.stringify(task())}}`),
    refusal('{"x": {"train": [{"input": [[1], [2]\n}]}}'),
  ];
  expect(bad).toMatchInlineSnapshot(`
    [
      "1 solutions for 2 test inputs — FOLDER/arc-agi_some_challenges.json, task x — the files of challenges and solutions must be of the same state",
      "2 solutions for 1 test inputs — FOLDER/arc-agi_some_challenges.json, task x — the files of challenges and solutions must be of the same state",
      "no solution of task x — FOLDER/arc-agi_some_solutions.json — the two files must be of the same state",
      "not an ARC grid: 2 cells, but 1 in the first row — FOLDER/arc-agi_some_challenges.json, task x, test pair 1, solution, row 2 — a grid is a list of rows of equal length with whole numbers from 0 to 9",
      "the pair has no output — FOLDER/arc-agi_some_challenges.json, task x, train pair 1 — add its "output" grid",
      "not an ARC grid: the colour 10, not a whole number from 0 to 9 — FOLDER/arc-agi_some_challenges.json, task x, train pair 2, output, row 1, cell 1 — a grid is a list of rows of equal length with whole numbers from 0 to 9",
      "the pair has no input — FOLDER/arc-agi_some_challenges.json, task x, test pair 1 — add its "input" grid",
      "no train pairs — FOLDER/arc-agi_some_challenges.json, task x — "train" is a list of at least one pair of grids",
      "no test pairs — FOLDER/arc-agi_some_challenges.json, task x — "test" is a list of at least one pair of grids",
      "expected an object with train and test — FOLDER/arc-agi_some_challenges.json, task x — see docs of ARC-AGI for the layout, or get the file again",
      "a task cannot have the name "a|||b" — FOLDER/arc-agi_some_challenges.json — the names of augmented tasks are made of it: rename",
      "expected tasks by their names — FOLDER/arc-agi_some_challenges.json — see docs of ARC-AGI for the layout, or get the file again",
      "the file has no tasks — FOLDER/arc-agi_some_challenges.json — get the file again",
      "not valid JSON: the key "x" occurs twice — FOLDER/arc-agi_some_challenges.json:1:111 — get the file again, or correct it at that place",
      "not valid JSON: expected ',' or ']', found "}" — FOLDER/arc-agi_some_challenges.json:2:1 — get the file again, or correct it at that place",
    ]
  `);
});

const data = findData("arc");

test.skipIf(!data)("the published subsets have as many tasks and pairs as is known", () => {
  const counts = ["training", "evaluation", "training2", "evaluation2", "concept", "conceptminimal"].map(
    (name) => {
      const tasks = readArcSubset(data ?? "", name);
      const pairs = (of: "train" | "test") => tasks.reduce((sum, each) => sum + each[of].length, 0);
      return [name, tasks.length, pairs("train"), pairs("test")];
    },
  );
  expect(counts).toEqual([
    ["training", 400, 1302, 416],
    ["evaluation", 400, 1363, 419],
    ["training2", 1000, 3232, 1076],
    ["evaluation2", 120, 358, 172],
    ["concept", 160, 427, 480],
    ["conceptminimal", 16, 46, 48],
  ]);
});
