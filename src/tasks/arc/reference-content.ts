// A built ARC data set as a folder in the reference's layout, byte for byte what its builder writes. Validation is not a
// part of that layout: build without it.

import type { ReferenceContent } from "../reference-folder.ts";
import type { ArcBuild } from "./build.ts";
import { gridToJson } from "./grid.ts";
import { UNKNOWN_OUTPUT } from "./part.ts";
import type { ArcTask, ArcTest } from "./read.ts";

/**
 * For `writeReferenceFolder`, which asks for the rows while it writes.
 * @example
 * await writeReferenceFolder("data/arc1concept-aug-1000", referenceContent(build));
 */
export function referenceContent(build: ArcBuild): ReferenceContent {
  const { train, test, testTasks } = build;
  return {
    identifiers: identifiersOf(build),
    // Maps keep the order of names that look like array indices.
    testPuzzles: new Map(testTasks.map((task) => [task.id, puzzleOf(task)])),
    parts: { train, ...(test.examples > 0 ? { test } : {}) },
  };
}

function* identifiersOf({ identifierCount, identifierName }: ArcBuild): Generator<string> {
  for (let identifier = 0; identifier < identifierCount; identifier++) yield identifierName(identifier);
}

function puzzleOf({ train, test, testFirst }: ArcTask): Map<string, unknown> {
  const parts: [string, unknown][] = [
    ["train", train.map(pairOf)],
    ["test", test.map(pairOf)],
  ];
  return new Map(testFirst ? parts.reverse() : parts);
}

function pairOf({ input, output = UNKNOWN_OUTPUT }: ArcTest): { input: number[][]; output: number[][] } {
  return { input: gridToJson(input), output: gridToJson(output) };
}
