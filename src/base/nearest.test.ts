import fc from "fast-check";
import { expect, test } from "vitest";
import { editDistance, nearestName } from "./nearest.ts";

test("edit distance of known pairs", () => {
  expect(editDistance("kitten", "sitting")).toBe(3);
  expect(editDistance("stpes", "steps")).toBe(1);
  expect(editDistance("", "abc")).toBe(3);
});

test("edit distance is zero for equal words only, symmetric, and at most the longer length", () => {
  const word = fc.string({ maxLength: 12, unit: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      expect(distance === 0).toBe(a === b);
      expect(distance).toBe(editDistance(b, a));
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
    }),
  );
});

test("the nearest name ignores case and underscores, and looks at the last part of a dotted name", () => {
  const keys = ["train.lr", "train.steps", "model.hiddenSize", "model.numHeads"];
  expect(nearestName("train.stpes", keys)).toBe("train.steps");
  expect(nearestName("model.hidden_size", keys)).toBe("model.hiddenSize");
  expect(nearestName("hiddenSize", keys)).toBe("model.hiddenSize");
  expect(nearestName("train.numheads", keys)).toBe("model.numHeads");
  expect(nearestName("anything", [])).toBeUndefined();
});
