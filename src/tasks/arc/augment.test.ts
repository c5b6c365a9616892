import fc from "fast-check";
import { expect, test } from "vitest";
import { makeRandomState } from "../../base/random/mt19937.ts";
import { told } from "../sudoku/testing/told.ts";
import {
  AUGMENTATION_COUNT,
  applyAugmentation,
  composeTransforms,
  drawAugmentation,
  formatIdentifier,
  invertAugmentation,
  packAugmentation,
  parseIdentifier,
  unpackAugmentation,
} from "./augment.ts";
import { dihedral } from "./grid.ts";
import { anyGrid } from "./testing/arbitrary.ts";
import { grid } from "./testing/tasks.ts";

const anyPacked = fc.nat(AUGMENTATION_COUNT - 1);

test("draws follow the reference: shuffled task lists first, then turn and colours", () => {
  const random = makeRandomState(42);
  random.permutation(400); // as many draws as shuffling the 400 training tasks
  const names = Array.from({ length: 3 }, () => formatIdentifier("8be77c9e", drawAugmentation(random)));
  expect(names).toEqual([
    "8be77c9e|||t7|||0612397845",
    "8be77c9e|||t7|||0821593764",
    "8be77c9e|||t3|||0856249713",
  ]);
});

test("an augmentation replaces colours and turns; the inverse takes it back", () => {
  const { augmentation } = parseIdentifier("x|||t1|||0213456789");
  if (!augmentation) throw new Error("no augmentation");
  expect(applyAugmentation(augmentation, grid("120", "345"))).toEqual(grid("05", "14", "23"));
  fc.assert(
    fc.property(anyGrid, anyPacked, (original, packed) => {
      const change = unpackAugmentation(packed);
      expect(invertAugmentation(change, applyAugmentation(change, original))).toEqual(original);
      expect(change.colours[0]).toBe(0);
    }),
    { seed: 1 },
  );
});

test("packed augmentations are numbers from 0 on, one each", () => {
  expect(unpackAugmentation(0)).toEqual({
    transform: 0,
    colours: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
  });
  fc.assert(
    fc.property(anyPacked, (packed) => {
      expect(packAugmentation(unpackAugmentation(packed))).toBe(packed);
    }),
    { seed: 1, numRuns: 2000, examples: [[0], [AUGMENTATION_COUNT - 1]] },
  );
});

test("two turns after each other are the one that composition says", () => {
  const original = grid("123", "456");
  for (let first = 0; first < 8; first++)
    for (let second = 0; second < 8; second++)
      expect(dihedral(dihedral(original, first), second)).toEqual(
        dihedral(original, composeTransforms(second, first)),
      );
});

test("names of puzzles are read back; the name of a task may be anything without the separator", () => {
  fc.assert(
    fc.property(anyPacked, fc.constantFrom("007bbfb7", "AboveBelow1", "a|b", "t3"), (packed, id) => {
      const augmentation = unpackAugmentation(packed);
      expect(parseIdentifier(formatIdentifier(id, augmentation))).toEqual({ id, augmentation });
    }),
    { seed: 1 },
  );
  expect(parseIdentifier("007bbfb7")).toEqual({ id: "007bbfb7", augmentation: undefined });
  expect(parseIdentifier("a|||b|||t2|||0123456789").id).toBe("a"); // as the reference splits it
  expect(told(() => parseIdentifier("a|||t8|||0123456789"))).toMatchInlineSnapshot(
    `""a|||t8|||0123456789" is not the name of a puzzle — a name is that of a task, or task|||t3|||0123456789: one of eight turns, and the new colour of each"`,
  );
  for (const name of ["a|||t1|||0123456788", "a|||t1|||012345678", "a|||0123456789", "a|||"])
    expect(told(() => parseIdentifier(name))).toContain("is not the name of a puzzle");
});
