import { expect, test } from "vitest";
import { drawBoard } from "./draw.ts";
import { parseBoard } from "./rules.ts";

test("boxes are framed", () => {
  expect(`\n${drawBoard(parseBoard("1.3..2....4.4..1")).join("\n")}`).toMatchInlineSnapshot(`
    "
    ┌─────┬─────┐
    │ 1 · │ 3 · │
    │ · 2 │ · · │
    ├─────┼─────┤
    │ · · │ 4 · │
    │ 4 · │ · 1 │
    └─────┴─────┘"
  `);
  const board = new Uint8Array(36);
  board.set([1, 2, 3, 4, 5, 6]);
  expect(`\n${drawBoard(board, { ascii: true }).join("\n")}`).toMatchInlineSnapshot(`
    "
    +-------+-------+
    | 1 2 3 | 4 5 6 |
    | . . . | . . . |
    +-------+-------+
    | . . . | . . . |
    | . . . | . . . |
    +-------+-------+
    | . . . | . . . |
    | . . . | . . . |
    +-------+-------+"
  `);
});

test("every line of a 9 × 9 board is equally wide", () => {
  const widths = new Set(drawBoard(new Uint8Array(81)).map((line) => line.length));
  expect([...widths]).toEqual([25]);
});

test("cells are dressed one by one, with their number", () => {
  const seen: number[] = [];
  const lines = drawBoard(parseBoard("1.3..2....4.4..1"), {
    style: (text, cell) => {
      seen.push(cell);
      return cell === 5 ? `<${text}>` : text;
    },
  });
  expect(seen).toEqual(Array.from({ length: 16 }, (_, cell) => cell));
  expect(lines[2]).toContain("· <2> │");
});
