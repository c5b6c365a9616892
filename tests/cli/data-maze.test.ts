// `whorl data generate maze` and `whorl data inspect` of a maze file, as a user and a script meet them.

import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findData } from "../../src/base/data-folder.ts";
import { registerData } from "../../src/cli/data.ts";
import { canonicalKey } from "../../src/tasks/maze/canonical.ts";
import { labelProblem, readMazeFile } from "../../src/tasks/maze/dataset.ts";
import { type CommandResult, runCommand } from "./run-command.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-data-maze-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function data(...words: string[]): Promise<CommandResult> {
  return runCommand(registerData, ["data", ...words]);
}

function generate(out: string, ...words: string[]): Promise<CommandResult> {
  return data("generate", "maze", "--out", join(folder, out), ...words);
}

function tidy(text: string): string {
  return text.replaceAll(folder, "<folder>").replace(/[0-9a-f]{64}/g, "<sha256>");
}

const small = ["--size", "6", "--min-path", "10", "--seed", "5"];

test("generated mazes are solved by the rule, different, and what the JSON says", async () => {
  const { stdout, stderr } = await generate("new/train.csv", ...small, "--count", "8", "--json");
  const path = join(folder, "new/train.csv");
  const result = JSON.parse(stdout);
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  expect(result).toMatchObject({ path, puzzles: 8, size: 6, minPath: 10, seed: 5, sha256 });
  expect(result.ratings.min).toBeGreaterThanOrEqual(10);
  expect(stderr).toBe("");
  const mazes = readMazeFile(path);
  expect(mazes.map(({ size }) => size)).toEqual(Array(8).fill(6));
  expect(mazes.map(labelProblem)).toEqual(Array(8).fill(undefined));
  const keys = mazes.map(canonicalKey);
  expect(new Set(keys).size).toBe(8);
  await generate("test.csv", ...small, "--count", "8", "--exclude", path);
  const others = readMazeFile(join(folder, "test.csv")).map(canonicalKey);
  expect(others.filter((key) => keys.includes(key))).toEqual([]);
});

test("equal settings give equal files; the least path is usual for the size", async () => {
  const made = async (name: string, seed: string) => {
    const { stdout } = await generate(name, "--size", "5", "--count", "2", "--seed", seed, "--json");
    return JSON.parse(stdout);
  };
  const first = await made("a.csv", "1");
  expect(first.minPath).toBe(15);
  expect((await made("b.csv", "1")).sha256).toBe(first.sha256);
  expect((await made("c.csv", "2")).sha256).not.toBe(first.sha256);
});

test("wrong usage names the value, and writes nothing", async () => {
  const usage = async (...words: string[]) => {
    const { error, exitCode } = await generate("never.csv", "--count", "1", ...words);
    return `${exitCode}: ${tidy(error)}`;
  };
  expect(await usage("--size", "31")).toMatchInlineSnapshot(`"2: --size takes 5 to 30 for mazes, not '31'"`);
  expect(await usage("--size", "6", "--min-path", "99")).toMatchInlineSnapshot(
    `"2: the shortest path of a 6×6 maze cannot have 99 cells or more — minPath — ask for 2 or more; usual for 6×6 are 19"`,
  );
  expect(await usage("--size", "6", "--clues", "3")).toMatchInlineSnapshot(
    `"2: --clues is for Sudoku — leave it out"`,
  );
  await generate("other.csv", "--size", "5", "--min-path", "4", "--count", "1");
  expect(await usage("--size", "6", "--exclude", join(folder, "other.csv"))).toMatchInlineSnapshot(
    `"2: <folder>/other.csv has puzzles of 5 × 5, --size is 6 — exclude only files of the size that is made: others cannot hold the same puzzles"`,
  );
  expect(existsSync(join(folder, "never.csv"))).toBe(false);
  const { error } = await data("generate", "sudoku", ...small, "--count", "1", "--out", "never.csv");
  expect(error).toMatchInlineSnapshot(`"--min-path is for mazes — leave it out"`);
});

const header = "source,question,answer,rating";
/** The row of a maze without walls, S and G in its first row. */
const corridor = `,S   G${" ".repeat(20)},SoooG${" ".repeat(20)},5`;

test("inspect describes a file of mazes and checks its answers", async () => {
  const path = join(folder, "mazes.csv");
  // Two ways of equal length around a wall: the rule goes down first, the second maze's answer does not.
  const question = `S    ${"     ".repeat(3)}    G`;
  const upper = `Soooo${"    o".repeat(3)}    G`;
  writeFileSync(path, `${header}\n${corridor}\n,${question},${upper},9\n`);
  const { stdout } = await data("inspect", path);
  expect(`\n${tidy(stdout)}`).toMatchInlineSnapshot(`
    "
    file     <folder>/mazes.csv
    task     Maze 5 × 5
    mazes    2
    answers  a path each by the file; --check solves them again
    sha256   <sha256>

                min  median  max
    path cells    5       7    9
    walls         0       0    0

    maze 1   answer   augmentation 1  augmentation 2
    +-----+  +-----+  +-----+         +-----+
    |S   G|  |SoooG|  |G    |         |     |
    |     |  |     |  |     |         |     |
    |     |  |     |  |     |         |     |
    |     |  |     |  |     |         |     |
    |     |  |     |  |S    |         |G   S|
    +-----+  +-----+  +-----+         +-----+
    "
  `);
  const checked = await data("inspect", path, "--check", "--show", "0");
  expect(checked.stdout.split("\n").find((line) => line.startsWith("answers"))).toMatchInlineSnapshot(
    `"answers  1 of 2 are not the rule's path (maze 2: the answer runs through (row 1, column 2), the path of the rule does not); no two mazes are images of each other"`,
  );
  const sha256 = createHash("sha256").update(readFileSync(path)).digest("hex");
  expect(JSON.parse((await data("inspect", path, "--check", "--json")).stdout)).toEqual({
    ...{ task: "maze", size: 5, examples: 2, puzzles: 2, groups: 2, identifiers: 1 },
    paths: { min: 5, median: 7, max: 9 },
    walls: { min: 0, median: 0, max: 0 },
    ...{ labelsOfRule: 1, distinct: 2 },
    sha256: { "mazes.csv": sha256 },
  });
});

test("a row that does not fit is refused with its place", async () => {
  const refusal = async (text: string) => {
    writeFileSync(join(folder, "bad.csv"), text);
    const { error, exitCode } = await data("inspect", join(folder, "bad.csv"));
    return `${exitCode}: ${tidy(error)}`;
  };
  expect(await refusal(`${header}\n${corridor}\n${corridor.replace(",5", ",6")}\n`)).toMatchInlineSnapshot(
    `"1: the rating is "6", the answer's path has 5 cells — <folder>/bad.csv:3 — a row is source, question (#, space, S and G, row by row), answer (with o on the path) and the path's cells"`,
  );
  expect(await refusal(`${header}\n,S#  ,S#  ,2\n`)).toMatchInlineSnapshot(
    `"1: there is no G — <folder>/bad.csv:2 — put G, the goal, into exactly one cell"`,
  );
  expect(await refusal(`${header}\n,S#G,S#G,2\n`)).toMatchInlineSnapshot(
    `"1: the maze has 3 cells, which is not a square — <folder>/bad.csv:2 — write all rows in one line, or a line a row; spaces at the ends are cells, . is the same as a space"`,
  );
});

const real = ["train", "test"].map((part) => findData(`maze/maze-30x30-hard-1k-${part}.csv`));

test.skipIf(real.includes(undefined))("all published labels are those of the rule", async () => {
  const summaries = [];
  for (const path of real)
    summaries.push(JSON.parse((await data("inspect", path ?? "", "--check", "--json")).stdout));
  expect(summaries).toMatchObject([
    {
      size: 30,
      puzzles: 1000,
      labelsOfRule: 1000,
      distinct: 1000,
      paths: { min: 110, median: 113, max: 147 },
    },
    { size: 30, puzzles: 786, labelsOfRule: 786, distinct: 786, paths: { min: 110, median: 113, max: 154 } },
  ]);
});
