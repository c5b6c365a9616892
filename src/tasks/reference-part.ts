// One part (train or test) of a data set in the reference's layout: dataset.json and five .npy arrays. Index arrays are
// checked on opening; inputs and labels, gigabytes for ARC, stay on the disk and are checked as they are read.
// Differs from the reference: one set a part, which is all that its builders write.

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { ToolError } from "../base/errors.ts";
import { int32Values, type NpyArray, type NpyFile, readBlocks } from "../formats/npy.ts";
import type { ExampleSet, Examples, GroupedExamples } from "./dataset.ts";
import {
  brokenFolder,
  checkIdentifiers,
  checkIndices,
  checkMetadata,
  checkTokens,
  readReferenceText,
} from "./reference-checks.ts";
import { parseReferenceMetadata, type ReferenceMetadata } from "./reference-metadata.ts";
import { lastNotAbove } from "./reference-writer.ts";

export interface ReferencePart extends GroupedExamples {
  readonly metadata: ReferenceMetadata;
  readonly examples: number;
  /** In all groups. */
  readonly puzzles: number;
  /** First puzzle of each group, and behind the last one their number [groups + 1]. */
  readonly groupIndices: Int32Array;
  /** First example of each puzzle, and behind the last one their number [puzzles + 1]. */
  readonly puzzleIndices: Int32Array;
  /** Arrays by their paths in the folder, for instance `train/all__inputs.npy`. */
  readonly files: ReadonlyMap<string, NpyFile>;
  readonly inputs: NpyFile;
  identifierOf(puzzle: number): number;
  /** All examples one after the other, as the reference's test loader gives them. */
  exampleSet(): ExampleSet;
  /** SHA-256 of the data of each array, by the paths of `files`. */
  hashes(): Promise<Record<string, string>>;
}

const arrayNames = ["inputs", "labels", "puzzle_indices", "puzzle_identifiers", "group_indices"];
const notSupervised = -100;

/** `open` keeps the files, so that all are closed when one of them is wrong. */
export function openReferencePart(
  dir: string,
  split: string,
  identifierCount: number,
  open: (path: string) => NpyFile,
): ReferencePart {
  const metadataPath = join(dir, split, "dataset.json");
  const metadata = parseReferenceMetadata(readReferenceText(metadataPath), metadataPath);
  const files = arrayNames.map((name) => open(join(dir, split, `${metadata.sets[0]}__${name}.npy`)));
  const [inputs, labels, ...indexFiles] = files;
  const [puzzleIndices, identifiers, groupIndices] = indexFiles.map(readIntegers);
  const [puzzlePath, identifierPath, groupPath] = indexFiles.map(({ path }) => path);

  for (const file of [inputs, labels]) checkTokens(file, inputs.rows, metadata);
  checkIndices(puzzlePath, puzzleIndices, inputs.rows, "examples");
  checkIdentifiers(identifierPath, identifiers, puzzleIndices.length - 1, metadata);
  checkIndices(groupPath, groupIndices, identifiers.length, "puzzles");
  checkMetadata(metadataPath, metadata, {
    groups: groupIndices.length - 1,
    mean: inputs.rows / identifiers.length,
    identifiers: identifierCount,
  });
  const byPath = new Map(files.map((file) => [`${split}/${basename(file.path)}`, file]));
  return partOf({ metadata, identifiers, puzzleIndices, groupIndices, inputs, labels, files: byPath });
}

/** SHA-256 of the data of an array in C order, its header left out; `visit` sees the blocks of rows as they pass. */
export function hashRows(file: NpyFile, visit?: (block: NpyArray) => void): string {
  const hash = createHash("sha256");
  for (const block of readBlocks(file)) {
    hash.update(block.data);
    visit?.(block);
  }
  return hash.digest("hex");
}

interface PartArrays {
  readonly metadata: ReferenceMetadata;
  readonly identifiers: Int32Array;
  readonly puzzleIndices: Int32Array;
  readonly groupIndices: Int32Array;
  readonly inputs: NpyFile;
  readonly labels: NpyFile;
  readonly files: ReadonlyMap<string, NpyFile>;
}

function partOf(arrays: PartArrays): ReferencePart {
  const { metadata, identifiers, puzzleIndices, groupIndices, inputs, files } = arrays;
  const readRows = makeRowReader(arrays);
  return {
    ...{ metadata, groupIndices, puzzleIndices, files, inputs },
    groups: groupIndices.length - 1,
    puzzles: identifiers.length,
    examples: inputs.rows,
    meanPuzzleExamples: metadata.meanPuzzleExamples,
    puzzlesIn: (group) => groupIndices[group + 1] - groupIndices[group],
    examplesIn(group, puzzle) {
      const index = groupIndices[group] + puzzle;
      return puzzleIndices[index + 1] - puzzleIndices[index];
    },
    identifierOf: (puzzle) => identifiers[puzzle],
    read({ group, puzzle, example }, row) {
      const index = groupIndices[group] + puzzle;
      readRows(puzzleIndices[index] + example, 1, row.inputs, row.labels);
      return identifiers[index];
    },
    exampleSet: () => ({ count: inputs.rows, slice: (start, most) => slice(arrays, readRows, start, most) }),
    async hashes() {
      const hashes: Record<string, string> = {};
      for (const [path, file] of files) {
        hashes[path] = hashRows(file);
        await setImmediate(); // lets others have their turn between gigabytes
      }
      return hashes;
    },
  };
}

function slice(arrays: PartArrays, readRows: RowReader, from: number, most: number): Examples {
  const { inputs, identifiers, puzzleIndices } = arrays;
  const start = Math.min(from, inputs.rows);
  const count = Math.max(0, Math.min(most, inputs.rows - start));
  const examples = {
    count,
    inputs: new Int32Array(count * inputs.rowSize),
    labels: new Int32Array(count * inputs.rowSize),
    identifiers: new Int32Array(count),
  };
  readRows(start, count, examples.inputs, examples.labels);
  for (let i = 0; i < count; i++)
    examples.identifiers[i] = identifiers[lastNotAbove(puzzleIndices, start + i)];
  return examples;
}

type RowReader = (start: number, count: number, inputs: Int32Array, labels: Int32Array) => void;

/** Reads rows of tokens and checks them; labels that are not supervised become -100. */
function makeRowReader({ inputs, labels, metadata: { vocabSize, ignoreLabelId } }: PartArrays): RowReader {
  return (start, count, inputRows, labelRows) => {
    readTokens(inputs, start, count, vocabSize, inputRows);
    readTokens(labels, start, count, vocabSize, labelRows, ignoreLabelId ?? notSupervised);
  };
}

/** Labels come with the value that is to be ignored, besides -100. */
function readTokens(
  file: NpyFile,
  start: number,
  count: number,
  vocabSize: number,
  into: Int32Array,
  ignored?: number,
): void {
  const tokens = int32Values(file.readRows(start, count), file.path);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (ignored !== undefined && (token === ignored || token === notSupervised)) into[i] = notSupervised;
    else if (token >= 0 && token < vocabSize) into[i] = token;
    else throw badToken(file, start, i, token, vocabSize);
  }
}

function badToken(file: NpyFile, start: number, index: number, token: number, vocabSize: number): ToolError {
  const row = start + Math.floor(index / file.rowSize);
  const what = `row ${row}, cell ${index % file.rowSize} holds the token ${token}, and vocab_size is ${vocabSize}`;
  return brokenFolder(file.path, what);
}

function readIntegers(file: NpyFile): Int32Array {
  if (file.shape.length === 1) return int32Values(file.readRows(0, file.rows), file.path);
  throw brokenFolder(file.path, `its shape is [${file.shape.join(", ")}], not one axis`);
}
