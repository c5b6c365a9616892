import fc from "fast-check";
import { expect, test } from "vitest";
import { findData } from "../../base/data-folder.ts";
import { AUGMENTATION_COUNT, applyAugmentation, unpackAugmentation } from "./augment.ts";
import { gridsEqual } from "./grid.ts";
import { countKnownPairs, pairKey } from "./pair-key.ts";
import { type ArcPair, readArcSubset } from "./read.ts";
import { anyGrid } from "./testing/arbitrary.ts";
import { grid, tinyTask } from "./testing/tasks.ts";

function image({ input, output }: ArcPair, packed: number): ArcPair {
  const change = unpackAugmentation(packed);
  return { input: applyAugmentation(change, input), output: applyAugmentation(change, output) };
}

test("images share a key", () => {
  fc.assert(
    fc.property(anyGrid, anyGrid, fc.nat(AUGMENTATION_COUNT - 1), (input, output, packed) => {
      expect(pairKey(image({ input, output }, packed))).toBe(pairKey({ input, output }));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("equal keys belong to images only", () => {
  const pairs = Array.from({ length: 120 }, (_, i) => tinyTask(i).train[0]).filter(
    ({ input, output }) => Math.max(...input.cells, ...output.cells) < 4,
  );
  /** Colours above 3 do not occur: 8 turns × 6 orders of 1, 2, 3 are all there is. */
  const changes = Array.from({ length: 8 * 6 }, (_, packed) => packed);
  let [equal, different] = [0, 0];
  for (const a of pairs.slice(0, 25)) {
    const images = changes.map((packed) => image(a, packed));
    for (const b of pairs) {
      const isImage = images.some(
        ({ input, output }) => gridsEqual(input, b.input) && gridsEqual(output, b.output),
      );
      expect(pairKey(a) === pairKey(b)).toBe(isImage);
      if (isImage) equal++;
      else different++;
    }
  }
  expect(Math.min(equal, different)).toBeGreaterThan(100);
});

test("black stays black, and input and output count together", () => {
  const key = (input: string, output: string) => pairKey({ input: grid(input), output: grid(output) });
  expect(key("01", "1")).not.toBe(key("10", "0"));
  expect(key("12", "1")).toBe(key("21", "2"));
  expect(key("12", "1")).toBe(key("34", "4")); // mirrored
  expect(key("112", "1")).not.toBe(key("112", "2"));
});

const folder = findData("arc");

test.skipIf(!folder)("ARC-1: one evaluation answer stands in the training data", () => {
  const tasks = ["training", "evaluation", "concept"].map((name) => readArcSubset(folder ?? "", name));
  const [training, evaluation, concept] = tasks;
  const known = [...training, ...concept].flatMap(({ train, test: tests }) => [...train, ...tests]);
  known.push(...evaluation.flatMap(({ train }) => train));
  const heldOut = evaluation.flatMap(({ test: tests }) => tests);
  // One stands there as it is: training task 40853293 contains a test pair of 070dd51e (found independently, spec/trm.md
  // section 17, 13). One is an image of a pair of another task (50a16a69, caa06a1f), seven of a demonstration of their own.
  expect(countKnownPairs(known, heldOut)).toBe(9);
  const [leaked] = evaluation.filter(({ id }) => id === "070dd51e");
  const [source] = training.filter(({ id }) => id === "40853293");
  expect(countKnownPairs(source.test, leaked.test)).toBe(1);
  const secret = evaluation.flatMap(({ test: tests }) =>
    tests.map(({ input }) => ({ input, output: undefined })),
  );
  expect(countKnownPairs(known, secret)).toBe(0);
});
