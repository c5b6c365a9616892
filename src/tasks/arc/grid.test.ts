import fc from "fast-check";
import { expect, test } from "vitest";
import { told } from "../sudoku/testing/told.ts";
import { DIHEDRAL_INVERSE, dihedral, exchangesSides, gridsEqual, gridToJson, parseGrid } from "./grid.ts";
import { gridHash } from "./grid-hash.ts";
import { anyGrid } from "./testing/arbitrary.ts";
import { grid } from "./testing/tasks.ts";

test("the eight images are those of the reference", () => {
  const images = Array.from({ length: 8 }, (_, t) => gridToJson(dihedral(grid("123", "456"), t)));
  // numpy.rot90 (k = 1, 2, 3), fliplr, flipud, transpose, fliplr of rot90.
  const expected = [
    "123/456",
    "36/25/14",
    "654/321",
    "41/52/63",
    "321/654",
    "456/123",
    "14/25/36",
    "63/52/41",
  ];
  expect(images.map((rows) => rows.map((row) => row.join("")).join("/"))).toEqual(expected);
});

test("the inverse of an image gives the grid back; sides are exchanged where it is said", () => {
  fc.assert(
    fc.property(anyGrid, fc.nat(7), (original, t) => {
      const image = dihedral(original, t);
      expect(gridsEqual(dihedral(image, DIHEDRAL_INVERSE[t]), original)).toBe(true);
      const { rows, cols } = original;
      expect([image.rows, image.cols]).toEqual(exchangesSides(t) ? [cols, rows] : [rows, cols]);
    }),
    { seed: 1 },
  );
});

test("the hash is the reference's, and shape counts", () => {
  expect(gridHash(grid("12", "34"))).toBe("55a5aadc568aa126133b43fba44bdac3e8f8155c961b7c7fedfb8e4b5e0ae094");
  expect(gridHash(grid("1234"))).not.toBe(gridHash(grid("12", "34")));
  expect(gridsEqual(grid("1234"), grid("12", "34"))).toBe(false);
  expect(gridsEqual(grid("12", "34"), grid("12", "35"))).toBe(false);
});

test("grids go to JSON and back", () => {
  fc.assert(
    fc.property(anyGrid, (original) => {
      expect(parseGrid(JSON.parse(JSON.stringify(gridToJson(original))), "x")).toEqual(original);
    }),
    { seed: 1 },
  );
  const largest = Array.from({ length: 30 }, () => Array<number>(30).fill(9));
  expect(parseGrid(largest, "x").cells.length).toBe(900);
});

test("what is no grid is refused with its place", () => {
  const bad: unknown[] = [
    ...[
      [],
      7,
      [[]],
      [[1], []],
      [[1, 2], [3]],
      [[1, 10]],
      [[0], [-1]],
      [[1.5]],
      [["1"]],
      [1],
      [[1], null],
      [[null]],
    ],
    Array.from({ length: 31 }, () => [0]),
    [Array<number>(31).fill(0)],
  ];
  const where = "task 1f0c79e5, train pair 2, output";
  expect(
    bad.map((json) =>
      told(() => parseGrid(json, where))
        .split(" — ", 2)
        .join(" — "),
    ),
  ).toMatchInlineSnapshot(`
    [
      "not an ARC grid: a grid is a list of rows, at least one — task 1f0c79e5, train pair 2, output",
      "not an ARC grid: a grid is a list of rows, at least one — task 1f0c79e5, train pair 2, output",
      "not an ARC grid: an empty row — task 1f0c79e5, train pair 2, output, row 1",
      "not an ARC grid: 0 cells, but 1 in the first row — task 1f0c79e5, train pair 2, output, row 2",
      "not an ARC grid: 1 cells, but 2 in the first row — task 1f0c79e5, train pair 2, output, row 2",
      "not an ARC grid: the colour 10, not a whole number from 0 to 9 — task 1f0c79e5, train pair 2, output, row 1, cell 2",
      "not an ARC grid: the colour -1, not a whole number from 0 to 9 — task 1f0c79e5, train pair 2, output, row 2, cell 1",
      "not an ARC grid: the colour 1.5, not a whole number from 0 to 9 — task 1f0c79e5, train pair 2, output, row 1, cell 1",
      "not an ARC grid: the colour "1", not a whole number from 0 to 9 — task 1f0c79e5, train pair 2, output, row 1, cell 1",
      "not an ARC grid: not a list of cells but 1 — task 1f0c79e5, train pair 2, output, row 1",
      "not an ARC grid: not a list of cells but null — task 1f0c79e5, train pair 2, output, row 2",
      "not an ARC grid: the colour null, not a whole number from 0 to 9 — task 1f0c79e5, train pair 2, output, row 1, cell 1",
      "not an ARC grid: a grid of 31 × 1, larger than 30 × 30 — task 1f0c79e5, train pair 2, output",
      "not an ARC grid: a grid of 1 × 31, larger than 30 × 30 — task 1f0c79e5, train pair 2, output",
    ]
  `);
  expect(told(() => parseGrid([[1, 2, 3]], where, 2))).toMatchInlineSnapshot(
    `"not an ARC grid: a grid of 1 × 3, larger than 2 × 2 — task 1f0c79e5, train pair 2, output — a grid is a list of rows of equal length with whole numbers from 0 to 9"`,
  );
});
