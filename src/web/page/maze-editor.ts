// A maze to be drawn: choose wall, open, start or goal, and press or draw on the grid.

import { ToolError } from "../../base/errors.ts";
import type { PuzzleKind } from "../../embed/puzzle-form.ts";
import { formatMaze, parseMaze } from "../../tasks/maze/rules.ts";
import { mazeCell } from "./cells.ts";
import { type Editor, makeChoice, makeGrid } from "./editor.ts";

/** By the key that draws it. */
const KEYS: Readonly<Record<string, string | undefined>> = {
  ...{ "#": "#", w: "#", ".": ".", o: ".", Delete: ".", Backspace: ".", s: "S", g: "G" },
};

export function mazeEditor(puzzle: PuzzleKind & { kind: "maze" }, onChange: () => void): Editor {
  const { size } = puzzle;
  let cells = emptyMaze(size);
  const tool = makeChoice("What to draw", [
    { name: "Wall", value: "#" },
    { name: "Open", value: "." },
    { name: "Start", value: "S" },
    { name: "Goal", value: "G" },
  ]);
  const draw = (cell: number, character: string) => {
    const isEnd = character === "S" || character === "G";
    cells = cells.map((old, i) => (i === cell ? character : isEnd && old === character ? "." : old));
    grid.refresh();
    onChange();
  };
  const grid = makeGrid({
    ...{ puzzle, rows: size, columns: size, label: `Maze of ${size} by ${size}, to be drawn` },
    look: (cell) => mazeCell(cells[cell]),
    onKey(cell, key) {
      const character =
        key === " " || key === "Enter" ? tool.value() : KEYS[key.length === 1 ? key.toLowerCase() : key];
      if (character === undefined) return false;
      draw(cell, character);
      return true;
    },
    onDraw: (cell) => draw(cell, tool.value()),
  });
  const replace = (next: string[]) => {
    cells = next;
    grid.refresh();
    onChange();
  };
  return {
    tools: [tool.element],
    element: grid.element,
    keys: "Press or draw on the grid. Keys: arrows move, Space draws what is chosen; # wall, . open, S start, G goal.",
    textHelp: `${size * size} characters, or a line a row: # wall, . open, S start, G goal`,
    text: () => cells.join(""),
    write(text) {
      const maze = parseMaze(text);
      if (maze.size !== size)
        throw new ToolError(`the maze is ${maze.size} × ${maze.size}, this model solves ${size} × ${size}`, {
          code: "solve/size",
        });
      replace(Array.from(formatMaze(maze).replaceAll(" ", ".")));
    },
    clear: () => replace(emptyMaze(size)),
  };
}

/** All open, with the ends in two corners. */
function emptyMaze(size: number): string[] {
  const last = size * size - 1;
  return Array.from({ length: size * size }, (_, cell) => (cell === 0 ? "S" : cell === last ? "G" : "."));
}
