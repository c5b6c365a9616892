// A maze as lines of text for the terminal, the question or an answer to it. Plain characters in a frame, which
// parseMaze reads again; or, with colours, blocks of two characters a cell, so that cells are square.

import { OPEN, PATH } from "./encode.ts";
import { formatMaze, type Maze } from "./rules.ts";
import { keepsCell, scoreMaze } from "./score.ts";

export interface MazeDrawOptions {
  /** Tokens of an answer to be drawn; without it the question. */
  answer?: ArrayLike<number>;
  /** Dresses text in colour; without it plain characters. */
  colors?: MazeColors;
}

/** Of picocolors. */
export interface MazeColors {
  gray(text: string): string;
  bold(text: string): string;
  bgGreen(text: string): string;
  bgRed(text: string): string;
  bgYellow(text: string): string;
}

/**
 * What is drawn of a cell. Only an answer that is not right has the last three: a given cell that became something
 * else, a mark off the known path, and a cell of that path without a mark.
 */
type Look = "wall" | "open" | "start" | "goal" | "path" | "changed" | "extra" | "missing";

const PLAIN: Record<Look, string> = {
  ...{ wall: "#", open: " ", start: "S", goal: "G", path: "o" },
  ...{ changed: "!", extra: "x", missing: "?" },
};

/**
 * @example
 * console.log(drawMazeLines(parseMaze("S.#\n#..\n#.G")).join("\n"));
 */
export function drawMazeLines(maze: Maze, { answer, colors }: MazeDrawOptions = {}): string[] {
  const { size } = maze;
  const looks = looksOf(maze, answer);
  const rows = Array.from({ length: size }, (_, row) => looks.slice(row * size, (row + 1) * size));
  if (colors) return rows.map((row) => row.map((look) => block(look, colors)).join(""));
  const edge = `+${"-".repeat(size)}+`;
  return [edge, ...rows.map((row) => `|${row.map((look) => PLAIN[look]).join("")}|`), edge];
}

function block(look: Look, colors: MazeColors): string {
  switch (look) {
    case "wall":
      return colors.gray("██");
    case "open":
      return "  ";
    case "start":
      return colors.bold("S ");
    case "goal":
      return colors.bold("G ");
    case "path":
      return colors.bgGreen("  ");
    case "changed":
      return colors.bgRed("! ");
    case "extra":
      return colors.bgRed("x ");
    case "missing":
      return colors.bgYellow("? ");
  }
}

function looksOf(maze: Maze, answer: ArrayLike<number> | undefined): Look[] {
  const given = Array.from(formatMaze(maze), (character): Look => GIVEN[character]);
  if (answer === undefined) return given;
  const isRight = scoreMaze(maze, answer).valid;
  return given.map((look, cell) => {
    const token = answer[cell];
    if (!keepsCell(maze, cell, token)) return "changed";
    // Any shortest path is right, and without a known answer nothing can be said of single marks.
    if (isRight || maze.path === undefined) return token === PATH ? "path" : look;
    if (token === PATH) return maze.path[cell] === 1 ? "path" : "extra";
    return token === OPEN && maze.path[cell] === 1 ? "missing" : look;
  });
}

const GIVEN: Record<string, Look> = { "#": "wall", " ": "open", S: "start", G: "goal" };
