// What a puzzle is typed or drawn into, whatever its kind: a grid of cells with one of them current. Arrow keys, Home
// and End walk; the other keys, and pointers that press or draw, are the kind's own.

import type { PuzzleKind } from "../../embed/puzzle-form.ts";
import { cellsOf, dress, makeTable } from "./board.ts";
import type { Cell } from "./cells.ts";

export interface Editor {
  /** Buttons and fields above the grid. */
  readonly tools: readonly HTMLElement[];
  readonly element: HTMLElement;
  /** What keys do, for people. */
  readonly keys: string;
  /** What text the puzzle can be given as, for people. */
  readonly textHelp: string;
  /** The puzzle as the solver reads it. */
  text(): string;
  /** @throws ToolError for text that cannot be such a puzzle; nothing is changed then */
  write(text: string): void;
  clear(): void;
}

export interface GridOptions {
  readonly puzzle: PuzzleKind;
  readonly rows: number;
  readonly columns: number;
  readonly label: string;
  look(cell: number): Pick<Cell, "text" | "says" | "kind"> & Partial<Cell>;
  /** Whether the key meant something. */
  onKey(cell: number, key: string): boolean;
  /** A pointer pressed on the cell, or was drawn into it. */
  onDraw?(cell: number): void;
}

export interface Grid {
  readonly element: HTMLTableElement;
  /** The cell that tools work on. */
  current(): number;
  /** Draws all cells anew. */
  refresh(): void;
}

export function makeGrid(options: GridOptions): Grid {
  const { rows, columns, look } = options;
  const element = makeTable(options.puzzle, rows, columns, options.label);
  const cells = cellsOf(element);
  let current = 0;
  const makeCurrent = (cell: number, withFocus: boolean) => {
    cells[current].tabIndex = -1;
    cells[current].ariaSelected = "false";
    current = cell;
    cells[cell].tabIndex = 0;
    cells[cell].ariaSelected = "true";
    if (withFocus) cells[cell].focus();
  };
  const refresh = () => {
    cells.forEach((cell, i) => {
      const { text, says, ...marks } = look(i);
      cell.textContent = text;
      cell.ariaLabel = `row ${Math.floor(i / columns) + 1}, column ${(i % columns) + 1}, ${says}`;
      if (marks.isBroken) cell.ariaLabel += ", breaks a rule";
      dress(cell, { text, says, isGiven: false, isChanged: false, isBroken: false, ...marks });
    });
  };
  element.role = "grid";
  for (const cell of cells) {
    cell.role = "gridcell";
    cell.tabIndex = -1;
  }
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = neighbour(current, event.key, rows, columns);
    if (next !== undefined) makeCurrent(next, true);
    else if (!options.onKey(current, event.key)) return;
    event.preventDefault();
  });
  element.addEventListener("focusin", ({ target }) => {
    const cell = cells.findIndex((each) => each.isSameNode(target instanceof Node ? target : null));
    if (cell >= 0) makeCurrent(cell, false);
  });
  if (options.onDraw) listenToDrawing(element, cells, (cell) => options.onDraw?.(cell));
  makeCurrent(0, false);
  refresh();
  return { element, current: () => current, refresh };
}

function neighbour(cell: number, key: string, rows: number, columns: number): number | undefined {
  const column = cell % columns;
  switch (key) {
    case "ArrowLeft":
      return column > 0 ? cell - 1 : cell;
    case "ArrowRight":
      return column + 1 < columns ? cell + 1 : cell;
    case "ArrowUp":
      return cell >= columns ? cell - columns : cell;
    case "ArrowDown":
      return cell + columns < rows * columns ? cell + columns : cell;
    case "Home":
      return cell - column;
    case "End":
      return cell - column + columns - 1;
    default:
      return undefined;
  }
}

/** A pressed pointer draws into every cell it comes to. */
function listenToDrawing(
  element: HTMLElement,
  cells: readonly Element[],
  draw: (cell: number) => void,
): void {
  let last = -1;
  const drawAt = (event: PointerEvent) => {
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const cell = cells.findIndex((each) => each.isSameNode(under));
    if (cell >= 0 && cell !== last) draw(cell);
    last = cell;
  };
  element.classList.add("drawn");
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    last = -1;
    drawAt(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (event.buttons === 1) drawAt(event);
  });
}

/** Buttons of which one is pressed. */
export function makeChoice<T>(
  label: string,
  choices: readonly {
    readonly name: string;
    readonly value: T;
    readonly className?: string;
    readonly text?: string;
  }[],
): { readonly element: HTMLElement; value(): T; choose(value: T): void } {
  const element = document.createElement("div");
  element.className = "row choice";
  element.role = "group";
  element.ariaLabel = label;
  let chosen = choices[0].value;
  const buttons = choices.map(({ name, value, className, text }) => {
    const button = makeButton(text ?? name, () => choose(value));
    if (text !== undefined) button.ariaLabel = name;
    if (className) button.classList.add(...className.split(" "));
    return button;
  });
  const choose = (value: T) => {
    chosen = value;
    buttons.forEach((button, i) => {
      button.ariaPressed = String(choices[i].value === value);
    });
  };
  element.append(...buttons);
  choose(chosen);
  return { element, value: () => chosen, choose };
}

export function makeButton(text: string, onClick: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", onClick);
  return button;
}
