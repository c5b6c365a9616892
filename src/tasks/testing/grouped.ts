// Grouped examples for tests: small boards of known tokens, several puzzles a group and several examples a puzzle, as
// ARC has them.

import type { GroupedExamples } from "../dataset.ts";

export const GROUPED_CELLS = 4;
export const GROUPED_VOCABULARY = 12;

/** Groups as lists of puzzles, given by their numbers of examples. The last cell of every answer is not supervised. */
export function groupedOf(sizes: readonly (readonly number[])[]): GroupedExamples {
  const all = sizes.flat();
  const identifierOf = (group: number, puzzle: number) => 1 + sizes.slice(0, group).flat().length + puzzle;
  return {
    groups: sizes.length,
    puzzlesIn: (group) => sizes[group].length,
    examplesIn: (group, puzzle) => sizes[group][puzzle],
    meanPuzzleExamples: all.reduce((sum, size) => sum + size, 0) / all.length,
    read({ group, puzzle, example }, { inputs, labels }) {
      const identifier = identifierOf(group, puzzle);
      inputs.set([1 + group, 1 + puzzle, 1 + example, 0]);
      labels.set([1 + example, 11, 1 + (identifier % 11), -100]);
      return identifier;
    },
  };
}
