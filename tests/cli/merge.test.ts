// `whorl merge`: shards become the very report of the whole, judged by rules or by votes.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { registerMerge } from "../../src/cli/merge.ts";
import { type DataConfig, whorlConfigSchema } from "../../src/config/schema.ts";
import { reportOf } from "../../src/eval/report.ts";
import { copyRows, type EvaluationRows, makeRows } from "../../src/eval/rows.ts";
import { shardRange } from "../../src/eval/shard.ts";
import { type ShardWork, writeShard } from "../../src/eval/shard-file.ts";
import { openTestSet } from "../../src/eval/test-set.ts";
import type { ExampleSet, TestSet } from "../../src/tasks/dataset.ts";
import { temporaryFolder } from "../temporary-files.ts";
import { runCommand } from "./run-command.ts";

const STEPS = 2;
const SHARDS = 3;
const about = {
  ...{ checkpoint: "runs/a/checkpoints/step-4", trainedSteps: 4 },
  ...{ backend: "native avx2", format: "float32" as const },
};

/** A model that answers the label where `isRight`, the question elsewhere. */
function rowsOf(examples: ExampleSet, isRight: (index: number) => boolean): EvaluationRows {
  const { inputs, labels } = examples.slice(0, examples.count);
  const cells = inputs.length / examples.count;
  const rows = makeRows(examples.count, STEPS, cells);
  for (let index = 0; index < examples.count; index++) {
    const right = isRight(index);
    const said = right ? labels : inputs;
    for (let cell = index * cells; cell < (index + 1) * cells; cell++)
      rows.predictions[cell] = said[cell] < 0 ? 0 : said[cell];
    rows.index[index] = index;
    rows.exact.fill(right ? 1 : 0, index * STEPS, (index + 1) * STEPS);
    rows.correct.fill(right ? cells : 1, index * STEPS, (index + 1) * STEPS);
    rows.labelled[index] = cells;
    rows.steps[index] = STEPS;
    rows.asked[index] = right ? 1 : 0;
    rows.haltLogits[index] = right ? 1.5 : -0.5;
    rows.lmLoss[index] = 1 / (index + 3);
  }
  return rows;
}

/** The part of the rows that a shard has. */
function partOf(rows: EvaluationRows, start: number, end: number): EvaluationRows {
  const { seqLen } = rows;
  const part = makeRows(end - start, STEPS, seqLen);
  const cut = {
    ...rows,
    index: rows.index.subarray(start, end),
    exact: rows.exact.subarray(start * STEPS, end * STEPS),
    correct: rows.correct.subarray(start * STEPS, end * STEPS),
    labelled: rows.labelled.subarray(start, end),
    steps: rows.steps.subarray(start, end),
    predictions: rows.predictions.subarray(start * seqLen, end * seqLen),
    haltLogits: rows.haltLogits.subarray(start, end),
    asked: rows.asked.subarray(start, end),
    haltRight: rows.haltRight.subarray(start, end),
    lmLoss: rows.lmLoss.subarray(start, end),
  };
  copyRows(cut, part, 0);
  return part;
}

async function writeShards(testSet: TestSet, rows: EvaluationRows, source: ShardWork["source"]) {
  const dir = temporaryFolder();
  const { examples, manifest } = testSet;
  const work: ShardWork = {
    ...{ checkpoint: about.checkpoint, trainedSteps: about.trainedSteps, format: about.format },
    ...{ weightsSha256: "a".repeat(64), supervisionSteps: STEPS, halt: false, examples: examples.count },
    ...{ manifest, source },
  };
  const paths: string[] = [];
  for (let index = 0; index < SHARDS; index++) {
    const { start, end } = shardRange(examples.count, { index, count: SHARDS });
    const meta = { work, shard: { index, count: SHARDS }, backend: about.backend, seconds: 2 };
    paths.push(join(dir, `shard-${index}.npz`));
    await writeShard(paths[index], partOf(rows, start, end), examples, meta);
  }
  return paths;
}

function sudokuData(): DataConfig {
  return whorlConfigSchema.parse({ data: { task: "sudoku", size: 4 } }).data;
}

function writeSudoku(): string {
  const path = join(temporaryFolder(), "puzzles.csv");
  const answers = ["1234341221434321", "3412123443212143", "4321214334121234", "2143432112343412"];
  const rows = answers.map((answer) => `x,${answer.replaceAll(/[12]/g, ".")},${answer},0`);
  writeFileSync(path, `source,question,answer,rating\n${rows.join("\n")}\n`);
  return path;
}

test("rules: the report of the shards is that of the whole", async () => {
  for (const limit of [null, 3]) {
    const source = { data: sudokuData(), file: writeSudoku(), limit };
    const testSet = await openTestSet(source);
    const rows = rowsOf(testSet.examples, (index) => index % 2 === 0);
    const paths = await writeShards(testSet, rows, source);
    const { stdout, error } = await runCommand(registerMerge, ["merge", "--json", ...paths.toReversed()]);
    expect(error).toBe("");
    const { report } = reportOf(rows, testSet, about, 2 * SHARDS);
    expect(report).toMatchObject({ puzzles: limit ?? 4, exactAccuracy: limit ? 2 / 3 : 1 / 2 });
    expect(report.halting).toMatchObject({
      histogram: limit ? [2, 1] : [2, 2],
      exactAccuracy: report.exactAccuracy,
    });
    expect(report.byDifficulty?.map(({ puzzles }) => puzzles)).toContain(limit ?? 4);
    expect(report.invalidRate).toBeCloseTo(limit ? 1 / 3 : 1 / 2, 12);
    expect(stdout).toBe(`${JSON.stringify(report)}\n`);
  }
});

test("a part of the rows is counted and not judged", async () => {
  const testSet = await openTestSet({ data: sudokuData(), file: writeSudoku(), limit: null });
  const rows = rowsOf(testSet.examples, (index) => index === 0);
  const { report, submission } = reportOf(partOf(rows, 0, 2), testSet, about, 1);
  expect(report).toMatchObject({ puzzles: 2, exactAccuracy: 1 / 2 });
  expect(report).not.toHaveProperty("invalidRate");
  expect(submission).toBeUndefined();
});

function arcData(): DataConfig {
  const folder = temporaryFolder();
  const pair = (a: number, b: number) => ({ input: [[a, b, 0]], output: [[b], [a]] });
  const tasks = { aa: [3, 4], "77": [5, 6], bb: [7, 8] };
  const challenges = Object.entries(tasks).map(([id, [a, b]]): [string, unknown] => [
    id,
    { train: [pair(a, b), pair(b, a)], test: [pair(a, a), pair(b, b)] },
  ]);
  const path = join(folder, "arc-agi_small_challenges.json");
  writeFileSync(path, JSON.stringify(Object.fromEntries(challenges)));
  const data = { task: "arc", from: folder, subsets: ["small"], testSet: "small", augmentations: 3, side: 5 };
  return whorlConfigSchema.parse({ data }).data;
}

test("votes: pass@K and the submission are those of the whole", async () => {
  const source = { data: arcData(), file: null, limit: null };
  const testSet = await openTestSet(source);
  // Of each test input two of four views are answered rightly; the others repeat what was asked, turned back the same.
  const rows = rowsOf(testSet.examples, (index) => index % 8 < 4);
  const paths = await writeShards(testSet, rows, source);
  const submission = join(temporaryFolder(), "submission.json");
  const words = ["merge", "--json", "--submission", submission, ...paths];
  const { stdout, error } = await runCommand(registerMerge, words);
  expect(error).toBe("");
  const whole = reportOf(rows, testSet, about, 2 * SHARDS);
  expect(JSON.parse(stdout)).toEqual(whole.report);
  expect(whole.report.passAt).toEqual({ "1": 1, "2": 1, "5": 1, "10": 1, "100": 1, "1000": 1 });
  expect(JSON.parse(readFileSync(submission, "utf8"))).toEqual(whole.submission);
  expect(Object.keys(whole.submission ?? {}).sort()).toEqual(["77", "aa", "bb"]);
});

test("other data than the shards were made of, and a submission that there is none of", async () => {
  const source = { data: sudokuData(), file: writeSudoku(), limit: null };
  const testSet = await openTestSet(source);
  const paths = await writeShards(
    testSet,
    rowsOf(testSet.examples, () => true),
    source,
  );
  const wanted = await runCommand(registerMerge, ["merge", ...paths, "--submission", "nowhere.json"]);
  expect(wanted.stdout).toBe("");
  expect(`${wanted.exitCode}: ${wanted.error}`).toMatchInlineSnapshot(
    `"2: there is no submission: only ARC's votes make one — leave --submission out"`,
  );
  const text = readFileSync(source.file, "utf8");
  writeFileSync(source.file, text.split("\n").slice(0, -2).join("\n").concat("\n"));
  const { error, stdout } = await runCommand(registerMerge, ["merge", ...paths]);
  expect(stdout).toBe("");
  expect(error).toMatch(
    /^the test data are not those that the shards were evaluated on — .*3 examples, .*shards: 4, /,
  );
});
