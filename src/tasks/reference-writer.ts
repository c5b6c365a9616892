// Writes a data set in the reference's layout (spec/trm.md section 10): what its builders write with np.save and json.dump,
// byte for byte, so that its own loader reads it. Rows are asked for while they are written and never lie in memory
// together; the folder appears as a whole or not at all.

import { join } from "node:path";
import { invariant } from "../base/errors.ts";
import { type FileContent, type WriteOptions, writeDirectoryAtomic } from "../base/files.ts";
import { encodeNpy, encodeNpyBlocks, type NpyData } from "../formats/npy.ts";
import {
  formatPythonJson,
  formatPythonString,
  type PythonJson,
  pythonJsonOf,
} from "../formats/python-json.ts";
import type { GroupedExamples } from "./dataset.ts";

/** One part of a data set, as the writer needs it. */
export interface ReferencePartSource {
  /** S, at most 65,536. */
  readonly seqLen: number;
  /** V, with the padding; at most 256. */
  readonly vocabSize: number;
  readonly examples: number;
  /** First puzzle of each group, and behind the last one their number [groups + 1]. */
  groupIndices(): Int32Array;
  /** First example of each puzzle, and behind the last one their number [puzzles + 1]. */
  puzzleIndices(): Int32Array;
  /** [puzzles] */
  puzzleIdentifiers(): Int32Array;
  /** Fills in a question and its answer; a label of 0 is not supervised. */
  writeTokens(row: number, inputs: Uint8Array, labels: Uint8Array): void;
  /** Of inputs and labels; default uint8. Only the Sudoku builder writes int64 (train). */
  readonly dtype?: "uint8" | "int32" | "int64";
  /** What dataset.json says; default their number. The Sudoku and Maze builders write the number of groups. */
  readonly totalPuzzles?: number;
}

export interface ReferenceContent {
  /** Names by identifier; the first is `<blank>`. */
  readonly identifiers: Iterable<string>;
  /** ARC: tasks by their names, in Maps where the order of keys means something. */
  readonly testPuzzles?: unknown;
  readonly parts: { readonly train?: ReferencePartSource; readonly test?: ReferencePartSource };
}

const blockBytes = 2 ** 20;
const namesPerPiece = 4096;
/** The only set that the reference's builders write. */
const setName = "all";

/**
 * Creates or replaces a folder.
 * @example
 * await writeReferenceFolder("arc1", { identifiers: ["<blank>", "1f0c79e5"], parts: { train, test } });
 */
export async function writeReferenceFolder(
  dir: string,
  { identifiers, testPuzzles, parts }: ReferenceContent,
  options: WriteOptions = {},
): Promise<void> {
  const count = { identifiers: 0 };
  // Files are made in this order: dataset.json needs the number of identifiers, known when all names are written.
  const files = new Map<string, FileContent>([["identifiers.json", encodeNames(identifiers, count)]]);
  for (const [split, part] of Object.entries(parts)) {
    if (!part) continue;
    for (const [name, content] of encodePart(part, count)) files.set(join(split, name), content);
  }
  if (testPuzzles !== undefined) files.set("test_puzzles.json", formatPythonJson(pythonJsonOf(testPuzzles)));
  await writeDirectoryAtomic(dir, files, options);
}

/** Grouped examples as the writer needs them; identifiers are had by reading the first example of every puzzle. */
export function groupedSource(
  grouped: GroupedExamples,
  about: Pick<ReferencePartSource, "seqLen" | "vocabSize" | "dtype" | "totalPuzzles">,
): ReferencePartSource {
  const groupIndices = [0];
  const puzzleIndices = [0];
  for (let group = 0; group < grouped.groups; group++) {
    const puzzles = grouped.puzzlesIn(group);
    groupIndices.push(groupIndices[group] + puzzles);
    for (let puzzle = 0; puzzle < puzzles; puzzle++)
      puzzleIndices.push(puzzleIndices[puzzleIndices.length - 1] + grouped.examplesIn(group, puzzle));
  }
  const [ofGroups, ofPuzzles] = [Int32Array.from(groupIndices), Int32Array.from(puzzleIndices)];
  const row = { inputs: new Int32Array(about.seqLen), labels: new Int32Array(about.seqLen) };
  const readRow = (index: number) => {
    const puzzle = lastNotAbove(ofPuzzles, index);
    const group = lastNotAbove(ofGroups, puzzle);
    return grouped.read({ group, puzzle: puzzle - ofGroups[group], example: index - ofPuzzles[puzzle] }, row);
  };
  return {
    ...about,
    examples: ofPuzzles[ofPuzzles.length - 1],
    groupIndices: () => ofGroups,
    puzzleIndices: () => ofPuzzles,
    puzzleIdentifiers: () => Int32Array.from(ofPuzzles.subarray(0, -1), readRow),
    writeTokens(index, inputs, labels) {
      readRow(index);
      inputs.set(row.inputs);
      for (let cell = 0; cell < labels.length; cell++) labels[cell] = Math.max(0, row.labels[cell]);
    },
  };
}

/** The last index whose value is not above `value`, in ascending values of which the first is not. */
export function lastNotAbove(ascending: Int32Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ascending[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

function* encodePart(
  part: ReferencePartSource,
  count: { readonly identifiers: number },
): Generator<[name: string, content: FileContent]> {
  const [groups, puzzles, identifiers] = [
    part.groupIndices(),
    part.puzzleIndices(),
    part.puzzleIdentifiers(),
  ];
  const shapes = identifiers.length === puzzles.length - 1 && puzzles.at(-1) === part.examples;
  invariant(shapes && groups.at(-1) === identifiers.length, "reference folder: index arrays disagree");
  yield [`${setName}__inputs.npy`, encodeRows(part, "inputs")];
  yield [`${setName}__labels.npy`, encodeRows(part, "labels")];
  const indices = { puzzle_identifiers: identifiers, puzzle_indices: puzzles, group_indices: groups };
  for (const [name, data] of Object.entries(indices))
    yield [`${setName}__${name}.npy`, encodeNpy({ dtype: "int32", shape: [data.length], data })];
  yield ["dataset.json", encodeMetadata(part, groups.length - 1, identifiers, count)];
}

/** Made when it is written, not before: the identifiers are counted then. */
function* encodeMetadata(
  part: ReferencePartSource,
  groups: number,
  identifiers: Int32Array,
  count: { readonly identifiers: number },
): Generator<Uint8Array> {
  const largest = identifiers.reduce((most, identifier) => Math.max(most, identifier), 0);
  invariant(largest < count.identifiers, `identifier ${largest} of ${count.identifiers}`);
  const fields: [string, PythonJson][] = [
    ["pad_id", 0],
    ["ignore_label_id", 0],
    ["blank_identifier_id", 0],
    ["vocab_size", part.vocabSize],
    ["seq_len", part.seqLen],
    ["num_puzzle_identifiers", count.identifiers],
    ["total_groups", groups],
    ["mean_puzzle_examples", { float: part.examples / identifiers.length }],
    ["total_puzzles", part.totalPuzzles ?? identifiers.length],
    ["sets", [setName]],
  ];
  yield Buffer.from(formatPythonJson(new Map(fields)));
}

/** Both halves of a row are made in each of the two passes: keeping one would take gigabytes. */
function encodeRows(part: ReferencePartSource, half: "inputs" | "labels"): Generator<Uint8Array> {
  return encodeNpyBlocks(part.dtype ?? "uint8", [part.examples, part.seqLen], blocksOf(part, half));
}

function* blocksOf(part: ReferencePartSource, half: "inputs" | "labels"): Generator<NpyData> {
  const { seqLen, vocabSize, examples } = part;
  invariant(vocabSize >= 1 && vocabSize <= 256, `reference folder: vocabulary of ${vocabSize}`);
  const rows = Math.max(1, Math.floor(blockBytes / seqLen));
  const block = new Uint8Array(rows * seqLen);
  const other = new Uint8Array(seqLen);
  for (let start = 0; start < examples; start += rows) {
    const count = Math.min(rows, examples - start);
    for (let i = 0; i < count; i++) {
      const row = block.subarray(i * seqLen, (i + 1) * seqLen);
      const [inputs, labels] = half === "inputs" ? [row, other] : [other, row];
      part.writeTokens(start + i, inputs, labels);
    }
    const tokens = block.subarray(0, count * seqLen);
    let largest = 0;
    for (let i = 0; i < tokens.length; i++) if (tokens[i] > largest) largest = tokens[i];
    invariant(largest < vocabSize, `reference folder: token ${largest} in ${half}, vocabulary ${vocabSize}`);
    yield widen(tokens, part.dtype ?? "uint8");
  }
}

function widen(tokens: Uint8Array, dtype: "uint8" | "int32" | "int64"): NpyData {
  if (dtype === "uint8") return tokens;
  if (dtype === "int32") return new Int32Array(tokens);
  return BigInt64Array.from(tokens, BigInt);
}

/** Counts the names while they pass. */
function* encodeNames(names: Iterable<string>, count: { identifiers: number }): Generator<Uint8Array> {
  let pending: string[] = [];
  let isFirst = true;
  const flush = () => {
    const text = `${isFirst ? "[" : ", "}${pending.join(", ")}`;
    isFirst = false;
    pending = [];
    return Buffer.from(text);
  };
  for (const name of names) {
    count.identifiers++;
    pending.push(formatPythonString(name));
    if (pending.length === namesPerPiece) yield flush();
  }
  invariant(count.identifiers > 0, "reference folder: identifiers begin with <blank>");
  if (pending.length > 0) yield flush();
  yield Buffer.from("]");
}
