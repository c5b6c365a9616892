// A Sudoku to be typed: digits by key or, for hands without keys, by the buttons above the board.

import { ToolError } from "../../base/errors.ts";
import type { PuzzleKind } from "../../embed/puzzle-form.ts";
import { conflicts, formatBoard, geometryOf, parseBoard } from "../../tasks/sudoku/rules.ts";
import { sudokuCell } from "./cells.ts";
import { type Editor, makeButton, makeGrid } from "./editor.ts";

export function sudokuEditor(puzzle: PuzzleKind & { kind: "sudoku" }, onChange: () => void): Editor {
  const { size } = puzzle;
  const { cells } = geometryOf(size);
  let board = new Uint8Array(cells);
  let broken = new Set<number>();
  const grid = makeGrid({
    ...{ puzzle, rows: size, columns: size, label: `Sudoku of ${size} by ${size}, to be filled in` },
    look: (cell) => ({
      ...sudokuCell(board[cell]),
      isGiven: board[cell] !== 0,
      isBroken: broken.has(cell),
    }),
    onKey(cell, key) {
      const isErased = ["0", ".", " ", "Backspace", "Delete"].includes(key);
      const digit = isErased ? 0 : /^[1-9]$/.test(key) ? Number(key) : Number.NaN;
      if (!(digit <= size)) return false;
      set(cell, digit);
      return true;
    },
  });
  const replace = (next: Uint8Array<ArrayBuffer>) => {
    board = next;
    broken = new Set(conflicts(board).flatMap((conflict) => conflict.cells));
    grid.refresh();
    onChange();
  };
  const set = (cell: number, digit: number) => replace(board.with(cell, digit));
  const digits = Array.from({ length: size }, (_, i) => i + 1);
  const pad = digits.map((digit) => makeButton(String(digit), () => set(grid.current(), digit)));
  return {
    tools: [...pad, makeButton("Erase", () => set(grid.current(), 0))],
    element: grid.element,
    keys: `Arrow keys move, 1 to ${size} fill a cell in, Delete empties it; a puzzle can be pasted into the board.`,
    textHelp: `${cells} characters, row by row, with . or 0 for an empty cell`,
    text: () => formatBoard(board),
    write(text) {
      const read = parseBoard(text);
      if (read.length !== cells)
        throw new ToolError(`the puzzle has ${read.length} cells, this model solves ${cells}`, {
          code: "solve/size",
        });
      replace(Uint8Array.from(read));
    },
    clear: () => replace(new Uint8Array(cells)),
  };
}
