// The identifiers of an ARC data set: which row of a model's puzzle table belongs to which task and augmentation.
// Numbered by the first appearance, task by task: the original, then its augmentations (spec/trm.md section 11).

import { invariant } from "../../base/errors.ts";
import { lastNotAbove } from "../reference-writer.ts";
import { formatIdentifier, packAugmentation, parseIdentifier, unpackAugmentation } from "./augment.ts";
import type { PuzzleTable } from "./part.ts";

const BLANK = "<blank>";

/** The name of a number, in the reference's form. */
export function nameOf(
  { tasks, starts, augmentations, firstIdentifier }: PuzzleTable,
  identifier: number,
): string {
  const puzzle = identifier - firstIdentifier;
  invariant(identifier >= 0 && puzzle < augmentations.length, `identifier ${identifier}`);
  if (puzzle < 0) return BLANK;
  const task = lastNotAbove(starts, puzzle);
  const change = puzzle === starts[task] ? undefined : unpackAugmentation(augmentations[puzzle]);
  return formatIdentifier(tasks[task].id, change);
}

/** The number of a name; undefined for a name that is not in the table. */
export function makeLookup({
  tasks,
  starts,
  augmentations,
  firstIdentifier,
}: PuzzleTable): (name: string) => number | undefined {
  const indexOf = new Map(tasks.map(({ id }, task) => [id, task]));
  return (name) => {
    if (name === BLANK) return 0;
    const { id, augmentation } = parseIdentifier(name);
    const task = indexOf.get(id);
    if (task === undefined) return undefined;
    if (!augmentation) return firstIdentifier + starts[task];
    if (augmentation.colours[0] !== 0) return undefined; // black stays black in every build
    const packed = packAugmentation(augmentation);
    const puzzle = augmentations.subarray(0, starts[task + 1]).indexOf(packed, starts[task] + 1);
    return puzzle < 0 ? undefined : firstIdentifier + puzzle;
  };
}
