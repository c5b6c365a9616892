// An example of a data set for the terminal, drawn from its tokens as the family of puzzles draws itself.

import type { Grid } from "../../tasks/arc/grid.ts";
import { drawMazeLines } from "../../tasks/maze/draw.ts";
import { formatTokens } from "../../tasks/maze/encode.ts";
import { parseMaze } from "../../tasks/maze/rules.ts";
import { drawBoard } from "../../tasks/sudoku/draw.ts";
import { decodePrediction } from "../../tasks/sudoku/encode.ts";
import { drawTitledPair } from "./arc-task.ts";
import type { Colors } from "./colors.ts";

export interface TokenExample {
  readonly family: "sudoku" | "maze" | "arc";
  readonly side: number;
  readonly inputs: Int32Array;
  /** -100 where nothing is supervised. */
  readonly labels: Int32Array;
  /** Stands above the question. */
  readonly title: string;
  /** Stands in errors. */
  readonly where: string;
}

const COLOUR_TOKENS_START = 2;

/** Question and answer beside each other: a block each, one for a pair of grids. An answer that is not known is left out. */
export function drawTokens(example: TokenExample, colors: Colors): string[][] {
  const { family, inputs, labels, title } = example;
  const isAnswered = labels.some((token) => token >= 0);
  if (family === "arc") {
    const output = isAnswered ? gridOf(labels, example.side) : undefined;
    return [drawTitledPair(title, { input: gridOf(inputs, example.side), output }, colors)];
  }
  const draw = family === "sudoku" ? drawSudoku : drawMaze;
  const question = [title, ...draw(example, false, colors)];
  return isAnswered ? [question, ["answer", ...draw(example, true, colors)]] : [question];
}

function drawSudoku({ inputs, labels }: TokenExample, isAnswer: boolean): string[] {
  return drawBoard(decodePrediction(isAnswer ? labels : inputs));
}

function drawMaze({ inputs, labels, where }: TokenExample, isAnswer: boolean, colors: Colors): string[] {
  const maze = parseMaze(formatTokens(inputs), where);
  return drawMazeLines(maze, {
    ...(isAnswer ? { answer: labels } : {}),
    ...(colors.isColorSupported ? { colors } : {}),
  });
}

/** The grid wherever it lies on the canvas: the rectangle around all colours. */
function gridOf(tokens: Int32Array, side: number): Grid {
  const places = Array.from(tokens.keys()).filter((cell) => tokens[cell] >= COLOUR_TOKENS_START);
  const rowsOf = places.map((cell) => Math.floor(cell / side));
  const columnsOf = places.map((cell) => cell % side);
  const [top, left] = [Math.min(...rowsOf), Math.min(...columnsOf)];
  const rows = places.length === 0 ? 0 : Math.max(...rowsOf) - top + 1;
  const cols = places.length === 0 ? 0 : Math.max(...columnsOf) - left + 1;
  const cells = Uint8Array.from({ length: rows * cols }, (_, cell) => {
    const token = tokens[(top + Math.floor(cell / cols)) * side + left + (cell % cols)];
    return Math.max(0, token - COLOUR_TOKENS_START);
  });
  return { rows, cols, cells };
}
