// `whorl vote` against the reference's evaluator: its pass@K and submission for recorded predictions (golden/arc), and bad files.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findData, findGolden } from "../../src/base/data-folder.ts";
import { registerVote } from "../../src/cli/vote.ts";
import type { NpyArray } from "../../src/formats/npy.ts";
import { encodeNpz } from "../../src/formats/npz.ts";
import { buildArc } from "../../src/tasks/arc/build.ts";
import { gridToJson } from "../../src/tasks/arc/grid.ts";
import { readArcSubset } from "../../src/tasks/arc/read.ts";
import { temporaryFolder } from "../temporary-files.ts";
import { runCommand } from "./run-command.ts";

const golden = findGolden("arc/voting-arc1-aug4");
const hasData = golden !== undefined && findData("arc") !== undefined;

test.skipIf(!hasData)("the recorded predictions give the recorded votes", async () => {
  const expected = JSON.parse(readFileSync(join(golden ?? "", "expected.json"), "utf8"));
  const dataset = temporaryFolder();
  writeGoldenDataset(dataset);
  const submission = join(dataset, "submission.json");
  const predictions = join(golden ?? "", "predictions.npz");
  const words = ["vote", "--dataset", dataset, "--predictions", predictions];
  const { stdout } = await runCommand(registerVote, [...words, "--submission", submission, "--json"]);
  const { passAt, submissionSha256 } = JSON.parse(stdout);
  const named = Object.entries(passAt).map(([count, share]) => [`ARC/pass@${count}`, share]);
  expect(Object.fromEntries(named)).toEqual(expected.results);
  expect(submissionSha256).toBe(expected.submission_sha256_of_canonical_json);
  const written = JSON.parse(readFileSync(submission, "utf8"));
  expect(written).toEqual(JSON.parse(readFileSync(join(golden ?? "", "submission.json"), "utf8")));
  const { stdout: shown } = await runCommand(registerVote, words);
  expect(shown).toMatchInlineSnapshot(`
    "pass@K          1: 69.9 %   2: 73.5 %   5: 81.5 %   10: 81.5 %   100: 81.5 %   1000: 81.5 %   (400 tasks)
    submission      SHA-256 097de61f58b1c2796538c5b8f090e179a4219b8e2f7812a23f7215f17959a259
    "
  `);
});

/** What voting needs of the data set that the predictions are for. */
function writeGoldenDataset(folder: string): void {
  const subsets = ["training", "evaluation", "concept"].map((name) => ({
    name,
    tasks: readArcSubset("arc", name),
  }));
  const build = buildArc({ subsets, testSet: "evaluation", seed: 42, augmentations: 4 });
  const names = Array.from({ length: build.identifierCount }, (_, id) => build.identifierName(id));
  writeFileSync(join(folder, "identifiers.json"), JSON.stringify(names));
  const puzzles = build.testTasks.map(({ id, train, test }): [string, unknown] => {
    const pairs = [train, test].map((part) =>
      part.map(({ input, output }) => ({
        input: gridToJson(input),
        ...(output ? { output: gridToJson(output) } : {}),
      })),
    );
    return [id, { train: pairs[0], test: pairs[1] }];
  });
  writeFileSync(join(folder, "test_puzzles.json"), JSON.stringify(Object.fromEntries(puzzles)));
}

/** A data set of one task, [[1]] → [[2]], with one augmentation that exchanges 1 and 2. */
function writeTinyDataset(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "identifiers.json"), JSON.stringify(["<blank>", "t", "t|||t0|||0213456789"]));
  const pair = { input: [[1]], output: [[2]] };
  writeFileSync(join(folder, "test_puzzles.json"), JSON.stringify({ t: { train: [pair], test: [pair] } }));
  return folder;
}

/** Canvases of 2×2 whose corner holds a colour. */
const corners = (...colours: number[]): NpyArray => ({
  dtype: "uint8",
  shape: [colours.length, 4],
  data: Uint8Array.from(colours.flatMap((colour) => [colour + 2, 1, 1, 0])),
});

function tinyPredictions(): Map<string, NpyArray> {
  return new Map<string, NpyArray>([
    ["puzzle_identifiers", { dtype: "int64", shape: [4], data: BigInt64Array.of(0n, 1n, 2n, 0n) }],
    ["inputs", corners(7, 1, 2, 7)],
    ["preds", corners(9, 2, 1, 9)],
    ["q_halt_logits", { dtype: "float32", shape: [4], data: Float32Array.of(50, 1, 1, 50) }],
  ]);
}

async function voteOn(dataset: string, ...files: ReadonlyMap<string, NpyArray>[]) {
  const paths = files.map((arrays, i) => {
    const path = join(dataset, `predictions-${i}.npz`);
    writeFileSync(path, encodeNpz(arrays));
    return path;
  });
  const words = ["vote", "--dataset", dataset, "--json", "--predictions", ...paths];
  const { stdout, stderr, error, exitCode } = await runCommand(registerVote, words);
  return { stdout, stderr, told: `${exitCode}: ${error.replaceAll(dataset, "DIR")}` };
}

test("blank rows are passed over, wherever they stand", async () => {
  const { stdout, stderr } = await voteOn(writeTinyDataset(), tinyPredictions());
  expect(JSON.parse(stdout).passAt).toMatchObject({ "1": 1, "1000": 1 });
  expect(stderr).toBe("");
});

test("several files are counted together", async () => {
  // Two votes for the right answer in each of two files, three for another in the third.
  const wrong = new Map<string, NpyArray>([
    ["puzzle_identifiers", { dtype: "int32", shape: [3], data: Int32Array.of(1, 1, 1) }],
    ["inputs", corners(1, 1, 1)],
    ["preds", corners(5, 5, 5)],
    ["q_halt_logits", { dtype: "float64", shape: [3], data: Float64Array.of(9, 9, 9) }],
  ]);
  const dataset = writeTinyDataset();
  expect(JSON.parse((await voteOn(dataset, tinyPredictions(), wrong)).stdout).passAt["1"]).toBe(0);
  const both = await voteOn(dataset, tinyPredictions(), wrong, tinyPredictions());
  expect(JSON.parse(both.stdout).passAt["1"]).toBe(1);
});

test("what has no predictions, and predictions of nothing, are told", async () => {
  const stray = tinyPredictions().set("inputs", corners(7, 8, 8, 7));
  const { stdout, stderr } = await voteOn(writeTinyDataset(), stray);
  expect(JSON.parse(stdout).passAt["1000"]).toBe(0);
  expect(stderr).toMatchInlineSnapshot(`
    "warning: test inputs without a prediction, which count as unsolved: t (1)
    warning: 2 of 2 predictions belong to no test input of this data set
    "
  `);
});

test("bad predictions", async () => {
  const dataset = writeTinyDataset();
  const change = async (name: string, array: NpyArray | undefined) => {
    const arrays = tinyPredictions();
    if (array) arrays.set(name, array);
    else arrays.delete(name);
    const { stdout, told } = await voteOn(dataset, arrays);
    expect(stdout).toBe("");
    return told;
  };
  expect(await change("preds", undefined)).toMatchInlineSnapshot(
    `"1: not predictions for this data set: there is no preds, only puzzle_identifiers, inputs, q_halt_logits — DIR/predictions-0.npz — needed are puzzle_identifiers [n], inputs and preds [n, cells] and q_halt_logits [n], of the same data set"`,
  );
  expect(await change("preds", corners(1, 2, 3))).toMatchInlineSnapshot(
    `"1: not predictions for this data set: preds is [3, 4], not [4, cells of a square] — DIR/predictions-0.npz — needed are puzzle_identifiers [n], inputs and preds [n, cells] and q_halt_logits [n], of the same data set"`,
  );
  const ids = { dtype: "int32" as const, shape: [4], data: Int32Array.of(0, 1, 3, 0) };
  expect(await change("puzzle_identifiers", ids)).toMatchInlineSnapshot(
    `"1: not predictions for this data set: row 2 has the identifier 3, the data set has names for 0 to 2 — DIR/predictions-0.npz — needed are puzzle_identifiers [n], inputs and preds [n, cells] and q_halt_logits [n], of the same data set"`,
  );
  const wide = { dtype: "uint8" as const, shape: [4, 9], data: new Uint8Array(36) };
  expect(await change("preds", wide)).toMatchInlineSnapshot(
    `"1: not predictions for this data set: inputs have 4 cells and preds 9 — DIR/predictions-0.npz — needed are puzzle_identifiers [n], inputs and preds [n, cells] and q_halt_logits [n], of the same data set"`,
  );
  const bytes = { dtype: "uint8" as const, shape: [4], data: new Uint8Array(4) };
  expect(await change("q_halt_logits", bytes)).toMatchInlineSnapshot(
    `"1: not predictions for this data set: q_halt_logits holds uint8 values, not floats — DIR/predictions-0.npz — needed are puzzle_identifiers [n], inputs and preds [n, cells] and q_halt_logits [n], of the same data set"`,
  );
  const below = { ...ids, data: Int32Array.of(0, 1, -1, 0) };
  expect(await change("puzzle_identifiers", below)).toContain("row 2 has the identifier -1");
});

test("bad data sets", async () => {
  const dataset = writeTinyDataset();
  writeFileSync(join(dataset, "identifiers.json"), '["<blank>", 3]');
  expect((await voteOn(dataset, tinyPredictions())).told).toMatchInlineSnapshot(
    `"1: DIR/identifiers.json is not a list of names — identifiers.json comes with the data set; its first name is <blank>"`,
  );
  writeFileSync(join(dataset, "identifiers.json"), '["<blank>", "t", "t|||t9|||0"]');
  expect((await voteOn(dataset, tinyPredictions())).told).toMatch(
    /^1: "t\|\|\|t9\|\|\|0" is not the name of a puzzle/,
  );
  const elsewhere = [
    "--dataset",
    join(dataset, "no-such"),
    "--predictions",
    join(dataset, "predictions-0.npz"),
  ];
  const { error } = await runCommand(registerVote, ["vote", ...elsewhere]);
  expect(error).toMatch(
    /^no such file or folder while reading .*no-such\/identifiers.json — check the path$/,
  );
});
