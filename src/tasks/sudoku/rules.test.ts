import { expect, test } from "vitest";
import {
  checkNoConflicts,
  conflicts,
  formatBoard,
  geometryOf,
  isSolved,
  parseBoard,
  type SudokuSize,
} from "./rules.ts";
import { told } from "./testing/told.ts";

const SOLVED_6 = "123456456123231564564231312645645312";

test("geometry: units, boxes and peers of the three sizes", () => {
  const sizes: SudokuSize[] = [4, 6, 9];
  for (const size of sizes) {
    const { units, peers, boxRows, boxCols, bands, stacks, cells, boxOf } = geometryOf(size);
    expect([units.length, bands * boxRows, stacks * boxCols]).toEqual([3 * size, size, size]);
    const covered = new Uint8Array(cells);
    for (const unit of units) for (const cell of unit) covered[cell]++;
    expect(covered.every((count) => count === 3)).toBe(true);
    expect(peers.every((list) => list.length === 2 * (size - 1) + (boxRows - 1) * (boxCols - 1))).toBe(true);
    for (let box = 0; box < size; box++) {
      expect(Array.from(boxOf).filter((other) => other === box).length).toBe(size);
    }
  }
  // Boxes of 6 × 6 are two rows high and three columns wide.
  expect(Array.from(geometryOf(6).units[12 + 1])).toEqual([3, 4, 5, 9, 10, 11]);
  expect(Array.from(geometryOf(6).units[12 + 2])).toEqual([12, 13, 14, 18, 19, 20]);
});

test("a puzzle is read from one line or from a decorated grid", () => {
  const expected = "1.3..2....4.4..1";
  expect(formatBoard(parseBoard("1.3..2....4.4..1"))).toBe(expected);
  expect(formatBoard(parseBoard("1030020000404001"))).toBe(expected);
  expect(formatBoard(parseBoard("1 . | 3 .\r\n. 2 | . .\r\n----+----\r\n. . | 4 .\n4 . | . 1\n"))).toBe(
    expected,
  );
  expect(formatBoard(parseBoard("\n1.3..2..\n..4.4..1\n"))).toBe(expected);
});

test("what cannot be a puzzle is refused with its place", () => {
  expect(told(() => parseBoard("1.3."))).toMatchInlineSnapshot(
    `"the puzzle has 4 cells — a Sudoku has 16 (4 × 4), 36 (6 × 6) or 81 (9 × 9) cells, with . or 0 for an empty one"`,
  );
  expect(told(() => parseBoard(""))).toMatchInlineSnapshot(
    `"the puzzle has 0 cells — a Sudoku has 16 (4 × 4), 36 (6 × 6) or 81 (9 × 9) cells, with . or 0 for an empty one"`,
  );
  expect(told(() => parseBoard("1.3..2x...4.4..1", "argument 2"))).toMatchInlineSnapshot(
    `""x" at (row 2, column 3) is neither a digit nor an empty cell — argument 2 — use 1 to 4, and . or 0 for an empty cell"`,
  );
  expect(told(() => parseBoard("1.3..2....4.4..7"))).toMatchInlineSnapshot(
    `"7 at (row 4, column 4) is too large for a 4 × 4 puzzle — use 1 to 4, and . or 0 for an empty cell"`,
  );
  expect(told(() => parseBoard("1.3\n..2..\n..4.\n4..1"))).toMatchInlineSnapshot(
    `"row 1 has 3 cells, not 4 — write every row with all its cells, . or 0 for an empty one"`,
  );
});

test("conflicts name unit, digit and every cell", () => {
  const board = parseBoard("11........1.....");
  expect(conflicts(board)).toEqual([
    { unit: "row", index: 0, digit: 1, cells: [0, 1] },
    { unit: "box", index: 0, digit: 1, cells: [0, 1] },
  ]);
  expect(told(() => checkNoConflicts(board, "argument 2"))).toMatchInlineSnapshot(
    `"the givens contradict each other: two 1s in row 1, at (row 1, column 1) and (row 1, column 2) (and 1 more conflict) — argument 2 — check the puzzle for a mistyped digit"`,
  );
  const column = parseBoard(`2${".".repeat(17)}2${".".repeat(17)}`);
  expect(conflicts(column)).toEqual([{ unit: "column", index: 0, digit: 2, cells: [0, 18] }]);
  expect(told(() => checkNoConflicts(column))).toMatchInlineSnapshot(
    `"the givens contradict each other: two 2s in column 1, at (row 1, column 1) and (row 4, column 1) — check the puzzle for a mistyped digit"`,
  );
  expect(told(() => checkNoConflicts(parseBoard("1.3..2....4.4..1")))).toBe("no error");
});

test("solved means full and without conflict", () => {
  expect(isSolved(parseBoard(SOLVED_6))).toBe(true);
  expect(isSolved(parseBoard(`.${SOLVED_6.slice(1)}`))).toBe(false);
  expect(isSolved(parseBoard(`2${SOLVED_6.slice(1)}`))).toBe(false);
  // A Latin square whose boxes repeat digits is not solved.
  expect(isSolved(parseBoard("1234234134124123"))).toBe(false);
});
