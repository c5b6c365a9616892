// Whether augmentations are equal, decided by symmetries, against the comparison of all cells.

import { expect, test } from "vitest";
import { makeRandomState } from "../../base/random/mt19937.ts";
import { type ArcAugmentation, drawAugmentation, unpackAugmentation } from "./augment.ts";
import { findSymmetries, makePuzzleKey, plainKey } from "./distinct.ts";
import type { ArcPair, ArcTask } from "./read.ts";
import { grid, tinyTask } from "./testing/tasks.ts";

const ORIGINAL = unpackAugmentation(0);

function pairsOf({ train, test: tests }: ArcTask): ArcPair[] {
  return [...train, ...tests].map(({ input, output = input }) => ({ input, output }));
}

function draws(count: number): ArcAugmentation[] {
  const random = makeRandomState(7);
  return Array.from({ length: count }, () => drawAugmentation(random));
}

/** Which of the augmentations are new, one after the other. */
function firsts(pairs: ArcPair[], key: (change: ArcAugmentation) => unknown): boolean[] {
  const known = new Set([key(ORIGINAL)]);
  return draws(pairs.length > 4 ? 30 : 60).map((change) => known.size < known.add(key(change)).size);
}

test("the same augmentations are new by symmetries as by comparing cells", () => {
  let symmetric = 0;
  let repeated = 0;
  for (let index = 0; index < 100; index++) {
    const pairs = pairsOf(tinyTask(index));
    const byCells = firsts(pairs, (change) => plainKey(pairs, change));
    expect(firsts(pairs, makePuzzleKey(pairs))).toEqual(byCells);
    if ((findSymmetries(pairs)?.length ?? 0) > 1) symmetric++;
    if (byCells.includes(false)) repeated++;
  }
  // Both kinds must occur, or the comparison shows nothing.
  expect(symmetric).toBeGreaterThan(20);
  expect(symmetric).toBeLessThan(90);
  expect(repeated).toBeGreaterThan(30);
});

test("a symmetry may exchange pairs and colours at once", () => {
  const mirrored = [
    { input: grid("12", "00"), output: grid("1") },
    { input: grid("21", "00"), output: grid("2") },
  ];
  // Left-right, 1 for 2 and 2 for 1 maps the first pair onto itself but for the output's colour, and so on.
  const found = findSymmetries(mirrored) ?? [];
  expect(found.map(({ transform, colours }) => `${transform} ${colours.slice(0, 3).join("")}`)).toEqual([
    "0 012",
    "0 021",
  ]);
  expect(findSymmetries([{ input: grid("12"), output: grid("12") }])?.length).toBe(4);
});

test("tasks with very many symmetries are compared cell by cell", () => {
  const colours = Array.from({ length: 9 }, (_, i) => ({
    input: grid(`${i + 1}`),
    output: grid(`${i + 1}`),
  }));
  expect(findSymmetries(colours)).toBeUndefined();
  const key = makePuzzleKey(colours);
  expect(draws(20).every((change) => key(change) === key(ORIGINAL))).toBe(true);
  const blank = Array.from({ length: 12 }, () => ({ input: grid("0"), output: grid("0") }));
  const blankKey = makePuzzleKey(blank);
  expect(draws(20).every((change) => blankKey(change) === blankKey(ORIGINAL))).toBe(true);
});
