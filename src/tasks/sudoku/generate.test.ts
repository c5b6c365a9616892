import { expect, test } from "vitest";
import { stream } from "../../base/random/threefry.ts";
import { canonicalKey } from "./canonical.ts";
import { generateSet, generateSudoku, randomGrid } from "./generate.ts";
import { countGivens, formatBoard, isSolved, type SudokuSize } from "./rules.ts";
import { countSolutions, rate, solve } from "./solve.ts";
import { told } from "./testing/told.ts";

test("a puzzle has the clues asked for, one solution, and that is its answer", () => {
  const settings: [SudokuSize, number, number][] = [
    [4, 5, 60],
    [6, 12, 60],
    [6, 16, 60],
    [9, 26, 25],
    [9, 81, 1],
  ];
  for (const [size, clues, count] of settings) {
    for (let index = 0; index < count; index++) {
      const puzzle = generateSudoku({ size, clues, seed: 3, index });
      expect(countGivens(puzzle.question)).toBe(clues);
      expect(countSolutions(puzzle.question)).toBe(1);
      expect(solve(puzzle.question)).toEqual(puzzle.answer);
      expect(isSolved(puzzle.answer)).toBe(true);
      expect(puzzle.rating).toBe(rate(puzzle.question));
    }
  }
});

test("a puzzle is a function of size, clues, seed and index", () => {
  const make = (clues: number, seed: number, index: number) =>
    formatBoard(generateSudoku({ size: 6, clues, seed, index }).question);
  expect(make(16, 1, 5)).toBe(make(16, 1, 5));
  expect(new Set([make(16, 1, 5), make(15, 1, 5), make(16, 2, 5), make(16, 1, 6)]).size).toBe(4);
  // Presets and held-out sets depend on this board.
  expect(make(16, 0, 0)).toMatchInlineSnapshot(`"..541.3......5...6.3.145..3.64.62..1"`);
});

test("a range of clues is used in full", () => {
  const counts = new Set<number>();
  for (let index = 0; index < 100; index++) {
    counts.add(
      countGivens(generateSudoku({ size: 6, clues: { min: 13, max: 16 }, seed: 1, index }).question),
    );
  }
  expect([...counts].sort()).toEqual([13, 14, 15, 16]);
});

test("all 288 grids of 4 × 4 come up", () => {
  const random = stream(1, "grids");
  const seen = new Set<string>();
  for (let i = 0; i < 6000; i++) seen.add(formatBoard(randomGrid(4, random)));
  expect(seen.size).toBe(288);
});

test("a set holds no two images of one puzzle, and none that is excluded", () => {
  const first = Array.from(generateSet({ size: 4, clues: 6, seed: 1, count: 150 }));
  const keys = new Set(first.map((puzzle) => canonicalKey(puzzle.question)));
  expect(keys.size).toBe(150);
  const second = Array.from(generateSet({ size: 4, clues: 6, seed: 1, count: 150, exclude: keys }));
  const secondKeys = second.map((puzzle) => canonicalKey(puzzle.question));
  expect(new Set(secondKeys).size).toBe(150);
  expect(secondKeys.some((key) => keys.has(key))).toBe(false);
});

test("there are 13 different 4 × 4 puzzles with 4 clues, as is known; asking for more says so", () => {
  expect(Array.from(generateSet({ size: 4, clues: 4, seed: 1, count: 13 })).length).toBe(13);
  expect(
    told(() => Array.from(generateSet({ size: 4, clues: 4, seed: 1, count: 14 }))),
  ).toMatchInlineSnapshot(
    `"only 13 of 14 different 4 × 4 puzzles with 4 clues were found — the last 2000 were all symmetric images of known ones — ask for at most 13, give a range of clues, or take a larger size"`,
  );
});

test("clues that cannot be had are refused, with what can", () => {
  expect(told(() => generateSudoku({ size: 9, clues: 16, seed: 1, index: 0 }))).toMatchInlineSnapshot(
    `"a 9 × 9 puzzle cannot have 16 clues — ask for 17 (no puzzle with fewer has one solution) to 81"`,
  );
  expect(
    told(() => generateSudoku({ size: 6, clues: { min: 20, max: 40 }, seed: 1, index: 0 })),
  ).toMatchInlineSnapshot(
    `"a 6 × 6 puzzle cannot have 20 to 40 clues — ask for 8 (no puzzle with fewer has one solution) to 36"`,
  );
  expect(
    told(() => generateSudoku({ size: 9, clues: 18, seed: 1, index: 0, tries: 5 })),
  ).toMatchInlineSnapshot(
    `"no 9 × 9 puzzle with 18 clues came up in 5 tries — clues=18, seed=1, index=0 — the fewest reached was 22: ask for 22 or more"`,
  );
});
