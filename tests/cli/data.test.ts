// `whorl data generate` and `whorl data inspect` as a user and a script meet them.

import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findData } from "../../src/base/data-folder.ts";
import { registerData } from "../../src/cli/data.ts";
import { canonicalKey } from "../../src/tasks/sudoku/canonical.ts";
import { readSudokuFile } from "../../src/tasks/sudoku/dataset.ts";
import { countGivens } from "../../src/tasks/sudoku/rules.ts";
import { countSolutions } from "../../src/tasks/sudoku/solve.ts";
import { type CommandResult, runCommand } from "./run-command.ts";

const header = "source,question,answer,rating";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-data-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function data(...words: string[]): Promise<CommandResult> {
  return runCommand(registerData, ["data", ...words]);
}

function generate(out: string, ...words: string[]): Promise<CommandResult> {
  return data("generate", "sudoku", "--out", join(folder, out), ...words);
}

function tidy(text: string): string {
  return text.replaceAll(folder, "<folder>").replace(/[0-9a-f]{64}/g, "<sha256>");
}

const small = ["--size", "4", "--count", "12", "--seed", "5"];

test("generated puzzles are proper, different, and what the JSON says", async () => {
  const { stdout, stderr } = await generate("new/train.csv", ...small, "--clues", "5", "--json");
  const path = join(folder, "new/train.csv");
  const result = JSON.parse(stdout);
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  expect(result).toMatchObject({ path, puzzles: 12, size: 4, clues: 5, seed: 5, sha256 });
  expect(result.seconds).toBeGreaterThan(0);
  expect(Object.keys(result.ratings)).toEqual(["min", "median", "max"]);
  expect([stdout.split("\n").length, stderr]).toEqual([2, ""]);
  const questions = readSudokuFile(path).map(({ question }) => question);
  expect(new Set(questions.map(canonicalKey)).size).toBe(12);
  expect(questions.every((question) => countSolutions(question) === 1 && countGivens(question) === 5)).toBe(
    true,
  );
});

test("equal settings give equal files, another seed another one", async () => {
  const sha256 = async (name: string, seed: string) =>
    JSON.parse((await generate(name, "--size", "6", "--count", "3", "--seed", seed, "--json")).stdout).sha256;
  const first = await sha256("a.csv", "1");
  expect(await sha256("b.csv", "1")).toBe(first);
  expect(await sha256("c.csv", "2")).not.toBe(first);
  expect(readSudokuFile(join(folder, "a.csv")).map(({ question }) => countGivens(question))).toEqual([
    16, 16, 16,
  ]);
});

test("excluded puzzles do not come up again in any form", async () => {
  await generate("train.csv", ...small);
  const keys = (name: string) =>
    readSudokuFile(join(folder, name)).map(({ question }) => canonicalKey(question));
  const train = new Set(keys("train.csv"));
  await generate("same.csv", ...small);
  expect(keys("same.csv").every((key) => train.has(key))).toBe(true);
  await generate("test.csv", ...small, "--exclude", join(folder, "train.csv"));
  expect(keys("test.csv").filter((key) => train.has(key))).toEqual([]);
  const { error } = await generate(
    "x.csv",
    "--size",
    "9",
    "--count",
    "1",
    "--exclude",
    join(folder, "train.csv"),
  );
  expect(tidy(error)).toMatchInlineSnapshot(
    `"<folder>/train.csv has puzzles of 4 × 4, --size is 9 — exclude only files of the size that is made: others cannot hold the same puzzles"`,
  );
});

test("a file is replaced only when told so", async () => {
  writeFileSync(join(folder, "mine.csv"), "precious");
  const refused = await generate("mine.csv", ...small);
  expect(`${refused.exitCode}: ${tidy(refused.error)}`).toMatchInlineSnapshot(
    `"1: <folder>/mine.csv exists already — choose another name, or add --force to replace it"`,
  );
  expect(readFileSync(join(folder, "mine.csv"), "utf8")).toBe("precious");
  const { stdout } = await generate("mine.csv", ...small, "--force");
  expect(`\n${tidy(stdout)}`).toMatchInlineSnapshot(`
    "
    written  <folder>/mine.csv
    puzzles  12 Sudoku 4 × 4 with 6 clues, seed 5
    sha256   <sha256>

            min  median  max
    rating    0       0    0
    "
  `);
  expect(readdirSync(folder)).toEqual(["mine.csv"]);
  expect(tidy((await generate(".", ...small, "--force")).error)).toMatchInlineSnapshot(
    `"<folder> is not a file — give the name of a file"`,
  );
});

test("wrong usage names the value, and writes nothing", async () => {
  const usage = async (...words: string[]) => {
    const { error, exitCode } = await generate("never.csv", ...words);
    return `${exitCode}: ${error}`;
  };
  expect(await usage("--size", "5", "--count", "1")).toMatchInlineSnapshot(
    `"2: --size takes 4, 6 or 9, not '5'"`,
  );
  expect(await usage("--size", "4", "--count", "0")).toMatchInlineSnapshot(
    `"2: --count takes a whole number from 1, not '0' — for instance --count 2"`,
  );
  expect(await usage("--size", "4", "--count", "many")).toMatchInlineSnapshot(
    `"2: --count takes a whole number from 1, not 'many' — for instance --count 2"`,
  );
  expect(await usage("--size", "4", "--count", "1", "--seed", "1.5")).toMatchInlineSnapshot(
    `"2: --seed takes a whole number from 0, not '1.5' — for instance --seed 1"`,
  );
  expect(await usage("--size", "9", "--count", "1", "--clues", "16")).toMatchInlineSnapshot(
    `"2: a 9 × 9 puzzle cannot have 16 clues — ask for 17 (no puzzle with fewer has one solution) to 81"`,
  );
  expect(existsSync(join(folder, "never.csv"))).toBe(false);
  const { error, exitCode } = await data("generate", "chess", ...small, "--out", join(folder, "never.csv"));
  expect(`${exitCode}: ${error}`).toMatchInlineSnapshot(
    `"2: there is no generator for 'chess' — known are: sudoku, maze"`,
  );
});

const twoPuzzles = [
  header,
  "mine,1.3..4....4.4..1,1234341221434321,0",
  "mine,12..............,1234341221434321,7",
  "",
].join("\n");

test("inspect describes a file", async () => {
  const path = join(folder, "two.csv");
  writeFileSync(path, twoPuzzles);
  const sha256 = createHash("sha256").update(twoPuzzles).digest("hex");
  expect(JSON.parse((await data("inspect", path, "--json")).stdout)).toEqual({
    task: "sudoku",
    size: 4,
    examples: 2,
    puzzles: 2,
    groups: 2,
    identifiers: 1,
    givens: { min: 2, median: 4, max: 6 },
    ratings: { min: 0, median: 3.5, max: 7 },
    sha256: { "two.csv": sha256 },
  });
  expect(`\n${tidy((await data("inspect", path)).stdout)}`).toMatchInlineSnapshot(`
    "
    file       <folder>/two.csv
    task       Sudoku 4 × 4
    puzzles    2
    solutions  one each by the file; --check makes sure
    sha256     <sha256>

            min  median  max
    givens    2       4    6
    rating    0     3.5    7

    puzzle 1       augmentation 1  augmentation 2
    ┌─────┬─────┐  ┌─────┬─────┐   ┌─────┬─────┐
    │ 1 · │ 3 · │  │ · 2 │ · 1 │   │ 4 · │ · 1 │
    │ · 4 │ · · │  │ · · │ 2 · │   │ · · │ 3 · │
    ├─────┼─────┤  ├─────┼─────┤   ├─────┼─────┤
    │ · · │ 4 · │  │ 2 · │ · 3 │   │ · 1 │ · 3 │
    │ 4 · │ · 1 │  │ · 1 │ · · │   │ 3 · │ · · │
    └─────┴─────┘  └─────┴─────┘   └─────┴─────┘
    "
  `);
  const checked = await data("inspect", path, "--check", "--show", "0");
  expect(`\n${tidy(checked.stdout)}`).toMatchInlineSnapshot(`
    "
    file       <folder>/two.csv
    task       Sudoku 4 × 4
    puzzles    2
    solutions  1 of 2 have several: puzzle 2
    sha256     <sha256>

            min  median  max
    givens    2       4    6
    rating    0     3.5    7
    "
  `);
  const json = JSON.parse((await data("inspect", path, "--check", "--json")).stdout);
  expect(json.uniqueSolutions).toBe(1);
});

test("a name is also looked for in the data folder", async () => {
  writeFileSync(join(folder, "two.csv"), twoPuzzles);
  vi.stubEnv("WHORL_DATA", dirname(folder));
  const { stdout } = await data(
    "inspect",
    join(folder, "two.csv").slice(dirname(folder).length + 1),
    "--json",
  );
  expect(JSON.parse(stdout).puzzles).toBe(2);
});

test("what is no data set is said", async () => {
  const refusal = async (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    const { error, exitCode } = await data("inspect", join(folder, name));
    return `${exitCode}: ${tidy(error)}`;
  };
  expect(await refusal("notes.txt", "hello\n")).toMatchInlineSnapshot(
    `"1: this file is no data set that Whorl knows — <folder>/notes.txt — known are: a Sudoku CSV (header source,question,answer,rating; questions of 16, 36 or 81 digits and dots); a maze CSV (header source,question,answer,rating; questions of #, space, S and G); a folder in the reference's layout (identifiers.json, train/ and test/ with dataset.json and all__*.npy); ARC tasks (a folder with arc-agi_SUBSET_challenges.json, one of those files, or a task's JSON); a configuration"`,
  );
  expect(await refusal("maze.csv", `${header}\n,S #G,SooG,3\n`)).toMatchInlineSnapshot(
    `"1: the question has "#" at (row 2, column 1), the answer "o" — <folder>/maze.csv:2 — a row is source, question (#, space, S and G, row by row), answer (with o on the path) and the path's cells"`,
  );
  expect(await refusal("none.csv", `${header}\n`)).toMatchInlineSnapshot(
    `"1: the file has a header and no puzzles — <folder>/none.csv:2"`,
  );
  expect(await refusal("wrong.csv", `${header}\nx,123,123,0\n`)).toMatchInlineSnapshot(
    `"1: the question has 3 characters — <folder>/wrong.csv:2 — a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating"`,
  );
  expect(tidy((await data("inspect", folder)).error)).toContain(
    "this folder is no data set that Whorl knows",
  );
  expect((await data("inspect", join(folder, "gone.csv"))).error).toContain("data not found");
});

const real = findData("sudoku/sudoku-bench-100.csv");

test.skipIf(real === undefined)("the puzzles of others are read too", async () => {
  const { stdout } = await data("inspect", real ?? "", "--check", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ size: 9, puzzles: 79, uniqueSolutions: 79 });
});
