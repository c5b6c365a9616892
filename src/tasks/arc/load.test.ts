// Data sets and test sets of ARC as training and evaluation see them; the golden vote through both kinds of test set.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../tests/temporary-files.ts";
import { findData, findGolden } from "../../base/data-folder.ts";
import { ToolError } from "../../base/errors.ts";
import { stream } from "../../base/random/threefry.ts";
import { readNpz } from "../../formats/npz.ts";
import type { Answer, TestSet } from "../dataset.ts";
import { writeReferenceFolder } from "../reference-folder.ts";
import { arcDataSchema } from "./config.ts";
import { gridToJson } from "./grid.ts";
import { buildFrom, loadArc, loadArcTestSet } from "./load.ts";
import { type ArcTask, readArcSubset } from "./read.ts";
import { referenceContent } from "./reference-content.ts";
import { randomGrid } from "./testing/tasks.ts";

const DRAW = { seed: 0, globalBatchSize: 8, evalInterval: 2 };
const folder = temporaryFolder();

/** Grids of many colours, so that no two are alike. */
function madeTask(index: number): ArcTask {
  const random = stream(2, "made-arc-task", index);
  const pair = () => ({ input: randomGrid(random, 3, 4), output: randomGrid(random, 2, 3) });
  return { id: index === 7 ? "12345678" : `task${index}`, train: [pair(), pair()], test: [pair(), pair()] };
}

function writeSubset(name: string, tasks: readonly ArcTask[]): void {
  const json = (tests: boolean) =>
    tasks.map(({ id, train, test: pairs }): [string, unknown] => {
      const inputs = pairs.map(({ input }) => ({ input: gridToJson(input) }));
      const demonstrations = train.map(({ input, output }) => ({
        input: gridToJson(input),
        output: gridToJson(output),
      }));
      if (tests) return [id, pairs.map(({ output }) => output && gridToJson(output))];
      return [id, { train: demonstrations, test: inputs }];
    });
  writeFileSync(
    join(folder, `arc-agi_${name}_challenges.json`),
    JSON.stringify(Object.fromEntries(json(false))),
  );
  writeFileSync(
    join(folder, `arc-agi_${name}_solutions.json`),
    JSON.stringify(Object.fromEntries(json(true))),
  );
}

const made = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => madeTask(from + i));
writeSubset("a", made(0, 6));
writeSubset("b", made(6, 10));

const DATA = arcDataSchema.parse({
  ...{ task: "arc", from: folder, subsets: ["a", "b"], testSet: "b", augmentations: 5, side: 6 },
});

const inReferenceLayout = join(folder, "reference");
beforeAll(() => writeReferenceFolder(inReferenceLayout, referenceContent(buildFrom(DATA))));

/** The answers of a model that knows the labels of all rows but those that `isWrong` names. */
function* answersTo(
  { examples }: TestSet,
  isWrong: (row: number) => boolean = () => false,
): Generator<Answer> {
  const { count, labels } = examples.slice(0, examples.count);
  const seqLen = labels.length / count;
  for (let index = 0; index < count; index++) {
    const tokens = labels.slice(index * seqLen, (index + 1) * seqLen).map((token) => Math.max(0, token));
    if (isWrong(index)) tokens[0] = 2 + ((tokens[0] - 1) % 10);
    yield { index, tokens, haltLogit: 0 };
  }
}

async function refusal(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof ToolError)
      return `${error.exitCode}: ${error.format()}`.replaceAll(folder, "FOLDER");
    throw error;
  }
  return "no error";
}

test("training rows are drawn from all augmentations; the manifest says what of", async () => {
  const dataset = await loadArc(DATA, DRAW);
  // 10 tasks × 6 puzzles, and the blank identifier.
  expect(dataset.shape).toEqual({ seqLen: 36, vocabSize: 12, numPuzzleIdentifiers: 61 });
  expect([dataset.groups, dataset.meanPuzzleExamples]).toEqual([10, (6 * 4 + 4 * 2) / 10]);
  expect([dataset.validation.count, dataset.test.count]).toEqual([0, 4 * 6 * 2]);
  const { manifest } = dataset;
  expect(manifest).toMatchObject({
    ...{ task: "arc 6×6", heldOutInTraining: 0 },
    train: { puzzles: 10 },
    test: { from: "b", puzzles: 4 },
  });
  const into = {
    inputs: new Int32Array(8 * 36),
    labels: new Int32Array(8 * 36),
    identifiers: new Int32Array(8),
  };
  const seen = new Set<number>();
  for (let i = 0; i < 40; i++) {
    dataset.stream.next(into);
    for (const identifier of into.identifiers) seen.add(identifier);
    expect(into.inputs.every((token) => token >= 0 && token < 12)).toBe(true);
    expect(into.labels.includes(0)).toBe(false);
  }
  expect(seen.size).toBeGreaterThan(50);
  expect(Math.min(...seen)).toBeGreaterThan(0);
  expect((await loadArc(DATA, DRAW)).manifest).toEqual(manifest);
});

test("validation shows originals only, and an answer that is also trained on is counted", async () => {
  const held = await loadArc({ ...DATA, validationTasks: 2 }, DRAW);
  expect(held.validation.count).toBe(4);
  expect(held.manifest.validation.puzzles).toBe(2);
  const [first] = made(6, 7);
  writeSubset("leak", [
    { ...madeTask(20), train: first.test.map(({ input, output = input }) => ({ input, output })) },
  ]);
  const leaky = await loadArc({ ...DATA, subsets: ["a", "b", "leak"] }, DRAW);
  expect(leaky.manifest.heldOutInTraining).toBe(2);
});

test("right answers to all views solve everything; the submission has the outputs", async () => {
  const testSet = await loadArcTestSet(DATA, null);
  const { passAt, submission } = testSet.judge(answersTo(testSet));
  expect(passAt).toMatchObject({ 1: 1, 1000: 1 });
  const outputs = made(6, 10).map(({ id, test: pairs }): [string, unknown] => [
    id,
    pairs.map(({ output = pairs[0].input }) => ({
      attempt_1: gridToJson(output),
      attempt_2: gridToJson(output),
    })),
  ]);
  expect(submission).toEqual(Object.fromEntries(outputs));
  expect(testSet.manifest).toEqual((await loadArc(DATA, DRAW)).manifest.test);
});

test("a folder in the reference's layout is judged like the build it was written from", async () => {
  const built = await loadArcTestSet(DATA, null);
  // The second test pair of each task in all views, the first in some.
  const isWrong = (row: number) => row % 2 === 1 || row % 5 === 0;
  const expected = built.judge(answersTo(built, isWrong));
  expect(expected.passAt?.["1"]).toBe(0.5);
  for (const read of [
    await loadArcTestSet(DATA, inReferenceLayout),
    await loadArcTestSet({ ...DATA, folder: inReferenceLayout }, null),
  ]) {
    expect(read.examples.slice(0, 99)).toEqual(built.examples.slice(0, 99));
    expect(read.judge(answersTo(read, isWrong))).toEqual(expected);
  }
  const dataset = await loadArc({ ...DATA, folder: inReferenceLayout }, DRAW);
  expect(dataset.shape).toEqual((await loadArc(DATA, DRAW)).shape);
});

test("a sample of tasks keeps its rows; fewer views keep the first ones", async () => {
  for (const file of [null, inReferenceLayout]) {
    const testSet = await loadArcTestSet({ ...DATA, testViews: 3 }, file);
    expect(testSet.examples.count).toBe(4 * 3 * 2);
    const sample = testSet.sample(stream(0, "x"), 2);
    expect(sample.examples.count).toBe(2 * 3 * 2);
    expect(sample.manifest.from).toContain("2 of ");
    const { passAt, submission } = sample.judge(answersTo(sample));
    expect(passAt?.["1"]).toBe(1);
    expect(Object.keys(submission ?? {}).length).toBe(2);
    expect(testSet.sample(stream(0, "x"), 4)).toBe(testSet);
    // Rows of the sample stand in the whole set in the same order.
    const all = testSet.examples.slice(0, 24);
    const identifiers = [...sample.examples.slice(0, 12).identifiers];
    const among = new Set(identifiers);
    expect([...all.identifiers].filter((identifier) => among.has(identifier))).toEqual(identifiers);
    expect(sample.examples.slice(5, 2).identifiers).toEqual(Int32Array.from(identifiers.slice(5, 7)));
  }
});

test("other tasks of the data set can be asked for, by subset or by file", async () => {
  const training = await loadArcTestSet(DATA, "a");
  expect(training.examples.count).toBe(6 * 6 * 2);
  const path = join(folder, "task7.json");
  const [{ id, train, test: tests }] = readArcSubset(folder, "b");
  const json = (pairs: ArcTask["test"]) =>
    pairs.map(({ input, output }) => ({
      input: gridToJson(input),
      ...(output ? { output: gridToJson(output) } : {}),
    }));
  writeFileSync(path, JSON.stringify({ [id]: { train: json(train), test: json(tests.slice(0, 1)) } }));
  expect((await loadArcTestSet(DATA, path)).examples.count).toBe(6);
  writeFileSync(path, JSON.stringify({ train: json(train), test: json(tests) }));
  const refusals = [
    await refusal(() => loadArcTestSet(DATA, path)),
    await refusal(() => loadArcTestSet(DATA, "nowhere")),
    await refusal(() => loadArcTestSet({ ...DATA, testSet: null }, null)),
    await refusal(() => loadArc({ ...DATA, subsets: ["a", "x"], testSet: null }, DRAW)),
    await refusal(() => loadArc({ ...DATA, folder: "nowhere" }, DRAW)),
  ];
  expect(refusals.map((text) => text.replace(/looked in .*? —/, "looked in … —"))).toMatchInlineSnapshot(`
    [
      "2: the data set has no task task7, so there is no puzzle vector for it — data.subsets, data.maxTasks, data.side — fit the trained model to new tasks with \`whorl adapt\`, or train with them",
      "2: neither a subset nor a file: nowhere — --data — name one of a, b, a file of tasks, or a folder in the reference's layout",
      "2: the run has no test tasks of its own — data.testSet — name a subset or a file of tasks with --data",
      "2: data not found: the ARC subset "x" — looked for FOLDER/arc-agi_x_challenges.json — there are a, b, leak; did you mean "a"?",
      "1: data not found: nowhere — looked in … — put it at <folder>/nowhere and set WHORL_DATA=<folder>",
    ]
  `);
});

test("test inputs without known outputs are answered and not scored", async () => {
  const secret = made(6, 8).map((task) => ({
    ...task,
    test: task.test.map(({ input }) => ({ input, output: undefined })),
  }));
  const elsewhere = { ...DATA, subsets: ["a", "secret"], testSet: "secret" };
  writeSubset("secret", secret);
  writeFileSync(join(folder, "arc-agi_secret_solutions.json"), "{}");
  expect(await refusal(() => loadArcTestSet(elsewhere, null))).toContain("no solution of task");
  const path = join(folder, "arc-agi_secret_challenges.json");
  const challenges = readFileSync(path, "utf8");
  writeFileSync(join(folder, "arc-agi_silent_challenges.json"), challenges);
  const testSet = await loadArcTestSet({ ...DATA, subsets: ["a", "silent"], testSet: "silent" }, null);
  const { count, labels } = testSet.examples.slice(0, 99);
  expect(count).toBe(2 * 6 * 2);
  expect(labels.every((label) => label === -100)).toBe(true);
  const answers = Array.from({ length: count }, (_, index) => ({
    index,
    tokens: new Uint8Array(36).fill(2),
    haltLogit: 0,
  }));
  const { passAt, submission } = testSet.judge(answers);
  expect(passAt).toBeUndefined();
  expect(Object.keys(submission ?? {}).sort()).toEqual(["12345678", "task6"]);
});

const predictions = findGolden("arc/voting-arc1-aug4/predictions.npz");
const expectedPath = findGolden("arc/voting-arc1-aug4/expected.json");
const hasGolden = findData("arc") && predictions && expectedPath;

test.skipIf(!hasGolden)("the recorded predictions score what the reference's evaluator says", async () => {
  const data = arcDataSchema.parse({ task: "arc", augmentations: 4 });
  const testSet = await loadArcTestSet(data, null);
  const arrays = await readNpz(predictions ?? "");
  const array = (name: string) => {
    const found = arrays.get(name)?.data;
    if (!found) throw new Error(`no ${name} among ${[...arrays.keys()]}`);
    return Array.from<number | bigint, number>(found, Number);
  };
  const identifiers = array("puzzle_identifiers");
  const rows = testSet.examples.slice(0, testSet.examples.count);
  expect(Array.from(rows.identifiers)).toEqual(identifiers);
  const [tokens, logits] = [array("preds"), array("q_halt_logits")];
  const answers = identifiers.map((_, index) => ({
    ...{ index, haltLogit: logits[index] },
    tokens: tokens.slice(index * 900, (index + 1) * 900),
  }));
  const { passAt, submission = {} } = testSet.judge(answers);
  const expected = JSON.parse(readFileSync(expectedPath ?? "", "utf8"));
  for (const [count, share] of Object.entries(passAt ?? {}))
    expect(share).toBeCloseTo(expected.results[`ARC/pass@${count}`], 12);
  // JavaScript puts names that look like indices first; here each entry is written by itself.
  const names = Object.keys(submission).sort();
  const text = `{${names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(submission[name])}`).join(",")}}`;
  expect(createHash("sha256").update(text).digest("hex")).toBe(expected.submission_sha256_of_canonical_json);
});
