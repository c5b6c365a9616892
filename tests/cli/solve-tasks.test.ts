// `whorl solve` with models of other puzzles than Sudoku, untrained: mazes, a module of one's own.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registerSolve } from "../../src/cli/solve.ts";
import { writeFakeModel } from "./fake-model.ts";
import { type CommandResult, runCommand } from "./run-command.ts";

const maze = "S #  " + "# #  " + "# # G" + "# #  " + "     ";

let folder: string;
let mazes: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "whorl-solve-tasks-"));
  mazes = await writeFakeModel(join(folder, "maze"), { task: "maze", size: 5 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function solve(model: string, ...words: string[]): Promise<CommandResult> {
  return runCommand(registerSolve, ["solve", model, ...words]);
}

/** A model of a task that is written down as JavaScript. */
async function moduleModel(name: string, more: string): Promise<string> {
  const module = join(folder, `${name}.mjs`);
  writeFileSync(
    module,
    `export default { family: "own", title: "own 1×4", seqLen: 4, vocabSize: 3,
      encode(puzzle, inputs, labels) { inputs.set(puzzle); labels.fill(-100); },
      augment: (puzzle) => puzzle,
      score: () => ({ valid: true, measures: { half: 0.5 } }),
      draw: (puzzle, answer) => [(answer ?? puzzle).join("")], ${more} };`,
  );
  return writeFakeModel(join(folder, name), { task: "module", module });
}

test("a maze in a line, as a grid, and from a CSV file", async () => {
  const file = join(folder, "mazes.csv");
  writeFileSync(file, `source,question,answer,rating\n,${maze},${maze},10\n`);
  const grid = maze.match(/.{5}/g)?.join("\n") ?? "";
  const { stdout, stderr, exitCode } = await solve(mazes, maze, grid, file, "--json");
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  const results = JSON.parse(stdout);
  expect(results).toHaveLength(3);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
  const [{ input, answer, valid, solvedAtStep, haltLogits, steps, measures }] = results;
  expect(input).toBe(maze);
  expect(answer).toHaveLength(25);
  expect([valid, solvedAtStep]).toEqual([false, null]);
  expect(haltLogits).toHaveLength(3);
  expect(steps).toHaveLength(3);
  expect(steps[2]).toBe(answer);
  expect(Object.keys(measures)).toContain("shortestPath");
});

test("people see the maze and each answer", async () => {
  const { stdout } = await solve(mazes, maze, "--trace", "--steps", "2");
  expect(stdout).toMatch(/^puzzle +step 1, halt \d+\.\d %/);
  expect(stdout).toMatch(
    /not valid: .+\nnever solved in 2 steps; the model is \d+\.\d % sure of its answer\n/,
  );
  const two = await solve(mazes, maze, maze, "--steps", "1");
  expect(two.stdout.split("\n").filter((line) => /of 2/.test(line))).toEqual([
    "1 of 2: puzzle 1",
    "2 of 2: puzzle 2",
    "0 of 2 solved",
  ]);
});

test("mazes that cannot be asked are refused with their place", async () => {
  const refusal = async (text: string) => {
    const file = join(folder, "bad.txt");
    writeFileSync(file, `${maze}\n\n${text}\n`);
    const { error, exitCode, stdout } = await solve(mazes, file);
    expect(stdout).toBe("");
    return `${exitCode}: ${error.replaceAll(folder, "<folder>")}`;
  };
  expect(await refusal(maze.replace("S", " "))).toMatchInlineSnapshot(
    `"1: there is no S — <folder>/bad.txt:3 — put S, the start, into exactly one cell"`,
  );
  expect(await refusal(`S#${maze.slice(2)}`.replace("# #  ", "###  "))).toMatchInlineSnapshot(
    `"1: there is no way from S at (row 1, column 1) to G at (row 3, column 5) — <folder>/bad.txt:3 — moves go up, down, left and right through open cells: open a wall between the two"`,
  );
  expect(await refusal(`S${" ".repeat(34)}G`)).toMatchInlineSnapshot(
    `"1: the maze is 6 × 6, the model solves 5 × 5 — <folder>/bad.txt:3 — take a model trained on 6 × 6, or a maze of 25 cells"`,
  );
});

test("a module's own puzzles", async () => {
  const model = await moduleModel("own", `parse: (text) => Array.from(text, Number)`);
  const { stdout } = await solve(model, "1201", "--json");
  const [result] = JSON.parse(stdout);
  expect(result).toMatchObject({ input: "1 2 0 1", valid: true, solvedAtStep: 1, measures: { half: 0.5 } });
  expect(result.answer).toMatch(/^[012]( [012]){3}$/);
  expect((await solve(model, "1201")).stdout).toMatch(
    /^puzzle +answer\n1201 +[012]{4}\nvalid by the rules\nfirst solved at step 1 of 3; .+\nhalf 50\.0 %\n$/,
  );
  const wrong = await solve(model, "1231");
  expect(wrong).toMatchObject({ stdout: "", exitCode: 1 });
  expect(wrong.error).toContain("encode() wrote 3 into inputs[2]");
});

test("what cannot be solved here is said", async () => {
  const refusal = async (...words: [string, ...string[]]) => {
    const { error, exitCode, stdout } = await solve(...words);
    expect(stdout).toBe("");
    return `${exitCode}: ${error.replaceAll(folder, "<folder>")}`;
  };
  expect(await refusal(await moduleModel("mute", ""), "1201")).toMatchInlineSnapshot(
    `"2: puzzles of own 1×4 cannot be read: the task has no parse() — <folder>/mute.mjs — add parse(text) to the task, see examples/lights-out"`,
  );
  expect(await refusal(mazes, maze, "--svg", join(folder, "maze.svg"))).toMatchInlineSnapshot(
    `"2: --svg draws Sudoku only, and the model solves maze 5×5 — --trace shows the way to the answer in the terminal"`,
  );
});
