// `whorl solve` as a user and a script meet it, with an untrained model: what it answers does not matter here.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registerSolve } from "../../src/cli/solve.ts";
import { parseBoard } from "../../src/tasks/sudoku/rules.ts";
import { writeFakeModel } from "./fake-model.ts";
import { type CommandResult, runCommand } from "./run-command.ts";

const puzzle = "1.3..4....4.4..1";

let folder: string;
let model: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "whorl-solve-"));
  model = await writeFakeModel(join(folder, "four"), 4);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function solve(...words: string[]): Promise<CommandResult> {
  return runCommand(registerSolve, ["solve", model, ...words]);
}

test("--json prints one array on one line and nothing else on stdout", async () => {
  const file = join(folder, "three.txt");
  writeFileSync(file, `${puzzle}\n................\n.234 1... .... ....\n`);
  const { stdout, stderr, exitCode } = await solve(file, "--json");
  expect(exitCode).toBe(0);
  expect(stdout.split("\n")).toHaveLength(2);
  expect(stderr.replaceAll(folder, "<folder>")).toMatchInlineSnapshot(`
    "warning: the puzzle has several solutions — <folder>/three.txt:2
    warning: the puzzle has no solution — <folder>/three.txt:3
    "
  `);
  const results = JSON.parse(stdout);
  expect(results.map(({ input }: { input: string }) => input)).toEqual([
    puzzle,
    "................",
    ".2341...........",
  ]);
  expect(results.map(({ solutions }: { solutions: unknown }) => solutions)).toEqual([1, "several", 0]);
  for (const result of results) {
    expect(Object.keys(result)).toEqual([
      "input",
      "answer",
      "valid",
      "solvedAtStep",
      "haltLogits",
      "steps",
      "solutions",
    ]);
    expect(result.steps).toHaveLength(3);
    expect(result.haltLogits).toHaveLength(3);
    expect(result.answer).toBe(result.steps[2]);
    expect(result.answer).toMatch(/^[1-4.]{16}$/);
    expect([result.valid, result.solvedAtStep]).toEqual([false, null]);
  }
});

test("--steps decides how long it thinks; the first steps stay the same", async () => {
  const [short] = JSON.parse((await solve(puzzle, "--json", "--steps", "2")).stdout);
  const [long] = JSON.parse((await solve(puzzle, "--json", "--steps", "5")).stdout);
  expect(long.steps).toHaveLength(5);
  expect(long.steps.slice(0, 2)).toEqual(short.steps);
  expect(long.haltLogits.slice(0, 2)).toEqual(short.haltLogits);
});

test("people see puzzle and answer; with several puzzles, which is which", async () => {
  const one = await solve(puzzle, "--steps", "1");
  expect(one.stdout.split("\n")).toHaveLength(7 + 3 + 1);
  expect(one.stdout).toMatch(/^puzzle {9}answer\n/);
  expect(one.stdout).toContain("\n│ 1 · │ 3 · │  │ ");
  expect(one.stdout).toMatch(
    /not valid: .+\nnever solved in 1 step; the model is \d+\.\d % sure of its answer\n$/,
  );
  expect(one.stderr).toBe("");
  const two = await solve(puzzle, "................", "--trace");
  const headings = two.stdout.split("\n").filter((line) => /of 2/.test(line));
  expect(headings).toEqual(["1 of 2: puzzle 1", "2 of 2: puzzle 2", "0 of 2 solved"]);
  expect(two.stdout).toMatch(/^puzzle {9}step 1, halt \d+\.\d %/m);
  expect(two.stderr).toBe("warning: the puzzle has several solutions — puzzle 2\n");
});

test("a refused puzzle leaves nothing on stdout, not even the answers of good ones", async () => {
  const file = join(folder, "bad.txt");
  writeFileSync(file, `${puzzle}\n${puzzle}\n.22.............\n`);
  for (const words of [[file], [file, "--json"], [puzzle, file, "--trace"]]) {
    const result = await solve(...words);
    expect(result).toMatchObject({ stdout: "", stderr: "", exitCode: 1 });
    expect(result.error).toContain(`two 2s in row 1, at (row 1, column 2) and (row 1, column 3)`);
    expect(result.error).toContain(`${file}:3`);
  }
});

test("wrong usage names the value", async () => {
  const usage = async (...words: string[]) => {
    const { error, exitCode, stdout } = await solve(...words);
    expect(stdout).toBe("");
    return `${exitCode}: ${error.replaceAll(folder, "<folder>")}`;
  };
  expect(await usage(puzzle, "--steps", "0")).toMatchInlineSnapshot(
    `"2: --steps takes a whole number from 1, not '0' — for instance --steps 2"`,
  );
  expect(await usage(puzzle, "--threads", "two")).toMatchInlineSnapshot(
    `"2: --threads takes a whole number from 1, not 'two' — for instance --threads 2"`,
  );
  const missing = await runCommand(registerSolve, ["solve", join(folder, "nothing"), puzzle]);
  expect(missing.exitCode).toBe(2);
});

test("a model of another size is named together with the puzzle's", async () => {
  const nine = await writeFakeModel(join(folder, "nine"), 9);
  const { error, exitCode } = await runCommand(registerSolve, ["solve", nine, puzzle]);
  expect(exitCode).toBe(1);
  expect(error).toContain("the puzzle is 4 × 4, the model solves 9 × 9");
  const fits = await runCommand(registerSolve, ["solve", nine, `123456789${".".repeat(72)}`, "--json"]);
  expect(parseBoard(JSON.parse(fits.stdout)[0].answer)).toHaveLength(81);
});
