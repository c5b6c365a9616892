// The build against what the reference's builder writes: recorded hashes of arrays and names. Which augmentations count
// as equal: distinct.test.ts.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { findData, findGolden } from "../../base/data-folder.ts";
import { told } from "../sudoku/testing/told.ts";
import { applyAugmentation } from "./augment.ts";
import { type ArcBuildOptions, buildArc } from "./build.ts";
import { encodeGrid } from "./encode.ts";
import type { ArcPart } from "./part.ts";
import { type ArcTask, readArcSubset } from "./read.ts";
import { grid, tinyTask } from "./testing/tasks.ts";

const folder = findData("arc");
const goldenPath = findGolden("arc/dataset-arc1-aug4-seed42.json");

function build(names: string[], testSet: string, seed: number, augmentations: number) {
  const subsets = names.map((name) => ({ name, tasks: readArcSubset(folder ?? "", name) }));
  return buildArc({ subsets, testSet, seed, augmentations });
}

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

function hashesOf(part: ArcPart) {
  const [inputs, labels] = [createHash("sha256"), createHash("sha256")];
  const [input, label] = [new Uint8Array(part.seqLen), new Uint8Array(part.seqLen)];
  for (let row = 0; row < part.examples; row++) {
    part.writeTokens(row, input, label);
    inputs.update(input);
    labels.update(label);
  }
  const ofIndices = (indices: Int32Array) => sha256(new Uint8Array(indices.buffer));
  return {
    inputs: inputs.digest("hex"),
    labels: labels.digest("hex"),
    puzzle_identifiers: ofIndices(part.puzzleIdentifiers()),
    puzzle_indices: ofIndices(part.puzzleIndices()),
    group_indices: ofIndices(part.groupIndices()),
  };
}

const namesOf = ({ identifierCount, identifierName }: ReturnType<typeof buildArc>) =>
  Array.from({ length: identifierCount }, (_, identifier) => identifierName(identifier));

test.skipIf(!folder || !goldenPath)(
  "ARC-1 with four augmentations is the recorded data set in every array",
  () => {
    const golden = JSON.parse(readFileSync(goldenPath ?? "", "utf8"));
    const built = build(["training", "evaluation", "concept"], "evaluation", 42, 4);
    for (const [split, part] of Object.entries({ train: built.train, test: built.test })) {
      for (const [name, hash] of Object.entries(hashesOf(part)))
        expect([name, hash]).toEqual([
          name,
          golden.arrays[`${split}/all__${name}.npy`].sha256_of_c_order_bytes,
        ]);
      const { total_groups, mean_puzzle_examples, total_puzzles } = golden.json[`${split}/dataset.json`];
      expect([part.groups, part.meanPuzzleExamples, part.puzzles]).toEqual([
        ...[total_groups, mean_puzzle_examples, total_puzzles],
      ]);
    }
    const names = namesOf(built);
    expect(names.length).toBe(golden.identifiers.count);
    expect(sha256(names.join("\n"))).toBe(golden.identifiers.sha256_of_newline_joined);
  },
);

test.skipIf(!folder)("ARC-2, another seed: as the reference's builder wrote it", () => {
  // Recorded from build_arc_dataset.py with seed 7 and num_aug 2.
  const built = build(["training2", "evaluation2", "concept"], "evaluation2", 7, 2);
  expect(sha256(namesOf(built).join("\n"))).toBe(
    "46bf7d3315a4b79266c02ef3e650809d1af5f3fe8812cfabc42358ab20353abd",
  );
  expect(hashesOf(built.train)).toMatchObject({
    inputs: "837da27d31de0c0a37ccc19b5a4bacf45704684604cbaff0fa767e6e8b4042d0",
    labels: "c65cc7d2761b2628a66b98f737196c86f7c42e827208ddde4167d82b78766f80",
  });
});

test.skipIf(!folder)(
  "tasks with too few different augmentations: as the reference's builder wrote it",
  () => {
    // Recorded from build_arc_dataset.py with seed 42 and num_aug 1000; it says 9, 72 and 575 puzzles of three tasks.
    const built = build(["conceptminimal"], "conceptminimal", 42, 1000);
    expect(built.notes).toEqual(["fewer than 1000 different augmentations: 3 of 16 tasks"]);
    const sizes = Array.from({ length: 16 }, (_, group) => built.train.puzzlesIn(group));
    expect(sizes.filter((size) => size < 1001).sort((a, b) => a - b)).toEqual([9, 72, 575]);
    expect(sha256(namesOf(built).join("\n"))).toBe(
      "7e861c3aac8ed015c2c503db32e11adabd6beb7403a9d4006f7d60b3633849cf",
    );
    expect(hashesOf(built.train).inputs).toBe(
      "b19dc6a373e69a390bb5d78a042961279ab1310be4eedae82cb778520a0fca61",
    );
  },
);

const tiny = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => tinyTask(from + i));
const OPTIONS = {
  subsets: [
    { name: "a", tasks: tiny(0, 20) },
    { name: "b", tasks: tiny(20, 30) },
  ],
  ...{ testSet: "b", seed: 1, augmentations: 6 },
} satisfies ArcBuildOptions;

function slotsOf(part: ArcPart) {
  return { inputs: new Int32Array(part.seqLen), labels: new Int32Array(part.seqLen) };
}

test("rows read one by one are those of a slice, and what the reference would write, padding of labels apart", () => {
  const { train, test: heldOut, validation } = buildArc({ ...OPTIONS, validationTasks: 3 });
  for (const part of [train, heldOut, validation]) {
    const all = part.slice(0, part.count + 5);
    expect(all.count).toBe(part.examples);
    const [inputs, labels] = [new Uint8Array(900), new Uint8Array(900)];
    for (let row = 0; row < part.examples; row += 13) {
      const slots = slotsOf(part);
      const sample = part.locate(row);
      expect(part.read(sample, slots)).toBe(all.identifiers[row]);
      expect(slots.inputs.join()).toBe(all.inputs.subarray(row * 900, (row + 1) * 900).join());
      expect(slots.labels.join()).toBe(all.labels.subarray(row * 900, (row + 1) * 900).join());
      part.writeTokens(row, inputs, labels);
      expect(slots.inputs.join()).toBe(inputs.join());
      expect(slots.labels.map((token) => Math.max(0, token)).join()).toBe(labels.join());
      expect(slots.labels.includes(0)).toBe(false);
    }
    expect(part.slice(part.count, 3).count).toBe(0);
  }
});

test("names and identifiers belong together", () => {
  const built = buildArc(OPTIONS);
  const names = namesOf(built);
  expect(new Set(names).size).toBe(built.identifierCount);
  names.forEach((name, identifier) => {
    expect(built.identifierOf(name)).toBe(identifier);
  });
  expect(names[0]).toBe("<blank>");
  expect(built.identifierOf("nobody")).toBeUndefined();
  const [, id] = names;
  expect(built.identifierOf(`${id}|||t0|||0123456789`)).toBeUndefined();
  expect(built.identifierOf(`${id}|||t0|||1023456789`)).toBeUndefined();
});

test("a row of the test part shows the augmented test pair in the corner", () => {
  const built = buildArc(OPTIONS);
  const all = built.test.slice(0, built.test.count);
  let augmented = 0;
  for (let row = 0; row < built.test.count; row++) {
    const { task, testIndex, augmentation } = built.view(row);
    expect(built.testTasks).toContain(task);
    const { input } = task.test[testIndex];
    const expected = new Int32Array(900);
    const shown = augmentation ? applyAugmentation(augmentation, input) : input;
    encodeGrid(shown, { row: 0, column: 0 }, 30, expected);
    expect(all.inputs.subarray(row * 900, (row + 1) * 900).join()).toBe(expected.join());
    if (augmentation) augmented++;
  }
  expect(augmented).toBeGreaterThan(built.test.count / 2);
});

test("fewer views are the first of each group; other tasks of the data set can be asked for", () => {
  const built = buildArc(OPTIONS);
  const few = built.viewsOf(built.testTasks.slice(3, 5), 2);
  expect([few.groups, few.puzzlesIn(0)]).toEqual([2, 2]);
  const start = built.testTasks
    .slice(0, 3)
    .reduce((sum, { test: tests }, g) => sum + tests.length * built.test.puzzlesIn(g), 0);
  expect(few.slice(0, 2 * few.examplesIn(0, 0))).toEqual(built.test.slice(start, 2 * few.examplesIn(0, 0)));
  expect(built.viewsOf(tiny(3, 4), null).groups).toBe(1);
  expect(told(() => built.viewsOf(tiny(40, 41), null))).toMatchInlineSnapshot(
    `"the data set has no task tiny40, so there is no puzzle vector for it — data.subsets, data.maxTasks, data.side — fit the trained model to new tasks with \`whorl adapt\`, or train with them"`,
  );
});

test("a smaller canvas leaves out what does not fit, and offsets stay on it", () => {
  const large: ArcTask = {
    id: "large",
    train: [{ input: grid("1"), output: grid("11111") }],
    test: [{ input: grid("1"), output: undefined }],
  };
  const subsets = [{ name: "a", tasks: [...tiny(0, 20), large] }];
  const { train, notes, tasks } = buildArc({ subsets, testSet: null, seed: 1, augmentations: 4, side: 4 });
  expect(tasks.length).toBe(20);
  expect(notes[0]).toBe("a: 1 of 21 tasks do not fit 4 × 4");
  const { inputs } = train.slice(0, train.count);
  let moved = 0;
  for (let row = 0; row < train.count; row++) {
    const { group, puzzle, example } = train.locate(row);
    const { train: pairs, test: tests, testFirst } = train.taskOf(group);
    const all = testFirst ? [...tests, ...pairs] : [...pairs, ...tests];
    const cells = Array.from(inputs.subarray(row * 16, (row + 1) * 16)).filter((token) => token > 1);
    expect(cells.length).toBe(all[example].input.cells.length); // none fell off
    if (inputs[row * 16] === 0) moved++;
    expect(puzzle).toBeLessThan(5);
  }
  expect(moved).toBeGreaterThan(train.count / 4);
});

test("outputs that are not known are neither trained on nor scored; the reference would take [[0]]", () => {
  const secret: ArcTask = {
    id: "s",
    train: [{ input: grid("1"), output: grid("2") }],
    test: [{ input: grid("3"), output: undefined }],
  };
  const { train, notes } = buildArc({
    subsets: [{ name: "a", tasks: [secret] }],
    testSet: null,
    seed: 1,
    augmentations: 0,
  });
  const { labels } = train.slice(0, 2);
  expect(labels.subarray(0, 900).some((label) => label > 1)).toBe(true);
  expect(labels.subarray(900).every((label) => label === -100)).toBe(true);
  const [input, label] = [new Uint8Array(900), new Uint8Array(900)];
  train.writeTokens(1, input, label);
  expect(label.filter((token) => token > 1)).toEqual(Uint8Array.of(2));
  expect(notes).toMatchInlineSnapshot(`
    [
      "test inputs without outputs: 1 of 1 tasks; they are answered, not trained on and not scored",
    ]
  `);
});

test("validation holds back test pairs of training tasks and changes neither names nor test rows", () => {
  const [plain, held] = [0, 4].map((validationTasks) => buildArc({ ...OPTIONS, validationTasks }));
  expect(namesOf(held)).toEqual(namesOf(plain));
  expect(held.test.fingerprint()).toBe(plain.test.fingerprint());
  expect(held.validation.groups).toBe(4);
  const ids = Array.from({ length: 4 }, (_, group) => held.validation.taskOf(group).id);
  expect(held.testTasks.some(({ id }) => ids.includes(id))).toBe(false);
  const heldBack = held.validation.originalPairs();
  expect(held.train.originalPairs().filter((pair) => heldBack.includes(pair))).toEqual([]);
  expect(held.train.originalPairs().length + heldBack.length).toBe(plain.train.originalPairs().length);
  expect(told(() => buildArc({ ...OPTIONS, validationTasks: 21 }))).toMatchInlineSnapshot(
    `"21 validation tasks, but only 20 training tasks — data.validationTasks — hold back fewer, or name more subsets"`,
  );
});

test("at most so many tasks of each subset are the first of the shuffled ones", () => {
  const few = buildArc({ ...OPTIONS, maxTasks: 3 });
  expect(few.tasks.length).toBe(6);
  expect(few.testTasks.length).toBe(3);
  expect(few.tasks.slice(0, 3)).toEqual(buildArc(OPTIONS).tasks.slice(0, 3));
});

test("fingerprints tell data sets apart", () => {
  const of = (change: Partial<ArcBuildOptions>) => buildArc({ ...OPTIONS, ...change }).train.fingerprint();
  const prints = [of({}), of({ seed: 2 }), of({ augmentations: 5 }), of({ side: 29 }), of({ testSet: "a" })];
  expect(new Set(prints).size).toBe(5);
  expect(of({})).toBe(prints[0]);
});

test("equal names, unknown test sets and empty data sets are refused", () => {
  const refusals: Partial<ArcBuildOptions>[] = [
    { testSet: "c" },
    { subsets: [...OPTIONS.subsets, { name: "c", tasks: tiny(25, 26) }] },
    { subsets: [{ name: "b", tasks: [...tiny(1, 3), ...tiny(2, 3)] }] },
    { subsets: [{ name: "b", tasks: [] }] },
  ];
  expect(refusals.map((change) => told(() => buildArc({ ...OPTIONS, ...change })))).toMatchInlineSnapshot(`
    [
      "the test set "c" is not among the subsets a, b — data.testSet — name one of them, or add it to data.subsets",
      "task tiny25 is in the subsets b and c — data.subsets — leave one of the two out: a task must not be trained on twice, or trained on and tested",
      "task tiny2 is in the subsets b and b — data.subsets — leave one of the two out: a task must not be trained on twice, or trained on and tested",
      "no task is left — data.subsets, data.side 30 — name more subsets, or a larger canvas (30 holds all)",
    ]
  `);
});
