// Small ARC tasks made up for tests.

import { type RandomStream, stream } from "../../../base/random/threefry.ts";
import type { Grid } from "../grid.ts";
import type { ArcPair, ArcTask } from "../read.ts";

/** A grid from rows of digits. */
export function grid(...lines: string[]): Grid {
  const cells = Uint8Array.from(lines.join(""), Number);
  return { rows: lines.length, cols: lines[0].length, cells };
}

export function randomGrid(random: RandomStream, rows: number, cols: number, colours = 10): Grid {
  return { rows, cols, cells: Uint8Array.from({ length: rows * cols }, () => random.below(colours)) };
}

/** Few cells and few colours: such tasks have symmetries, and many of their augmentations are equal. */
export function tinyTask(index: number): ArcTask {
  const random = stream(1, "tiny-arc-task", index);
  const pick = (...choices: number[]) => choices[random.below(choices.length)];
  const colours = pick(1, 2, 3, 4, 10);
  const rows = pick(1, 1, 2, 3);
  const cols = pick(1, rows);
  const pair = (): ArcPair => ({
    input: randomGrid(random, rows, cols, colours),
    output: randomGrid(random, cols, rows, colours),
  });
  const train = Array.from({ length: pick(1, 2, 3, 5) }, pair);
  const tests = Array.from({ length: pick(1, 2) }, pair);
  return { id: `tiny${index}`, train, test: tests, testFirst: index % 2 === 0 };
}
