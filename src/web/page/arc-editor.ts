// An ARC grid to be drawn: choose a colour and a size, and press or draw on the grid.

import type { PuzzleKind } from "../../embed/puzzle-form.ts";
import { readArcGrid } from "../../embed/puzzle-form.ts";
import type { Grid as ArcGrid } from "../../tasks/arc/grid.ts";
import { arcCell, COLOURS } from "./cells.ts";
import { type Editor, makeChoice, makeGrid } from "./editor.ts";

const FIRST_SIDE = 5;

export function arcEditor(puzzle: PuzzleKind & { kind: "arc" }, onChange: () => void): Editor {
  const side = puzzle.size;
  let drawn = blackGrid(Math.min(side, FIRST_SIDE), Math.min(side, FIRST_SIDE));
  const colour = makeChoice(
    "Colour",
    COLOURS.map((name, value) => ({
      ...{ name: `${value} ${name}`, text: String(value), value, className: `swatch c${value}` },
    })),
  );
  colour.choose(1);
  const element = document.createElement("div");
  const rows = sizeField("Rows", side, () => resize());
  const columns = sizeField("Columns", side, () => resize());

  const draw = (cell: number, value: number) => {
    drawn = { ...drawn, cells: drawn.cells.with(cell, value) };
    grid.refresh();
    onChange();
  };
  const gridOf = () =>
    makeGrid({
      ...{ puzzle, rows: drawn.rows, columns: drawn.cols },
      label: `Input grid of ${drawn.rows} by ${drawn.cols}, to be drawn`,
      look: (cell) => arcCell(drawn.cells[cell]),
      onKey(cell, key) {
        if (/^\d$/.test(key)) draw(cell, Number(key));
        else if (key === " " || key === "Enter") draw(cell, colour.value());
        else return false;
        return true;
      },
      onDraw: (cell) => draw(cell, colour.value()),
    });
  let grid = gridOf();
  const show = (next: ArcGrid) => {
    drawn = next;
    rows.input.value = String(drawn.rows);
    columns.input.value = String(drawn.cols);
    grid = gridOf();
    element.replaceChildren(grid.element);
  };
  const replace = (next: ArcGrid) => {
    show(next);
    onChange();
  };
  const resize = () => replace(resized(drawn, rows.value(), columns.value()));
  show(drawn);
  return {
    ...{ tools: [colour.element, rows.element, columns.element], element },
    keys: "Press or draw on the grid. Keys: arrows move, 0 to 9 set a colour, Space the chosen one.",
    textHelp: "a line of digits for every row, or JSON",
    text: () => textOf(drawn),
    write: (text) => replace(readArcGrid(text, side)),
    clear: () => replace(blackGrid(drawn.rows, drawn.cols)),
  };
}

function blackGrid(rows: number, cols: number): ArcGrid {
  return { rows, cols, cells: new Uint8Array(rows * cols) };
}

/** The upper left part stays; new cells are black. */
function resized(grid: ArcGrid, rows: number, cols: number): ArcGrid {
  const next = blackGrid(rows, cols);
  for (let row = 0; row < Math.min(rows, grid.rows); row++)
    for (let column = 0; column < Math.min(cols, grid.cols); column++)
      next.cells[row * cols + column] = grid.cells[row * grid.cols + column];
  return next;
}

function textOf({ rows, cols, cells }: ArcGrid): string {
  return Array.from({ length: rows }, (_, row) => cells.subarray(row * cols, (row + 1) * cols).join("")).join(
    "\n",
  );
}

function sizeField(name: string, side: number, onChange: () => void) {
  const element = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "number", min: "1", max: String(side), required: true });
  input.addEventListener("change", onChange);
  element.append(`${name} `, input);
  const value = () => Math.max(1, Math.min(side, Math.round(Number(input.value)) || 1));
  return { element, input, value };
}
