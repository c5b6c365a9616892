// Mazes as the tokens that models read and predict: 0 is padding and never occurs, then wall, open, S, G, path. Every
// cell is supervised, walls too (spec/trm.md section 10). Source: CHARSET of dataset/build_maze_dataset.py.

import type { Maze } from "./rules.ts";

/** By token, from 1. */
const CHARACTERS = "# SGo";
export const WALL = 1;
export const OPEN = 2;
export const START = 3;
export const GOAL = 4;
export const PATH = 5;
/** Padding and the characters. */
export const VOCABULARY = 6;
const NOT_SUPERVISED = -100;

export function encodeQuestion({ walls, start, goal }: Maze, out: Int32Array): void {
  for (let cell = 0; cell < walls.length; cell++) out[cell] = walls[cell] === 1 ? WALL : OPEN;
  out[start] = START;
  out[goal] = GOAL;
}

/** The answer; nothing to learn where there is none. */
export function encodeAnswer(maze: Maze, out: Int32Array): void {
  const { path } = maze;
  if (path === undefined) {
    out.fill(NOT_SUPERVISED);
    return;
  }
  encodeQuestion(maze, out);
  for (let cell = 0; cell < path.length; cell++) if (path[cell] === 1) out[cell] = PATH;
}

/** Tokens as text; a model may predict padding, which has no character of its own. */
export function formatTokens(tokens: ArrayLike<number>): string {
  return Array.from(tokens, (token) => CHARACTERS[token - 1] ?? "?").join("");
}
