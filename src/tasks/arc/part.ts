// One part (train, validation or test) of a built ARC data set: says how its groups, puzzles and examples are counted and
// makes the tokens of any example when asked. Only originals, packed augmentations and offsets are kept, 4 bytes a
// puzzle and 2 bytes an example; the reference writes 1,800 bytes an example to the disk.

import { createHash } from "node:crypto";
import { invariant } from "../../base/errors.ts";
import type { ExampleRow, ExampleSet, GroupedExamples, Sample } from "../dataset.ts";
import { lastNotAbove, type ReferencePartSource } from "../reference-writer.ts";
import { type ArcAugmentation, unpackAugmentation } from "./augment.ts";
import { ARC_VOCABULARY, encodeView, type GridOffset } from "./encode.ts";
import { type Grid, viewGrid } from "./grid.ts";
import type { ArcTask, ArcTest } from "./read.ts";

/** All puzzles that have an identifier, task by task: the original, then its augmentations. */
export interface PuzzleTable {
  readonly tasks: readonly ArcTask[];
  /** First puzzle of each task, and behind the last one their number [tasks + 1]. */
  readonly starts: Int32Array;
  /** Packed augmentations; 0 for originals. */
  readonly augmentations: Uint32Array;
  /** Identifier of the first puzzle. */
  readonly firstIdentifier: number;
}

/** The pairs that a task has in a part. */
export interface PartGroup {
  /** Index in the table. */
  readonly task: number;
  readonly pairs: readonly ArcTest[];
}

export interface PartSettings {
  readonly table: PuzzleTable;
  readonly groups: readonly PartGroup[];
  readonly side: number;
  /** At most so many puzzles of a group, the original first. */
  readonly maxViews?: number;
  /** Row and column of each example on the canvas [examples × 2]; default: all at (0, 0). */
  readonly offsets?: Uint8Array;
}

export interface ArcPart extends GroupedExamples, ExampleSet, ReferencePartSource {
  /** In all groups. */
  readonly puzzles: number;
  /** The same as `count`: the two contracts call it so. */
  readonly examples: number;
  readonly side: number;
  /** Place of a row when groups, their puzzles and the puzzles' examples stand one after the other. */
  locate(row: number): Sample;
  taskOf(group: number): ArcTask;
  /** Undefined for the original. */
  augmentationOf(group: number, puzzle: number): ArcAugmentation | undefined;
  identifierOf(group: number, puzzle: number): number;
  /** Tokens as the reference writes them: label padding is 0, an output that is not known the grid [[0]]. */
  writeTokens(row: number, inputs: Uint8Array, labels: Uint8Array): void;
  /** The pairs without their augmentations. */
  originalPairs(): ArcTest[];
  /** SHA-256 over tasks, augmentations and offsets, which decide all tokens. */
  fingerprint(): string;
}

/** What the reference takes for an output that is not known. */
export const UNKNOWN_OUTPUT: Grid = { rows: 1, cols: 1, cells: new Uint8Array(1) };

const CORNER: GridOffset = { row: 0, column: 0 };
const NOT_SUPERVISED = -100;

export function makePart(settings: PartSettings): ArcPart {
  const { table, groups, side, offsets, maxViews = Number.POSITIVE_INFINITY } = settings;
  const puzzlesIn = ({ task }: PartGroup) => Math.min(maxViews, table.starts[task + 1] - table.starts[task]);
  const puzzleStarts = cumulate(groups, puzzlesIn);
  const exampleStarts = cumulate(groups, (group) => puzzlesIn(group) * group.pairs.length);
  const puzzles = puzzleStarts[groups.length];
  const examples = exampleStarts[groups.length];

  const packedOf = (group: number, puzzle: number) =>
    table.augmentations[table.starts[groups[group].task] + puzzle];
  const identifierOf = (group: number, puzzle: number) =>
    table.firstIdentifier + table.starts[groups[group].task] + puzzle;

  function offsetOf({ group, puzzle, example }: Sample): GridOffset {
    if (!offsets) return CORNER;
    const row = exampleStarts[group] + puzzle * groups[group].pairs.length + example;
    return { row: offsets[2 * row], column: offsets[2 * row + 1] };
  }

  function encode(sample: Sample, inputs: Tokens, labels: Tokens, padding: number): void {
    const { transform, colours } = unpackAugmentation(packedOf(sample.group, sample.puzzle));
    const { input, output = UNKNOWN_OUTPUT } = groups[sample.group].pairs[sample.example];
    const offset = offsetOf(sample);
    encodeView(viewGrid(input, transform), colours, offset, side, inputs, 0);
    encodeView(viewGrid(output, transform), colours, offset, side, labels, padding);
  }

  function locate(row: number): Sample {
    invariant(row >= 0 && row < examples, `row ${row} of ${examples}`);
    const group = lastNotAbove(exampleStarts, row);
    const within = row - exampleStarts[group];
    const perPuzzle = groups[group].pairs.length;
    return { group, puzzle: Math.floor(within / perPuzzle), example: within % perPuzzle };
  }

  function read(sample: Sample, { inputs, labels }: ExampleRow): number {
    encode(sample, inputs, labels, NOT_SUPERVISED);
    if (!groups[sample.group].pairs[sample.example].output) labels.fill(NOT_SUPERVISED);
    return identifierOf(sample.group, sample.puzzle);
  }

  function slice(start: number, most: number) {
    const seqLen = side * side;
    const count = Math.max(0, Math.min(most, examples - start));
    const inputs = new Int32Array(count * seqLen);
    const labels = new Int32Array(count * seqLen);
    const identifiers = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const [from, to] = [i * seqLen, (i + 1) * seqLen];
      const row = { inputs: inputs.subarray(from, to), labels: labels.subarray(from, to) };
      identifiers[i] = read(locate(start + i), row);
    }
    return { count, inputs, labels, identifiers };
  }

  return {
    ...{ groups: groups.length, puzzles, examples, count: examples },
    ...{ side, seqLen: side * side, vocabSize: ARC_VOCABULARY },
    meanPuzzleExamples: puzzles === 0 ? 0 : examples / puzzles,
    puzzlesIn: (group) => puzzleStarts[group + 1] - puzzleStarts[group],
    examplesIn: (group) => groups[group].pairs.length,
    ...{ read, slice, locate, identifierOf },
    taskOf: (group) => table.tasks[groups[group].task],
    augmentationOf: (group, puzzle) =>
      puzzle === 0 ? undefined : unpackAugmentation(packedOf(group, puzzle)),
    writeTokens: (row, inputs, labels) => encode(locate(row), inputs, labels, 0),
    puzzleIdentifiers() {
      const identifiers = new Int32Array(puzzles);
      for (let group = 0; group < groups.length; group++)
        for (let at = puzzleStarts[group]; at < puzzleStarts[group + 1]; at++)
          identifiers[at] = identifierOf(group, at - puzzleStarts[group]);
      return identifiers;
    },
    puzzleIndices() {
      const indices = new Int32Array(puzzles + 1);
      for (let group = 0; group < groups.length; group++)
        for (let at = puzzleStarts[group]; at < puzzleStarts[group + 1]; at++)
          indices[at + 1] = indices[at] + groups[group].pairs.length;
      return indices;
    },
    groupIndices: () => puzzleStarts.slice(),
    originalPairs: () => groups.flatMap(({ pairs }) => pairs),
    fingerprint: () => fingerprint(settings, puzzlesIn),
  };
}

function fingerprint(
  { table, groups, side, offsets }: PartSettings,
  puzzlesIn: (group: PartGroup) => number,
) {
  const hash = createHash("sha256").update(`side ${side}\n`);
  for (const group of groups) {
    const start = table.starts[group.task];
    const changes = table.augmentations.slice(start, start + puzzlesIn(group));
    hash.update(`${table.tasks[group.task].id} ${group.pairs.length} ${changes.length}\n`);
    for (const { input, output = UNKNOWN_OUTPUT } of group.pairs)
      for (const { rows, cols, cells } of [input, output])
        hash.update(Uint8Array.of(rows, cols)).update(cells);
    hash.update(new Uint8Array(changes.buffer));
  }
  return hash.update(offsets ?? "").digest("hex");
}

type Tokens = Uint8Array | Int32Array;

function cumulate<T>(items: readonly T[], sizeOf: (item: T) => number): Int32Array {
  const starts = new Int32Array(items.length + 1);
  items.forEach((item, i) => {
    starts[i + 1] = starts[i] + sizeOf(item);
  });
  return starts;
}
