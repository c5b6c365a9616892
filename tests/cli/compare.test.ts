// `whorl compare` from the outside: the JSON that checks read, the files, what is refused; stopped, killed or shared
// between processes, a comparison ends with the very numbers of one that ran through.

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { registerCompare } from "../../src/cli/compare.ts";
import { registerEval } from "../../src/cli/eval.ts";
import { defineComparison } from "../../src/compare/definition.ts";
import { type RunOptions, runComparison } from "../../src/compare/run.ts";
import type { UnitRecord } from "../../src/compare/unit-record.ts";
import { chooseExecutor } from "../../src/engine/executors/choose.ts";
import { temporaryFolder } from "../temporary-files.ts";
import { runCommand } from "./run-command.ts";
import { runWhorl } from "./run-whorl.ts";

const ENTRIES = ["sudoku-4x4", "sudoku-4x4:model.hCycles=2"];
const SMALL = ["train.globalBatchSize=8", "train.checkpointEverySteps=4", "data.generate.test=20"];
const WORK = ["--steps", "10", "--seeds", "2", "--threads", "1"];

const compare = (...words: string[]) => runCommand(registerCompare, ["compare", ...words]);

/** What must be equal, however the work was cut. */
function resultOf({ training, evalSeconds, finishedAt, ...record }: UnitRecord) {
  const { seconds, ...trained } = training;
  expect(Math.min(seconds, evalSeconds)).toBeGreaterThan(0);
  expect(finishedAt).toMatch(/^\d{4}-/);
  return { ...record, training: trained };
}

function unitsIn(dir: string) {
  const folder = join(dir, "units");
  return readdirSync(folder)
    .sort()
    .map((name) => resultOf(JSON.parse(readFileSync(join(folder, name), "utf8"))));
}

test("one table, one chart, one report; finished work is not done again", async () => {
  const dir = join(temporaryFolder(), "parts");
  const first = await compare(...ENTRIES, ...SMALL, ...WORK, "--out", dir, "--json");
  const result = JSON.parse(first.stdout);
  expect(first.stdout.trim().split("\n")).toHaveLength(1);
  expect(result.map(({ preset, seeds }: Record<string, unknown>) => [preset, seeds])).toEqual([
    ["sudoku-4x4", [0, 1]],
    ["sudoku-4x4 hCycles=2", [0, 1]],
  ]);
  for (const name of ["flops", "exactAccuracy", "spread", "cellAccuracy", "seconds", "haltingSteps"])
    expect(typeof result[0][name], name).toBe("number");
  expect(result[0]).toMatchObject({ from: "sudoku-4x4", steps: 10, effectiveDepth: 3, supervisionSteps: 4 });
  expect(result[0].flops).toBeCloseTo(10 * (453586944 / 4), -1);
  expect(result[1].difference).toMatchObject({ baseline: "sudoku-4x4", verdict: "not judged" });
  for (const name of ["chart.png", "chart.svg", "report.md", "results.json", "comparison.yaml"])
    expect(existsSync(join(dir, name)), name).toBe(true);
  const report = readFileSync(join(dir, "report.md"), "utf8");
  expect(report).toContain(
    JSON.parse(readFileSync(join(dir, "results.json"), "utf8")).units[0].data.testSha256,
  );

  const again = await compare("--out", dir, "--json");
  expect(JSON.parse(again.stdout)).toEqual(result);
  expect(again.stderr).not.toContain("unit 1 of");
  const more = await compare("--out", dir, "--seeds", "3", "--threads", "1");
  expect(more.stderr).toContain("unit 2 of 2: sudoku-4x4 hCycles=2, seed 2");
  expect(more.stdout.split("\n")[0]).toMatch(/^entry +exact accuracy/);
});

test("accuracy is that after all steps, as eval counts it, also of puzzles that asked to halt before", async () => {
  const dir = join(temporaryFolder(), "halting");
  // Halting and continue logit start alike, so that some puzzles ask at once.
  const words = ["sudoku-4x4", "model.noActContinue=false", ...SMALL];
  const { stdout } = await compare(...words, "--steps", "2", "--seeds", "1", "--out", dir, "--json");
  const [{ haltingSteps }] = JSON.parse(stdout);
  expect(haltingSteps).toBeLessThan(4);
  const [unit] = unitsIn(dir);
  const run = join(dir, "runs", "sudoku-4x4", "seed-0");
  const evaluated = async (...options: string[]) =>
    JSON.parse((await runCommand(registerEval, ["eval", run, "--json", ...options])).stdout);
  const { bySteps, cellAccuracy } = await evaluated();
  expect(unit).toMatchObject({ bySteps, cellAccuracy });
  const halted = await evaluated("--halt");
  expect(unit.halting).toEqual({ meanSteps: halted.meanSteps, exactAccuracy: halted.exactAccuracy });
  expect(halted.cellAccuracy).not.toBe(cellAccuracy);
});

test("parts of the work by shards and by entry; the last one writes the report", async () => {
  const [whole, cut] = [join(temporaryFolder(), "whole"), join(temporaryFolder(), "cut")];
  await compare(...ENTRIES, ...SMALL, ...WORK, "--out", whole);
  const words = [...ENTRIES, ...SMALL, ...WORK, "--out", cut];
  const one = await compare(...words, "--shard", "1/4");
  expect(one.stderr).toContain(`1 of 4 units are done; go on with: whorl compare --out ${cut}`);
  await compare(...words, "--only", "sudoku-4x4", "--threads", "2");
  expect(existsSync(join(cut, "report.md"))).toBe(false);
  await compare(...words, "--shard", "3/4");
  expect(existsSync(join(cut, "report.md"))).toBe(true);
  const withoutThreads = (dir: string) =>
    unitsIn(dir).map(({ engine: { threads, ...engine }, ...unit }) => ({ ...unit, engine }));
  expect(withoutThreads(cut)).toEqual(withoutThreads(whole));
});

test("stopped in the middle of a unit, it goes on to the same numbers", async () => {
  const comparison = await defineComparison([...ENTRIES, ...SMALL], { budget: { steps: 10 }, seeds: [0] });
  const run = (dir: string, options: Partial<RunOptions> = {}) =>
    runComparison(comparison, {
      ...{ dir, whorlVersion: "test" },
      engineFor: (engine) => ({ ...engine, threads: 1 }),
      executorFor: async ({ lanes }) => (await chooseExecutor("auto", { threads: 1, lanes })).executor,
      ...options,
    });
  const whole = await run(temporaryFolder());
  const dir = temporaryFolder();
  for (const stopAt of [7, 3]) {
    const controller = new AbortController();
    const stopped = await run(dir, {
      signal: controller.signal,
      onUnit: () => ({ onStep: ({ step }) => void (step % 10 === stopAt && controller.abort()) }),
    });
    expect(stopped.records.length).toBeLessThan(2);
  }
  const resumed = await run(dir);
  expect(resumed.records.map(resultOf)).toEqual(whole.records.map(resultOf));
});

test("killed in the middle of a unit, it goes on to the same numbers", async () => {
  const [whole, killed] = [join(temporaryFolder(), "whole"), join(temporaryFolder(), "killed")];
  const words = [...ENTRIES, ...SMALL, "--steps", "40", "--seeds", "1", "--threads", "1"];
  expect((await compare(...words, "--out", whole)).exitCode).toBe(0);
  const started = join(killed, "runs", "sudoku-4x4-hcycles-2", "seed-0", "checkpoints");
  const { signal } = await runWhorl(["compare", ...words, "--out", killed], {
    onStart: (child) => {
      const timer = setInterval(() => existsSync(started) && child.kill("SIGKILL"), 5);
      child.on("exit", () => clearInterval(timer));
    },
  });
  expect(signal).toBe("SIGKILL");
  expect(existsSync(join(killed, "report.md"))).toBe(false);
  expect((await compare("--out", killed, "--threads", "1")).exitCode).toBe(0);
  expect(unitsIn(killed)).toEqual(unitsIn(whole));
});

describe("what does not belong together is refused", () => {
  const refused = async (...words: string[]) => {
    const { error, exitCode, stdout } = await compare(...words);
    expect(stdout).toBe("");
    return `${exitCode}: ${error.replaceAll(/\S*[/\\](?=parts)/g, "")}`;
  };

  test("other settings than those of the folder", async () => {
    const dir = join(temporaryFolder(), "parts");
    const words = ["sudoku-4x4", ...SMALL, "--steps", "4", "--seeds", "1", "--threads", "1", "--out", dir];
    await compare(...words);
    expect(await refused(...words, "train.lr=0.5")).toMatchInlineSnapshot(
      `"2: train.lr is 0.5 now, and was 0.005 when this was made — parts/units/sudoku-4x4.seed-0.json — choose another --out, give the entry another name, or delete its runs and units"`,
    );
    expect(await refused("--out", dir, "--steps", "5")).toMatchInlineSnapshot(
      `"2: train.steps is 5 now, and was 4 when this was made — parts/units/sudoku-4x4.seed-0.json — choose another --out, give the entry another name, or delete its runs and units"`,
    );
    expect(await refused("--out", dir, "--limit", "5")).toMatchInlineSnapshot(
      `"2: evaluation.limit is 5 now, and was null when this was made — parts/units/sudoku-4x4.seed-0.json — choose another --out, give the entry another name, or delete its runs and units"`,
    );
    const path = join(dir, "units", "sudoku-4x4.seed-0.json");
    writeFileSync(path, readFileSync(path, "utf8").slice(0, 100));
    expect(await refused("--out", dir)).toMatch(/^1: not a unit of a comparison: .*JSON/);
    writeFileSync(path, "{}");
    expect(await refused("--out", dir)).toMatchInlineSnapshot(
      `"1: not a unit of a comparison: format: Invalid input: expected 2 — parts/units/sudoku-4x4.seed-0.json — delete the file: its run is evaluated again, not trained again"`,
    );
  });

  test("a run that was begun with other settings", async () => {
    const dir = join(temporaryFolder(), "parts");
    const words = ["sudoku-4x4", ...SMALL, "--seeds", "1", "--threads", "1", "--out", dir];
    await compare(...words, "--steps", "4");
    const unit = join(dir, "units", "sudoku-4x4.seed-0.json");
    rmSync(unit);
    expect(await refused(...words, "--steps", "6")).toMatchInlineSnapshot(
      `"2: train.steps is 6 now, and was 4 when this was made — parts/runs/sudoku-4x4/seed-0 — choose another --out, give the entry another name, or delete its runs and units"`,
    );
    expect((await compare(...words, "--steps", "4")).exitCode).toBe(0);
    expect(existsSync(unit)).toBe(true);
  });

  test("entries tested on different puzzles, before anything is trained", async () => {
    const dir = join(temporaryFolder(), "parts");
    const words = ["sudoku-4x4", "sudoku-4x4:data.generate.seed=1", "--steps", "4", "--out", dir];
    expect(await refused(...words)).toMatchInlineSnapshot(
      `"2: sudoku-4x4 and sudoku-4x4 seed=1 would be tested on different puzzles: generated: 6 clues, seed 0, and generated: 6 clues, seed 1 — accuracies on different puzzles cannot be compared: give all entries the same held-out puzzles (data.test, data.generate)"`,
    );
    expect(existsSync(dir)).toBe(false);
  });

  test("wrong words", async () => {
    const dir = join(temporaryFolder(), "parts");
    const told = [
      await refused("--out", dir),
      await refused("sudoku-4x4", "--out", dir),
      await refused("sudoku-4x4", "--out", dir, "--steps", "5", "--flops", "1e9"),
      await refused("sudoku-4x4", "--out", dir, "--flops", "many"),
      await refused("sudoku-4x4", "--out", dir, "--steps", "0"),
      await refused("sudoku-4x4", "--out", dir, "--steps", "5", "--seeds", "0,a"),
      await refused("sudoku-4x4", "--out", dir, "--steps", "5", "--only", "sudoku"),
      await refused("sudoku-4x4", "--out", dir, "--steps", "5", "--shard", "0/9"),
    ];
    expect(`\n${told.join("\n")}\n`).toMatchInlineSnapshot(`
      "
      2: which presets or comparison file? — parts holds no comparison to go on with — for instance \`whorl compare sudoku-6x6 sudoku-6x6:model.layers=2 --flops 6e12 --out runs/layers\`
      2: no budget: the runs are to be equal in what? — the command line — add --flops 6e12, --steps 500 or --minutes 5 (in a file: budget: {flops: 6e12})
      2: --flops and --steps are two budgets — the runs can be equal in one of them: keep one
      2: --flops takes a number above 0, not 'many'
      2: --steps takes a whole number from 1, not '0' — for instance --steps 2
      2: --seeds takes whole numbers from 0 with commas between, not '0,a' — for instance --seeds 3 or --seeds 0,1,2
      2: no entry is called sudoku — there are sudoku-4x4
      2: --shard 0/9 of 3 units leaves some parts empty — give at most 3 parts
      "
    `);
    expect(existsSync(dir)).toBe(false);
  });
});

test("within a time, the learning rate stays and the report says so", async () => {
  const dir = join(temporaryFolder(), "parts");
  const { exitCode } = await compare(
    "sudoku-4x4",
    ...SMALL,
    "--minutes",
    "0.02",
    "--seeds",
    "1",
    "--out",
    dir,
  );
  expect(exitCode).toBe(0);
  expect(readFileSync(join(dir, "report.md"), "utf8")).toContain("every learning rate stayed constant");
});
