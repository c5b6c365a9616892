// `whorl data export`, both ways, and `whorl data inspect` of the folders.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registerData } from "../../src/cli/data.ts";
import { parseNpy } from "../../src/formats/npy.ts";
import type { TrainingStream } from "../../src/tasks/dataset.ts";
import { imageOf } from "../../src/tasks/maze/augment.ts";
import { readMazeFile } from "../../src/tasks/maze/dataset.ts";
import { encodeAnswer } from "../../src/tasks/maze/encode.ts";
import { loadReferenceDataset } from "../../src/tasks/reference-dataset.ts";
import { sudokuDataSchema } from "../../src/tasks/sudoku/config.ts";
import { loadSudoku } from "../../src/tasks/sudoku/load.ts";
import { type CommandResult, runCommand } from "./run-command.ts";

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "whorl-data-export-"));
  for (const [task, size, name, seed] of [
    ["sudoku", "4", "sudoku-train", "1"],
    ["sudoku", "4", "sudoku-test", "2"],
    ["maze", "5", "maze-train", "1"],
    ["maze", "5", "maze-test", "2"],
  ])
    await data(
      "generate",
      task,
      "--size",
      size,
      "--count",
      "6",
      "--seed",
      seed,
      "--out",
      path(`${name}.csv`),
    );
  for (const task of ["sudoku", "maze"]) {
    const { error } = await data(...pair(task), "--augmentations", "3", "--seed", "9", "--out", path(task));
    expect(error).toBe("");
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function data(...words: string[]): Promise<CommandResult> {
  return runCommand(registerData, ["data", ...words]);
}

function path(name: string): string {
  return join(folder, name);
}

/** The words that export the files of a family. */
function pair(task: string): string[] {
  return ["export", path(`${task}-train.csv`), "--test", path(`${task}-test.csv`)];
}

function tidy(text: string): string {
  return text.replaceAll(folder, "<folder>").replace(/[0-9a-f]{64}/g, "<sha256>");
}

/** Data type and shape of an array in a folder. */
function array(name: string) {
  return parseNpy(readFileSync(path(name)), name);
}

test("a folder has the types, shapes and metadata of the reference's builders", () => {
  const { dtype, shape } = array("sudoku/train/all__inputs.npy");
  expect([dtype, shape]).toEqual(["int64", [24, 16]]);
  expect(array("sudoku/test/all__labels.npy")).toMatchObject({ dtype: "uint8", shape: [6, 16] });
  expect(array("maze/train/all__inputs.npy")).toMatchObject({ dtype: "uint8", shape: [24, 25] });
  expect(array("maze/train/all__puzzle_identifiers.npy")).toEqual({
    ...{ dtype: "int32", shape: [24] },
    data: new Int32Array(24),
  });
  expect(array("maze/train/all__group_indices.npy").data).toEqual(Int32Array.of(0, 4, 8, 12, 16, 20, 24));
  expect(readFileSync(path("sudoku/train/dataset.json"), "utf8")).toMatchInlineSnapshot(
    `"{"pad_id": 0, "ignore_label_id": 0, "blank_identifier_id": 0, "vocab_size": 6, "seq_len": 16, "num_puzzle_identifiers": 1, "total_groups": 6, "mean_puzzle_examples": 1.0, "total_puzzles": 6, "sets": ["all"]}"`,
  );
  expect(readFileSync(path("sudoku/identifiers.json"), "utf8")).toBe('["<blank>"]');
});

test("the images of a maze are in the reference's order", () => {
  const [maze] = readMazeFile(path("maze-train.csv"));
  const expected = [0, 1, 2, 3].flatMap((symmetry) => {
    const tokens = new Int32Array(25);
    encodeAnswer(imageOf(maze, symmetry), tokens);
    return [...tokens];
  });
  expect([...array("maze/train/all__labels.npy").data.slice(0, 100)].map(Number)).toEqual(expected);
});

test("training on the folder draws the rows that training on the CSV draws", () => {
  const draw = { seed: 9, globalBatchSize: 4, evalInterval: 5 };
  const settings = {
    size: 4,
    train: path("sudoku-train.csv"),
    test: path("sudoku-test.csv"),
    augmentations: 3,
  };
  const fromCsv = loadSudoku(sudokuDataSchema.parse({ task: "sudoku", ...settings }), draw);
  const fromFolder = loadReferenceDataset(path("sudoku"), draw);
  const batches = (stream: TrainingStream) =>
    Array.from({ length: 9 }, () => {
      const [inputs, labels] = [new Int32Array(4 * 16), new Int32Array(4 * 16)];
      stream.next({ inputs, labels, identifiers: new Int32Array(4) });
      return [...inputs, ...labels];
    });
  expect(batches(fromFolder.stream)).toEqual(batches(fromCsv.stream));
  expect(fromFolder.test.slice(0, 6)).toEqual(fromCsv.test.slice(0, 6));
});

test("a subsample is drawn at random, and equal for equal seeds", async () => {
  const sample = async (name: string, seed: string) => {
    const words = ["--subsample", "3", "--seed", seed, "--out", path(name), "--json"];
    return JSON.parse((await data(...pair("sudoku"), ...words)).stdout);
  };
  const first = await sample("sample-a", "1");
  expect(first).toMatchObject({ task: "sudoku", examples: 3, puzzles: 3, groups: 3, identifiers: 1 });
  expect(first.parts.test.examples).toBe(6);
  expect((await sample("sample-b", "1")).sha256).toEqual(first.sha256);
  expect((await sample("sample-c", "2")).sha256).not.toEqual(first.sha256);
});

test.each(["sudoku", "maze"])("%s comes back from the folder as it was", async (task) => {
  const out = path(`${task}-back`);
  const { stdout, stderr } = await data("export", path(task), "--to", "csv", "--out", out, "--json");
  expect(JSON.parse(stdout)).toMatchObject({ task, examples: 6, groups: 6, identifiers: 1 });
  expect(stderr).toBe("");
  for (const part of ["train", "test"]) {
    // Where a puzzle comes from, and how a Sudoku was rated, is not kept.
    const lines = (name: string) =>
      readFileSync(name, "utf8")
        .split("\n")
        .map((line) => line.split(",").slice(1, 3));
    expect(lines(join(out, `${part}.csv`))).toEqual(lines(path(`${task}-${part}.csv`)));
  }
  const again = await data("export", path(task), "--out", out);
  expect(tidy(again.error)).toContain("exists already — choose another name, or add --force to replace it");
  const all = ["--augmentations", "2", "--force", "--json"];
  const more = await data("export", path(task), "--out", out, ...all);
  expect(JSON.parse(more.stdout)).toMatchObject({ puzzles: 18, groups: 6 });
});

test("inspect tells the task and draws an original with its augmentations", async () => {
  expect(`\n${tidy((await data("inspect", path("sudoku"))).stdout)}`).toMatchInlineSnapshot(`
    "
    folder       <folder>/sudoku
    task         Sudoku 4 × 4
    identifiers  1
    tokens       16 cells, vocabulary 6

    part   groups  puzzles  examples  a puzzle  dtype
    train       6       24        24         1  int64
    test        6        6         6         1  uint8

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

    puzzle 1       answer         augmentation 1  augmentation 2
    ┌─────┬─────┐  ┌─────┬─────┐  ┌─────┬─────┐   ┌─────┬─────┐
    │ · 2 │ · · │  │ 4 2 │ 3 1 │  │ 2 4 │ · · │   │ · · │ · 1 │
    │ 3 · │ · 2 │  │ 3 1 │ 4 2 │  │ 3 · │ · · │   │ 1 · │ 3 · │
    ├─────┼─────┤  ├─────┼─────┤  ├─────┼─────┤   ├─────┼─────┤
    │ · 4 │ · · │  │ 1 4 │ 2 3 │  │ · 2 │ 4 · │   │ · · │ 1 3 │
    │ 2 3 │ · · │  │ 2 3 │ 1 4 │  │ 4 · │ · · │   │ · · │ · 4 │
    └─────┴─────┘  └─────┴─────┘  └─────┴─────┘   └─────┴─────┘
    "
  `);
  const checked = await data("inspect", path("maze"), "--check");
  expect(`\n${tidy(checked.stdout)}`).toMatchInlineSnapshot(`
    "
    folder       <folder>/maze
    task         Maze 5 × 5
    identifiers  1
    tokens       25 cells, vocabulary 6

    part   groups  puzzles  examples  a puzzle  dtype
    train       6       24        24         1  uint8
    test        6        6         6         1  uint8

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

    train  10 of 24 answers are not the path of the rule (those of turned mazes are not)
    test   all 6 answers are the path of the rule

    puzzle 1  answer   augmentation 1  augmentation 2
    +-----+   +-----+  +-----+         +-----+
    |G   #|   |Gooo#|  |#    |         |   ##|
    |###  |   |###oo|  |  ## |         | #  #|
    |S ## |   |So##o|  | ##  |         | ## S|
    |#  # |   |#oo#o|  | #  #|         |  ###|
    |##   |   |##ooo|  |G#S##|         |#   G|
    +-----+   +-----+  +-----+         +-----+
    "
  `);
  const json = JSON.parse((await data("inspect", path("maze"), "--json")).stdout);
  expect(json).toMatchObject({ task: "maze", examples: 24, puzzles: 24, groups: 6, identifiers: 1 });
  expect(Object.keys(json.sha256)).toHaveLength(10);
  expect(json.sha256["test/all__inputs.npy"]).toMatch(/^[0-9a-f]{64}$/);
});

test("broken folders are refused with what is wrong", async () => {
  const refusal = async (damage: (dir: string) => void) => {
    const dir = path("broken");
    rmSync(dir, { recursive: true, force: true });
    cpSync(path("maze"), dir, { recursive: true });
    damage(dir);
    const { error, exitCode, stdout } = await data("inspect", dir, "--check");
    expect(stdout).toBe("");
    return `${exitCode}: ${tidy(error)}`;
  };
  const edit = (name: string, change: (text: string) => string) => (dir: string) =>
    writeFileSync(join(dir, name), change(readFileSync(join(dir, name), "utf8")));
  expect(await refusal((dir) => truncateSync(join(dir, "train/all__inputs.npy"), 300))).toMatchInlineSnapshot(
    `"1: <folder>/broken/train/all__inputs.npy is not a whole .npy file: uint8 [24, 25] needs 600 bytes of data, 172 are there — copy or make the file again"`,
  );
  expect(await refusal((dir) => rmSync(join(dir, "test/all__labels.npy")))).toMatchInlineSnapshot(
    `"1: no such file or folder while reading <folder>/broken/test/all__labels.npy — check the path"`,
  );
  expect(await refusal((dir) => rmSync(join(dir, "identifiers.json")))).toMatchInlineSnapshot(
    `"1: no such file or folder while reading <folder>/broken/identifiers.json — check the path"`,
  );
  expect(
    await refusal(edit("train/dataset.json", (text) => text.replace('"seq_len": 25, ', ""))),
  ).toMatchInlineSnapshot(
    `"1: <folder>/broken/train/dataset.json is not the description of a data set: seq_len: missing — build the folder with the reference's builders or with whorl"`,
  );
  expect(
    await refusal(
      edit("train/dataset.json", (text) => text.replace('"total_groups": 6', '"total_groups": 7')),
    ),
  ).toMatchInlineSnapshot(
    `"1: <folder>/broken/train/dataset.json cannot be used: total_groups is 7, but the files have 6 — a data folder has identifiers.json, train/ and test/, each with dataset.json and five all__*.npy files"`,
  );
  expect(
    await refusal((dir) => {
      const file = join(dir, "test/all__labels.npy");
      const bytes = readFileSync(file);
      bytes[bytes.length - 25] = 3;
      writeFileSync(file, bytes);
    }),
  ).toMatch(
    /^1: not a puzzle with its answer: the question has .* — <folder>\/broken\/test, group 6, puzzle 1 — /,
  );
  expect(
    await refusal((dir) => {
      for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
    }),
  ).toMatch(/^1: this folder is no data set that Whorl knows — <folder>\/broken — known are: /);
});

test("nothing but an older data set is replaced", async () => {
  const refusal = async (...words: string[]) => {
    const { error, exitCode } = await data(...pair("maze"), ...words);
    return `${exitCode}: ${tidy(error)}`;
  };
  expect(await refusal("--out", path("sudoku"))).toMatchInlineSnapshot(
    `"1: <folder>/sudoku exists already — choose another name, or add --force to replace the folder"`,
  );
  mkdirSync(path("mine"));
  writeFileSync(path("mine/letter.txt"), "dear");
  expect(await refusal("--out", path("mine"), "--force")).toMatchInlineSnapshot(
    `"1: <folder>/mine holds something else than a data set — --force replaces data sets and empty folders only: choose another name"`,
  );
  expect(readdirSync(path("mine"))).toEqual(["letter.txt"]);
  expect(await refusal("--out", path("maze-train.csv"), "--force")).toMatchInlineSnapshot(
    `"1: <folder>/maze-train.csv is not a folder — give the name of a folder"`,
  );
  expect(await refusal("--out", path("maze-train.csv/below"))).toMatchInlineSnapshot(
    `"1: <folder>/maze-train.csv/below cannot be written: <folder>/maze-train.csv is a file, not a folder — choose another name"`,
  );
  await data(...pair("sudoku"), "--out", path("replaced"));
  expect(await refusal("--out", path("replaced"), "--force")).toBe("0: ");
  expect(array("replaced/train/all__inputs.npy").shape).toEqual([6, 25]);
});

test("wrong usage names the value, and writes nothing", async () => {
  const usage = async (name: string, ...words: string[]) => {
    const { error, exitCode } = await data("export", path(name), "--out", path("never"), ...words);
    return `${exitCode}: ${tidy(error)}`;
  };
  const other = ["--test", path("sudoku-test.csv")];
  expect(await usage("maze-train.csv", ...other)).toMatchInlineSnapshot(
    `"2: not maze as the training puzzles are, but sudoku — <folder>/sudoku-test.csv — name a CSV file of the same family"`,
  );
  expect(await usage("maze-train.csv", "--augmentations", "8")).toMatchInlineSnapshot(
    `"2: --augmentations 8 of maze — there are at most 7"`,
  );
  expect(await usage("maze-train.csv", "--to", "csv")).toMatchInlineSnapshot(
    `"2: <folder>/maze-train.csv is csv already — leave --to out, or write --to reference"`,
  );
  expect(await usage("maze", "--to", "parquet")).toMatchInlineSnapshot(
    `"2: --to takes reference or csv, not 'parquet' — leave --to out, or write --to csv"`,
  );
  expect(await usage("maze", ...other)).toMatchInlineSnapshot(
    `"2: --test is for CSV files: a folder has its own test part — leave it out"`,
  );
  writeFileSync(path("notes.txt"), "dear");
  expect(await usage("notes.txt")).toMatchInlineSnapshot(
    `"1: neither Sudoku nor mazes, in CSV or in the reference's layout — <folder>/notes.txt — ARC is written by \`whorl data build arc\`; \`whorl data inspect\` says what a file is"`,
  );
  expect(existsSync(path("never"))).toBe(false);
});
