// An ARC model through its life on the command line: trained on made-up tasks, evaluated whole and in shards, asked to
// solve, adapted to new tasks.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { registerAdapt } from "../../src/cli/adapt.ts";
import { registerEval } from "../../src/cli/eval.ts";
import { registerMerge } from "../../src/cli/merge.ts";
import { registerSolve } from "../../src/cli/solve.ts";
import { registerTrain } from "../../src/cli/train.ts";
import { openModel } from "../../src/runs/open-model.ts";
import { madeUpFile, madeUpFolder, madeUpTask } from "./made-up-arc.ts";
import { runCommand } from "./run-command.ts";

const TASKS = 6;
const AUGMENTATIONS = 3;
const folder = mkdtempSync(join(tmpdir(), "whorl-test-"));
const run = join(folder, "run");

const SMALL = [
  ...[
    "model.hiddenSize=16",
    "model.numHeads=2",
    "model.puzzleEmbNdim=16",
    "model.puzzleEmbLen=1",
    "model.layers=1",
  ],
  ...["model.hCycles=1", "model.lCycles=1", "model.haltMaxSteps=2", "model.forwardDtype=float32"],
  ...["train.globalBatchSize=8", "train.steps=30", "train.lrWarmupSteps=0", "train.quickEval.everySteps=0"],
  ...[`data.augmentations=${AUGMENTATIONS}`, "data.side=5", "data.subsets=[made]", "data.testSet=made"],
  "data.without=[]",
];

const FROM = `data.from=${madeUpFolder(TASKS)}`;

async function train(...words: string[]): Promise<void> {
  expect((await runCommand(registerTrain, ["train", ...words])).error).toBe("");
}

beforeAll(() => train("arc1-small", ...SMALL, FROM, "--out", run));

const rowsOfTable = async (path: string) => (await openModel(path)).model.shape.numPuzzleIdentifiers;

test("a training that was stopped goes on to the same bits, puzzle vectors included", async () => {
  const out = join(folder, "stopped");
  // The end is known from the start: the learning rate follows it.
  await train("arc1-small", ...SMALL, FROM, "train.checkpointEverySteps=7", "--out", out);
  rmSync(join(out, "checkpoints/step-30"), { recursive: true });
  await train("--resume", "--out", out);
  const [whole, resumed] = [await openModel(run), await openModel(out)];
  expect(resumed.step).toBe(30);
  expect(resumed.weights.weights).toEqual(whole.weights.weights);
  expect(resumed.weights.table).toEqual(whole.weights.table);
});

test("evaluation votes; shards laid side by side give the same", async () => {
  const whole = await runCommand(registerEval, ["eval", run, "--json", "--batch", "5"]);
  const report = JSON.parse(whole.stdout);
  expect(Object.keys(report.passAt)).toEqual(["1", "2", "5", "10", "100", "1000"]);
  expect(report.puzzles).toBe(TASKS * (1 + AUGMENTATIONS));
  const shards = join(folder, "shards/");
  for (const shard of ["0/3", "2/3", "1/3"]) {
    const words = ["eval", run, "--shard", shard, "--out", shards, "--json"];
    expect(JSON.parse((await runCommand(registerEval, words)).stdout).skipped).toBe(false);
  }
  // A shard that is done is left as it is.
  const again = await runCommand(registerEval, ["eval", run, "--shard", "1/3", "--out", shards, "--json"]);
  expect(JSON.parse(again.stdout)).toMatchObject({ shard: "1/3", skipped: true });
  const files = [0, 1, 2].map((i) => join(shards, `shard-${i}-of-3.npz`));
  const submission = join(folder, "submission.json");
  const merged = await runCommand(registerMerge, ["merge", ...files, "--json", "--submission", submission]);
  const { secondsPerPuzzle: _, ...same } = JSON.parse(merged.stdout);
  expect({ ...report, ...same }).toEqual(report);
  expect(Object.keys(JSON.parse(readFileSync(submission, "utf8"))).length).toBe(TASKS);
});

test("a part is evaluated only with a file to go to", async () => {
  expect((await runCommand(registerEval, ["eval", run, "--shard", "0/2"])).error).toMatchInlineSnapshot(
    `"a shard needs a file to go to — add --out FILE.npz"`,
  );
  expect((await runCommand(registerEval, ["eval", run, "--out", "x.npz"])).error).toMatchInlineSnapshot(
    `"--out is for a shard — add --shard i/n, or leave --out out"`,
  );
});

test("known tasks are solved by voting, others are not guessed at", async () => {
  const known = join(folder, "task2.json");
  const { train, test: tests } = madeUpTask(2);
  writeFileSync(known, JSON.stringify({ train, test: tests }));
  const { stdout, error } = await runCommand(registerSolve, ["solve", run, known, "--json"]);
  expect(error).toBe("");
  const [answer] = JSON.parse(stdout);
  expect(answer.input).toEqual(tests[0].input);
  expect(answer.attempts.length).toBe(2);
  expect(answer.answer).toEqual(answer.attempts[0]);
  expect(typeof answer.solved).toBe("boolean");
  expect([answer.steps.length, answer.haltLogits.length]).toEqual([2, 2]);
  const shown = await runCommand(registerSolve, ["solve", run, known, "--trace"]);
  expect(shown.stdout).toContain("attempt 2");
  const unknown = await runCommand(registerSolve, ["solve", run, madeUpFile(folder, 9)]);
  expect(unknown.error).toMatch(/no task new9.*whorl adapt/);
});

test("adapting grows the table, keeps what was there, and scores only what can be scored", async () => {
  const out = join(folder, "adapted");
  const files = [madeUpFile(folder, 10), madeUpFile(folder, 11), madeUpFile(folder, 12, false)];
  const words = [
    "adapt",
    run,
    ...files,
    "--minutes",
    "1",
    "train.steps=40",
    "--augmentations",
    "3",
    "--out",
    out,
  ];
  const { stdout, error } = await runCommand(registerAdapt, [...words, "--json"]);
  expect(error).toBe("");
  const results = JSON.parse(stdout);
  expect(results.map(({ task }: { task: string }) => task)).toEqual(["new10", "new11", "new12"]);
  expect(
    results
      .slice(0, 2)
      .every(({ solvedAfter }: { solvedAfter: unknown }) => typeof solvedAfter === "boolean"),
  ).toBe(true);
  expect([results[2].solvedBefore, results[2].solvedAfter]).toEqual([null, null]);
  const submission = JSON.parse(readFileSync(join(out, "submission.json"), "utf8"));
  expect(Object.keys(submission).sort()).toEqual(["new10", "new11", "new12"]);

  const before = await openModel(run);
  const after = await openModel(out);
  const known = await rowsOfTable(run);
  expect(await rowsOfTable(out)).toBe(known + 3 * 4);
  expect(after.weights.weights).toEqual(before.weights.weights);
  const size = after.model.puzzleVectorSize;
  expect(after.weights.table.subarray(0, known * size)).toEqual(before.weights.table);
  // All new rows began at the mean and were trained: none is as it began, no two of a task are the same.
  const rows = Array.from({ length: 12 }, (_, i) =>
    after.weights.table.subarray((known + i) * size, (known + i + 1) * size).join(),
  );
  expect(new Set(rows).size).toBe(12);
  const evaluated = await runCommand(registerEval, ["eval", out, "--json"]);
  expect(JSON.parse(evaluated.stdout).puzzles).toBe(12);
});

test("with --all-weights the network learns too", async () => {
  const out = join(folder, "all");
  const words = ["adapt", run, madeUpFile(folder, 13), "--all-weights", "train.steps=3", "--out", out];
  expect((await runCommand(registerAdapt, words)).error).toBe("");
  const [before, after] = [await openModel(run), await openModel(out)];
  expect(after.weights.weights).not.toEqual(before.weights.weights);
});

test("what cannot be adapted is told, and nothing is written", async () => {
  const out = join(folder, "nothing");
  const told = async (...words: string[]) =>
    (await runCommand(registerAdapt, ["adapt", ...words, "--out", out])).error.replaceAll(folder, "DIR");
  const file = madeUpFile(folder, 14);
  expect(await told(run, file, file)).toMatchInlineSnapshot(
    `"task new14 is given twice — DIR/new14.json, DIR/new14.json — name each task once; a file's task is called like the file"`,
  );
  expect(await told(run, file, "--minutes", "0")).toMatchInlineSnapshot(
    `"--minutes takes a number above 0, not '0'"`,
  );
  expect(await told(run, "train.steps=3")).toMatchInlineSnapshot(
    `"which tasks? — name one or several JSON files of ARC tasks"`,
  );
  expect(await told(run, join(folder, "nowhere.json"))).toMatchInlineSnapshot(
    `"no such file or folder while reading DIR/nowhere.json — check the path"`,
  );
  expect(await told(run, file, "train.nonsense=3")).toMatchInlineSnapshot(
    `"unknown setting train.nonsense — \`train.nonsense=3\` on the command line — the nearest is model.loss"`,
  );
  expect(existsSync(out)).toBe(false);
});
