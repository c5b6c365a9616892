// Boards as tables: read aloud cell by cell, and for puzzles under the hand a grid that arrow keys walk.

import type { PuzzleKind } from "../../embed/puzzle-form.ts";
import { geometryOf } from "../../tasks/sudoku/rules.ts";
import type { Board, Cell } from "./cells.ts";

/** An empty table for boards of a kind, with lines between boxes. */
export function makeTable(
  puzzle: PuzzleKind,
  rows: number,
  columns: number,
  label: string,
): HTMLTableElement {
  const table = document.createElement("table");
  table.className = `board ${puzzle.kind}`;
  table.ariaLabel = label;
  table.style.setProperty("--columns", String(columns));
  for (let row = 0; row < rows; row++) {
    const line = table.insertRow();
    for (let column = 0; column < columns; column++) line.insertCell();
  }
  if (puzzle.kind === "sudoku") markBoxes(cellsOf(table), geometryOf(puzzle.size));
  return table;
}

export function cellsOf(table: HTMLTableElement): HTMLTableCellElement[] {
  return Array.from(table.rows).flatMap((row) => Array.from(row.cells));
}

export function answerTable(
  puzzle: PuzzleKind,
  { rows, columns, cells }: Board,
  label: string,
): HTMLTableElement {
  const table = makeTable(puzzle, rows, columns, label);
  cellsOf(table).forEach((element, i) => {
    dress(element, cells[i]);
    // A table is read cell by cell: what a class shows must be said as well.
    element.replaceChildren(cells[i].text, unseen(wordsOf(cells[i])));
  });
  return table;
}

/** The look of a cell, whose other classes stay. */
export function dress(element: HTMLElement, { kind, isGiven, isChanged, isBroken }: Cell): void {
  element.classList.toggle("given", isGiven);
  element.classList.toggle("changed", isChanged);
  element.classList.toggle("broken", isBroken);
  element.classList.remove("wall", "path", "end", ...Array.from({ length: 10 }, (_, colour) => `c${colour}`));
  if (kind !== "") element.classList.add(kind);
}

function wordsOf({ text, says, isGiven, isChanged, isBroken }: Cell): string {
  const words = [isGiven && "given", isChanged && "changed", isBroken && "breaks a rule"].filter(Boolean);
  return [text === says ? "" : says, ...words].filter(Boolean).join(", ");
}

function unseen(text: string): HTMLElement {
  const span = document.createElement("span");
  span.className = "unseen";
  span.textContent = text === "" ? "" : ` ${text}`;
  return span;
}

function markBoxes(
  cells: readonly HTMLElement[],
  { size, boxRows, boxCols }: { size: number; boxRows: number; boxCols: number },
): void {
  cells.forEach((cell, i) => {
    const [row, column] = [Math.floor(i / size) + 1, (i % size) + 1];
    cell.classList.toggle("box-right", column % boxCols === 0 && column < size);
    cell.classList.toggle("box-below", row % boxRows === 0 && row < size);
  });
}
