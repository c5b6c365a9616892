// Mazes back from the tokens of a data folder, checked as strictly as a file.

import { badRow, describeToken } from "../bad-row.ts";
import type { SolvedMaze } from "./dataset.ts";
import { formatTokens, OPEN, PATH } from "./encode.ts";
import { describeCell, parseMaze } from "./rules.ts";

/** The maze of a row of tokens; its place stands in errors. */
export function decodeMaze(inputs: Int32Array, labels: Int32Array, where: string): SolvedMaze {
  const maze = parseMaze(formatTokens(inputs), where);
  const path = new Uint8Array(labels.length);
  let cells = 2;
  for (let cell = 0; cell < labels.length; cell++) {
    if (labels[cell] === inputs[cell]) continue;
    if (labels[cell] !== PATH || inputs[cell] !== OPEN) {
      const [asked, said] = [inputs[cell], labels[cell]].map(describeToken);
      throw badRow(
        `the question has ${asked} at ${describeCell(cell, maze.size)}, the answer ${said}`,
        where,
      );
    }
    path[cell] = 1;
    cells++;
  }
  return { ...maze, path, rating: cells };
}
