// Tells whether two pairs are the same up to augmentation: their keys are equal exactly when one is a dihedral image of
// the other in other colours (black stays black). Finds answers of a test set that stand in the training data; the
// published ARC-1 data set has one (spec/trm.md section 17, 13).

import { type GridView, viewGrid } from "./grid.ts";
import type { ArcPair, ArcTest } from "./read.ts";

/** The smallest of the eight images, colours numbered as they appear. */
export function pairKey({ input, output }: ArcPair): string {
  let smallest: Buffer | undefined;
  for (let transform = 0; transform < 8; transform++) {
    const image = numberColours([viewGrid(input, transform), viewGrid(output, transform)]);
    if (!smallest || image.compare(smallest) < 0) smallest = image;
  }
  return smallest?.toString("latin1") ?? "";
}

/** How many of the held-out pairs are also training pairs. Pairs without known output are not counted. */
export function countKnownPairs(training: Iterable<ArcTest>, heldOut: readonly ArcTest[]): number {
  const known = new Set<string>();
  for (const { input, output } of training) if (output) known.add(pairKey({ input, output }));
  return heldOut.filter(({ input, output }) => output && known.has(pairKey({ input, output }))).length;
}

function numberColours(views: readonly GridView[]): Buffer {
  const size = views.reduce((sum, { rows, cols }) => sum + 2 + rows * cols, 0);
  const numbered = Buffer.alloc(size);
  const numbers = new Uint8Array(10);
  let last = 0;
  let at = 0;
  for (const { rows, cols, cells, start, rowStep, columnStep } of views) {
    numbered[at++] = rows;
    numbered[at++] = cols;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < cols; j++) {
        const colour = cells[start + i * rowStep + j * columnStep];
        if (colour !== 0 && numbers[colour] === 0) numbers[colour] = ++last;
        numbered[at++] = numbers[colour];
      }
    }
  }
  return numbered;
}
