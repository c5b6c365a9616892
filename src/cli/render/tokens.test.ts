import picocolors from "picocolors";
import { expect, test } from "vitest";
import { ToolError } from "../../base/errors.ts";
import { encodeGrid } from "../../tasks/arc/encode.ts";
import { grid } from "../../tasks/arc/testing/tasks.ts";
import { drawTokens } from "./tokens.ts";

const colors = picocolors.createColors(false);
const about = { title: "puzzle 1", where: "train, group 1" };

function arcTokens(row: number, column: number, ...lines: string[]): Int32Array {
  const tokens = new Int32Array(25);
  encodeGrid(grid(...lines), { row, column }, 5, tokens);
  return tokens;
}

test("an ARC pair is found wherever it lies on the canvas, its markers left out", () => {
  const example = {
    ...{ family: "arc" as const, side: 5, ...about },
    inputs: arcTokens(2, 1, "120", "034"),
    labels: arcTokens(2, 1, "5"),
  };
  expect(drawTokens(example, colors)).toEqual([["puzzle 1  2×3 → 1×1", "1 2 0   →   5", "0 3 4"]]);
  const unknown = { ...example, labels: new Int32Array(25).fill(-100) };
  expect(drawTokens(unknown, colors)[0].slice(0, 2)).toEqual(["puzzle 1  2×3 → ?", "1 2 0   →   ?"]);
});

test("Sudoku and mazes: question and answer, or the question alone", () => {
  const row = [2, 3, 4, 5, 4, 5, 2, 3, 3, 2, 5, 4, 5, 4, 3, 2];
  const sudoku = {
    ...{ family: "sudoku" as const, side: 4, ...about },
    inputs: Int32Array.from(row, (token, cell) => (cell % 3 === 0 ? token : 1)),
    labels: Int32Array.from(row),
  };
  const [question, answer] = drawTokens(sudoku, colors);
  expect([question[0], question[2], answer[0], answer[2]]).toEqual([
    ...["puzzle 1", "│ 1 · │ · 4 │"],
    ...["answer", "│ 1 2 │ 3 4 │"],
  ]);
  const maze = {
    ...{ family: "maze" as const, side: 2, ...about },
    inputs: Int32Array.of(3, 1, 2, 4),
    labels: new Int32Array(4).fill(-100),
  };
  expect(drawTokens(maze, colors)).toEqual([["puzzle 1", "+--+", "|S#|", "| G|", "+--+"]]);
  const broken = { ...maze, inputs: Int32Array.of(3, 1, 2, 0) };
  expect(() => drawTokens(broken, colors)).toThrow(ToolError);
});
