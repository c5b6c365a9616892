// A folder in the reference's layout as a data set to train on, whatever its puzzles: Sudoku, Maze or ARC. Training rows
// are drawn by the same sampler as everything else; rows stay on the disk. Judging answers to its test part is the
// tasks' business: by rules (puzzle-folder.ts), or by votes (arc/folder-test-set.ts).

import { createHash } from "node:crypto";
import { ToolError } from "../base/errors.ts";
import type { Dataset, DrawSettings, ExampleSet, PartManifest } from "./dataset.ts";
import { openReferenceFolder } from "./reference-folder.ts";
import { familyOf, type ReferenceMetadata } from "./reference-metadata.ts";
import { hashRows, type ReferencePart } from "./reference-part.ts";
import { indexRows } from "./reference-rows.ts";
import { groupedStream } from "./stream.ts";

/**
 * Opens the folder and reads it once from end to end, for hashes and for `heldOutInTraining`. That number counts test
 * inputs that stand among the training inputs token by token, identity only: no mirror images, no other colours, no
 * other place on the canvas. The files stay open.
 * @example
 * const dataset = loadReferenceDataset("data/arc1concept-aug-1000", { seed: 0, globalBatchSize: 768, evalInterval: 10000 });
 */
export function loadReferenceDataset(dir: string, draw: DrawSettings): Dataset {
  const { train, test } = openReferenceFolder(dir);
  if (!train) throw missingPart(dir, "train");
  const { seqLen, vocabSize, numPuzzleIdentifiers } = train.metadata;
  const testRows = test ? indexRows(test.inputs) : undefined;
  // In this order: the scan of the training part marks the test rows that it meets.
  const trainManifest = describePart(train, dir, (block) => testRows?.mark(block));
  return {
    shape: { seqLen, vocabSize, numPuzzleIdentifiers },
    groups: train.groups,
    meanPuzzleExamples: train.meanPuzzleExamples,
    stream: groupedStream(train, draw),
    validation: noExamples,
    test: test?.exampleSet() ?? noExamples,
    manifest: {
      task: titleOf(train.metadata),
      train: trainManifest,
      validation: noPuzzles,
      test: test ? describePart(test, dir) : noPuzzles,
      heldOutInTraining: testRows?.marked() ?? 0,
    },
  };
}

/** The hash is that of the lines "<sha256 of the array's data>  <path of the array>". Puzzles are groups: originals. */
function describePart(
  part: ReferencePart,
  from: string,
  visitInputs?: Parameters<typeof hashRows>[1],
): PartManifest {
  const hash = createHash("sha256");
  for (const [path, file] of part.files)
    hash.update(`${hashRows(file, file === part.inputs ? visitInputs : undefined)}  ${path}\n`);
  return { from, puzzles: part.groups, sha256: hash.digest("hex") };
}

function titleOf(metadata: ReferenceMetadata): string {
  const known = familyOf(metadata);
  return known ? `${known.family} ${known.side}×${known.side}` : `puzzles of ${metadata.seqLen} cells`;
}

const noPuzzles: PartManifest = {
  from: "none",
  puzzles: 0,
  sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", // of nothing
};

const noExamples: ExampleSet = {
  count: 0,
  slice: () => ({
    count: 0,
    inputs: new Int32Array(),
    labels: new Int32Array(),
    identifiers: new Int32Array(),
  }),
};

function missingPart(dir: string, split: string): ToolError {
  return new ToolError(`the data folder ${dir} has no ${split} part`, {
    code: "reference/no-data",
    hint: `name a folder with ${split}/dataset.json`,
    exitCode: 2,
  });
}
