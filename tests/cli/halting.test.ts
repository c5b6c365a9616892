// `whorl eval` beyond the trained steps, with and without early stop, by difficulty; and the same put together from
// shards. The model is untrained: what it answers does not matter, that the ways of running it agree does.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { registerEval } from "../../src/cli/eval.ts";
import { registerExport } from "../../src/cli/export.ts";
import { registerMerge } from "../../src/cli/merge.ts";
import type { EvalReport } from "../../src/eval/report.ts";
import { writeSudokuFile } from "../../src/tasks/sudoku/dataset.ts";
import { generateSet } from "../../src/tasks/sudoku/generate.ts";
import { temporaryFolder } from "../temporary-files.ts";
import { writeFakeModel } from "./fake-model.ts";
import { runCommand } from "./run-command.ts";

const PUZZLES = 12;
const folder = temporaryFolder();
const data = join(folder, "puzzles.csv");
let model: string;
beforeAll(async () => {
  model = await writeFakeModel(join(folder, "four"), 4);
  await writeSudokuFile(data, generateSet({ size: 4, clues: 5, seed: 0, count: PUZZLES }));
});

const evaluate = (of: string, ...words: string[]) =>
  runCommand(registerEval, ["eval", of, "--data", data, ...words]);

async function reportOf(of: string, ...words: string[]): Promise<EvalReport> {
  const { stdout, error } = await evaluate(of, "--json", ...words);
  expect(error).toBe("");
  return JSON.parse(stdout);
}

/** Without what differs between any two runs. */
const lasting = ({ checkpoint, secondsPerPuzzle, ...rest }: EvalReport) => rest;

test("accuracy after every step, however many, also of an ONNX file", async () => {
  const report = await reportOf(model, "--limit", "3", "--steps", "64");
  expect(report.bySteps.map(({ step }) => step)).toEqual(Array.from({ length: 64 }, (_, i) => i + 1));
  const few = await reportOf(model, "--limit", "3", "--steps", "3");
  expect(report.bySteps.slice(0, 3)).toEqual(few.bySteps);
  const out = join(folder, "four.onnx");
  const words = ["export", model, "--to", "onnx", "--form", "step", "--out", out];
  expect((await runCommand(registerExport, words)).error).toBe("");
  expect(lasting(await reportOf(out, "--limit", "3", "--steps", "64", "--backend", "reference"))).toEqual(
    lasting(report),
  );
});

test("--halting: what a full run says of early stop is what stopping gives", async () => {
  const both = await reportOf(model, "--halting", "--steps", "20");
  const halted = await reportOf(model, "--halt", "--steps", "20");
  const { halting } = both;
  // Some puzzles stop early and some never, else this shows nothing.
  expect(halting?.asked).toBeGreaterThan(0);
  expect(halting?.asked).toBeLessThan(1);
  expect(both.meanSteps).toBe(20);
  expect(halted.meanSteps).toBe(halting?.meanSteps);
  expect(halted.exactAccuracy).toBe(halting?.exactAccuracy);
  expect(halted.halting?.histogram).toEqual(halting?.histogram);
  expect(halting?.histogram.reduce((sum, puzzles) => sum + puzzles)).toBe(PUZZLES);
  expect(halting?.measured).toMatchObject({
    secondsPerPuzzleAllSteps: both.secondsPerPuzzle,
    exactAccuracy: halted.exactAccuracy,
    timeSaved: expect.closeTo(
      1 - (halting?.measured?.secondsPerPuzzleHalted ?? 0) / both.secondsPerPuzzle,
      12,
    ),
  });
  expect(halted.halting).not.toHaveProperty("measured");
});

test("by difficulty, in the report and as tables", async () => {
  const { byDifficulty } = await reportOf(model);
  const units = new Set(byDifficulty?.map(({ unit }) => unit));
  expect([...units]).toEqual(["guesses", "rounds of singles"]);
  const guesses = byDifficulty?.filter(({ unit }) => unit === "guesses") ?? [];
  expect(guesses.reduce((sum, { puzzles }) => sum + puzzles, 0)).toBe(PUZZLES);
  const { stdout } = await evaluate(model, "--halting");
  expect(stdout).toMatch(/^early stop +after \d\.\d steps \(median [\d.]+\): exact \d/m);
  expect(stdout).toMatch(/^guesses +puzzles +exact +95 % interval +asks to halt +exact then +first right$/m);
  expect(stdout).toMatch(/^rounds of singles +puzzles /m);
  expect(stdout).toMatch(
    /^halting +steps +exact +time a puzzle\nall steps +3\.0 .*\nas the model asks .*\nsaved /m,
  );
  expect(stdout).toMatch(/^stops after step +puzzles$/m);
});

test("shards give the same halting and difficulty as the whole", async () => {
  for (const more of [[], ["--halt"]]) {
    const whole = await reportOf(model, ...more);
    const dir = `${temporaryFolder()}/`;
    for (const shard of ["0/3", "1/3", "2/3"])
      expect((await evaluate(model, ...more, "--shard", shard, "--out", dir)).error).toBe("");
    const files = [0, 1, 2].map((index) => join(dir, `shard-${index}-of-3.npz`));
    const { stdout, error } = await runCommand(registerMerge, ["merge", "--json", ...files]);
    expect(error).toBe("");
    expect(lasting(JSON.parse(stdout))).toEqual(lasting(whole));
    expect(whole.halting?.histogram).toHaveLength(3);
  }
});

test("--halting is not for parts, and says so before anything is read", async () => {
  const refused = async (...words: string[]) => {
    const { error, exitCode } = await runCommand(registerEval, ["eval", "nowhere", "--halting", ...words]);
    return `${exitCode}: ${error}`;
  };
  expect(await refused("--halt")).toMatchInlineSnapshot(
    `"2: --halting runs with and without --halt — leave --halt out"`,
  );
  expect(await refused("--shard", "0/2", "--out", "x.npz")).toMatchInlineSnapshot(
    `"2: --halting measures the time of one machine, a shard is a part of the work of several — leave --shard and --out out; \`whorl merge\` tells the steps that halting saves"`,
  );
});

test("a task of one's own may have a difficulty, and one without is not grouped", async () => {
  const path = join(folder, "lamps.mjs");
  const fields = `family: "lamps", title: "lamps", seqLen: 4, vocabSize: 3,
    encode(p, inputs, labels) { inputs.fill(1); labels.set(p); }, augment: (p) => p,
    score: () => ({ valid: true }), draw: (p) => [String(p)],
    generate: (random) => Array.from({ length: 4 }, () => 1 + random.below(2))`;
  const settings = { task: "module", generate: { train: 1, validation: 0, test: 3, seed: 0 } };
  const run = async (name: string, more: string) => {
    const module = path.replace("lamps", name);
    writeFileSync(module, `export default { ${fields}${more}, key: String }`);
    const made = await writeFakeModel(join(folder, name), { ...settings, module });
    return runCommand(registerEval, ["eval", made, "--json"]);
  };
  const own = await run("own", `, difficulty: [{ unit: "lit", of: (p) => p.filter((x) => x === 2).length }]`);
  expect(JSON.parse(own.stdout).byDifficulty[0]).toMatchObject({ unit: "lit", from: expect.any(Number) });
  expect(JSON.parse((await run("none", "")).stdout)).not.toHaveProperty("byDifficulty");
  expect((await run("bad", `, difficulty: [{ unit: "lit", of: () => NaN }]`)).error).toContain(
    "the difficulty 'lit' of a puzzle is NaN, not a number",
  );
});
