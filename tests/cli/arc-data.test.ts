// `whorl data build arc` and `whorl data inspect` of ARC tasks, as a user and a script meet them.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { findData, findGolden } from "../../src/base/data-folder.ts";
import { registerData } from "../../src/cli/data.ts";
import { type CommandResult, runCommand } from "./run-command.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-arc-data-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function data(...words: string[]): Promise<CommandResult> {
  return runCommand(registerData, ["data", ...words]);
}

function tidy(text: string): string {
  return text.replaceAll(folder, "<folder>").replace(/[0-9a-f]{64}/g, "<sha256>");
}

async function refusal(...words: string[]): Promise<string> {
  const { error, exitCode, stdout } = await data(...words);
  expect(stdout).toBe("");
  return `${exitCode}: ${tidy(error)}`;
}

/** A file in the test's folder. */
function put(name: string, json: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof json === "string" ? json : JSON.stringify(json));
  return path;
}

type Rows = number[][];
const pair = (input: Rows, output: Rows) => ({ input, output });
const mirror = {
  train: [pair([[1, 0]], [[0, 1]]), pair([[2], [3]], [[2], [3]])],
  test: [{ input: [[4, 0, 5]] }],
};

/** Two subsets of one task each; `b` keeps its solutions secret. */
function putSubsets(): void {
  put("arc-agi_a_challenges.json", { "00000001": mirror });
  put("arc-agi_a_solutions.json", { "00000001": [[[5, 0, 4]]] });
  put("arc-agi_b_challenges.json", { "00000002": mirror });
}

function build(out: string, ...words: string[]): Promise<CommandResult> {
  const shared = ["--from", folder, "--seed", "1", "--augmentations", "2", "--out", join(folder, out)];
  return data("build", "arc", ...shared, ...words);
}

const goldenPath = findGolden("arc/dataset-arc1-aug4-seed42.json");
const realFolder = findData("arc");
const golden = z.object({
  arrays: z.record(z.string(), z.object({ sha256_of_c_order_bytes: z.string() })),
  json: z.record(z.string(), z.unknown()),
  identifiers: z.object({ count: z.number(), first: z.array(z.string()) }),
});

test.skipIf(!goldenPath || !realFolder)("the folder is the reference's, byte for byte", async () => {
  const { arrays, json, identifiers } = golden.parse(JSON.parse(readFileSync(goldenPath ?? "", "utf8")));
  const out = join(folder, "arc1");
  const subsets = ["--subsets", "training,evaluation,concept", "--test-set", "evaluation"];
  const numbers = ["--seed", "42", "--augmentations", "4"];
  const from = ["--from", join(realFolder ?? "", "arc-agi")];
  const { stdout } = await data("build", "arc", ...from, ...subsets, ...numbers, "--out", out, "--json");
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({
    task: "arc",
    examples: 19940,
    puzzles: 4800,
    groups: 960,
    identifiers: 4801,
  });
  const hashes = Object.entries(arrays).map(([name, array]) => [name, array.sha256_of_c_order_bytes]);
  expect(result.sha256).toEqual(Object.fromEntries(hashes));
  for (const [name, value] of Object.entries(json))
    expect(JSON.parse(readFileSync(join(out, name), "utf8"))).toEqual(value);
  const names: unknown[] = JSON.parse(readFileSync(join(out, "identifiers.json"), "utf8"));
  expect(names.length).toBe(identifiers.count);
  expect(names.slice(0, identifiers.first.length)).toEqual(identifiers.first);
  const inspected = JSON.parse((await data("inspect", out, "--json")).stdout);
  expect(result).toMatchObject(inspected);
});

describe("build", () => {
  test("a subset without solutions is told and built", async () => {
    putSubsets();
    const { stdout, stderr } = await build("out", "--subsets", "a,b", "--test-set", "b");
    expect(stderr.replace(/took .*/, "took")).toMatchInlineSnapshot(`
      "ARC: test inputs without outputs: 1 of 2 tasks; they are answered, not trained on and not scored
      ARC: where an output is not known the folder has [[0]], as the reference's own, and its code takes that for the answer
      took
      "
    `);
    expect(`\n${tidy(stdout)}`).toMatchInlineSnapshot(`
      "
      written      <folder>/out
      task         ARC 30 × 30
      identifiers  7
      tokens       900 cells, vocabulary 12

      part   groups  puzzles  examples  a puzzle  dtype
      train       2        6        15       2.5  uint8
      test        1        3         3         1  uint8

      train/all__inputs.npy              <sha256>
      train/all__labels.npy              <sha256>
      train/all__puzzle_indices.npy      <sha256>
      train/all__puzzle_identifiers.npy  <sha256>
      train/all__group_indices.npy       <sha256>
      test/all__inputs.npy               <sha256>
      test/all__labels.npy               <sha256>
      test/all__puzzle_indices.npy       <sha256>
      test/all__puzzle_identifiers.npy   <sha256>
      test/all__group_indices.npy        <sha256>
      "
    `);
    expect(readFileSync(join(folder, "out", "test_puzzles.json"), "utf8")).toContain('"output": [[0]]');
  });

  test("without a test set there is no test part", async () => {
    putSubsets();
    const { stdout } = await build("out", "--subsets", "a", "--test-set", "none", "--json");
    expect(Object.keys(JSON.parse(stdout).parts)).toEqual(["train"]);
    expect(existsSync(join(folder, "out", "test"))).toBe(false);
  });

  test("what cannot be built is refused before anything is written", async () => {
    putSubsets();
    const refused = async (...words: string[]) => {
      const { error, exitCode } = await build("never", ...words);
      return `${exitCode}: ${tidy(error)}`;
    };
    const sub = (...names: string[]) => ["--subsets", names.join(","), "--test-set", names[0]];
    expect(await refused(...sub("evaluatoin"))).toMatch(/^2: data not found: the ARC subset "evaluatoin"/);
    expect(await refused(...sub("a", "aa"))).toContain('there are a, b; did you mean "a"?');
    expect(await refused("--subsets", "a,b", "--test-set", "c")).toMatchInlineSnapshot(
      `"2: --test-set c is not among the subsets a, b — add it to --subsets; did you mean a?"`,
    );
    expect(await refused(...sub("a", "a"))).toMatchInlineSnapshot(
      `"2: --subsets has a twice — for instance --subsets training,evaluation,concept"`,
    );
    expect(await refused(...sub("a", ""))).toMatchInlineSnapshot(
      `"2: --subsets takes names with commas between, not 'a,' — for instance --subsets training,evaluation,concept"`,
    );
    expect(await refused(...sub("a"), "--augmentations", "20000")).toMatchInlineSnapshot(
      `"2: --augmentations takes a whole number from 0 to 10000, not '20000' — for instance --augmentations 1"`,
    );
    expect(await refused(...sub("a"), "--seed", "-1")).toMatchInlineSnapshot(
      `"2: --seed takes a whole number from 0 to 4294967295, not '-1' — for instance --seed 1"`,
    );
    put("arc-agi_c_challenges.json", { "00000001": mirror });
    expect(await refused(...sub("a", "c"))).toContain("task 00000001 is in the subsets a and c");
    put("arc-agi_a_solutions.json", { "00000001": [[[5]], [[4]]] });
    expect(await refused(...sub("a"))).toMatchInlineSnapshot(
      `"1: 2 solutions for 1 test inputs — <folder>/arc-agi_a_challenges.json, task 00000001 — the files of challenges and solutions must be of the same state"`,
    );
    expect(existsSync(join(folder, "never"))).toBe(false);
    expect(await refusal("build", "maze", "--out", "never")).toMatchInlineSnapshot(
      `"2: there is no builder for 'maze' — \`whorl data generate maze\` makes puzzles, \`whorl data export\` writes them in the reference's layout"`,
    );
  });

  test("a folder is replaced only when told so, and only a data set", async () => {
    putSubsets();
    const words = ["--subsets", "a", "--test-set", "a"];
    await build("out", ...words);
    const before = readFileSync(join(folder, "out", "identifiers.json"), "utf8");
    const refused = await build("out", ...words, "--seed", "2");
    expect(`${refused.exitCode}: ${tidy(refused.error)}`).toMatchInlineSnapshot(
      `"1: <folder>/out exists already — choose another name, or add --force to replace the folder"`,
    );
    expect(readFileSync(join(folder, "out", "identifiers.json"), "utf8")).toBe(before);
    expect((await build("out", ...words, "--seed", "2", "--force")).exitCode).toBe(0);
    expect(readFileSync(join(folder, "out", "identifiers.json"), "utf8")).not.toBe(before);
    expect(tidy((await build(".", ...words, "--force")).error)).toContain(
      "holds something else than a data set",
    );
    expect(tidy((await build("arc-agi_a_solutions.json/out", ...words)).error)).toContain(
      "cannot be written",
    );
  });
});

describe("inspect", () => {
  test("a folder: each subset, what they share, and a task with its augmentations", async () => {
    putSubsets();
    put("arc-agi_c_challenges.json", { "00000001": mirror, "00000003": mirror });
    const { stdout } = await data("inspect", folder);
    expect(`\n${tidy(stdout)}`).toMatchInlineSnapshot(`
      "
      files  <folder>/arc-agi
      task   ARC
      tasks  4, different names: 3

      subset  tasks  train pairs  test inputs       outputs known  sides min  median  max
      a           1            2            1                   1          2       2    3
      b           1            2            1  none: no solutions          2       2    3
      c           2            4            2  none: no solutions          2       2    3

      a and c have 1 task name in common

      arc-agi_a_challenges.json  <sha256>
      arc-agi_a_solutions.json   <sha256>
      arc-agi_b_challenges.json  <sha256>
      arc-agi_c_challenges.json  <sha256>

      task 00000001: 2 train pairs, 1 test input

      train 1  1×2 → 1×2  train 2  2×1 → 2×1  test 1  1×3 → 1×3
      1 0   →   0 1       2   →   2           4 0 5   →   5 0 4
                          3       3

      00000001|||t4|||0832597416  1×2 → 1×2  00000001|||t5|||0429861753  1×2 → 1×2
      0 8   →   8 0                          4 0   →   0 4
      "
    `);
    const summary = JSON.parse((await data("inspect", join(folder, "arc-agi"), "--json")).stdout);
    expect(summary).toMatchObject({ task: "arc", examples: 12, puzzles: 4, groups: 4, identifiers: 4 });
    expect(summary.subsets.b).toEqual({
      ...{ tasks: 1, trainPairs: 2, testInputs: 1, testOutputs: 0 },
      sides: { min: 2, median: 2, max: 3 },
    });
    expect(summary.overlaps).toEqual([{ subsets: ["a", "c"], tasks: 1 }]);
    expect(Object.keys(summary.sha256)).toHaveLength(4);
  });

  test("one task in a file, without the outputs of its tests", async () => {
    const path = put("mine.json", mirror);
    const { stdout } = await data("inspect", path);
    expect(`\n${stdout.slice(stdout.indexOf("task mine"))}`).toMatchInlineSnapshot(`
      "
      task mine: 2 train pairs, 1 test input

      train 1  1×2 → 1×2  train 2  2×1 → 2×1  test 1  1×3 → ?
      1 0   →   0 1       2   →   2           4 0 5   →   ?
                          3       3

      mine|||t4|||0832597416  1×2 → 1×2  mine|||t5|||0429861753  1×2 → 1×2
      0 8   →   8 0                      4 0   →   0 4
      "
    `);
    const summary = JSON.parse((await data("inspect", path, "--json")).stdout);
    expect(summary).toMatchObject({ task: "arc", examples: 3, puzzles: 1, groups: 1, identifiers: 2 });
  });

  test("a built folder: its pairs wherever they lie on the canvas", async () => {
    putSubsets();
    await build("out", "--subsets", "a", "--test-set", "a");
    const { stdout } = await data("inspect", join(folder, "out"), "--check");
    const drawn = stdout.slice(stdout.indexOf("train  all"));
    expect(`\n${drawn}`).toMatchInlineSnapshot(`
      "
      train  all tokens of 6 examples are in the vocabulary
      test   all tokens of 3 examples are in the vocabulary

      00000001  1×2 → 1×2  00000001  2×1 → 2×1
      1 0   →   0 1        2   →   2
                           3       3

      00000001|||t5|||0367514289  1×2 → 1×2  00000001|||t7|||0864195327  2×1 → 2×1
      3 0   →   0 3                          0   →   8
                                             8       0
      "
    `);
  });

  test("the data set of a configuration", async () => {
    putSubsets();
    const settings = [
      "task: arc",
      `from: ${folder}`,
      "subsets: [a]",
      "testSet: a",
      "augmentations: 3",
      "side: 5",
    ];
    const path = put("mine.yaml", `data:\n${settings.map((line) => `  ${line}\n`).join("")}`);
    const summary = JSON.parse((await data("inspect", path, "--json")).stdout);
    expect(summary).toMatchObject({ task: "arc", examples: 2, puzzles: 1, groups: 1, identifiers: 5 });
    expect(summary.manifest.test).toMatchObject({ from: "a", puzzles: 1, sha256: summary.sha256.test });
    expect((await data("inspect", path)).stdout).toContain("test example 1  1×3 → 1×3\n4 0 5   →   5 0 4\n");
    const preset = JSON.parse((await data("inspect", "sudoku-4x4", "--json")).stdout);
    expect(preset).toMatchObject({ task: "sudoku", puzzles: 150, identifiers: 1 });
  });

  test("grids that are none, and tasks that are none, are refused with their place", async () => {
    const withGrid = (grid: unknown) =>
      put("bad.json", { ...mirror, train: [{ input: grid, output: [[1]] }] });
    const refused = (path: string) => refusal("inspect", path);
    expect(await refused(withGrid([[1, 2], [3]]))).toMatchInlineSnapshot(
      `"1: not an ARC grid: 1 cells, but 2 in the first row — <folder>/bad.json, task bad, train pair 1, input, row 2 — a grid is a list of rows of equal length with whole numbers from 0 to 9"`,
    );
    expect(await refused(withGrid([]))).toMatchInlineSnapshot(
      `"1: not an ARC grid: a grid is a list of rows, at least one — <folder>/bad.json, task bad, train pair 1, input — a grid is a list of rows of equal length with whole numbers from 0 to 9"`,
    );
    expect(await refused(withGrid([[]]))).toContain("an empty row");
    expect(await refused(withGrid([[0, 10]]))).toMatchInlineSnapshot(
      `"1: not an ARC grid: the colour 10, not a whole number from 0 to 9 — <folder>/bad.json, task bad, train pair 1, input, row 1, cell 2 — a grid is a list of rows of equal length with whole numbers from 0 to 9"`,
    );
    expect(await refused(withGrid(Array(31).fill([1])))).toMatchInlineSnapshot(
      `"1: not an ARC grid: a grid of 31 × 1, larger than 30 × 30 — <folder>/bad.json, task bad, train pair 1, input — a grid is a list of rows of equal length with whole numbers from 0 to 9"`,
    );
    const task = JSON.stringify(mirror);
    expect(await refused(put("twice.json", `{"a": ${task}, "a": ${task}}`))).toContain(
      'the key "a" occurs twice',
    );
    expect(await refused(put("cut.json", task.slice(0, 40)))).toMatchInlineSnapshot(
      `"1: not valid JSON: the text ends too early — <folder>/cut.json:1:41 — get the file again, or correct it at that place"`,
    );
    expect(await refused(put("none.json", { train: mirror.train, test: [] }))).toMatchInlineSnapshot(
      `"1: no test pairs — <folder>/none.json, task none — "test" is a list of at least one pair of grids"`,
    );
  });
});
