// A data set of any task whose puzzles have one example each: augmented when drawn, described, and counted how many
// held-out puzzles are images of training puzzles. Not for ARC, whose puzzles are tasks of several
// examples with identifiers of their own (arc/load.ts).

import { createHash } from "node:crypto";
import { ToolError } from "../base/errors.ts";
import { type RandomStream, stream } from "../base/random/threefry.ts";
import type { PuzzleShape } from "../models/model.ts";
import type {
  Answer,
  DataManifest,
  Dataset,
  DrawSettings,
  ExampleSet,
  GroupedExamples,
  Judgement,
  PartManifest,
  TestSet,
} from "./dataset.ts";
import { isReferenceFolder, loadFolder, readFolderPuzzles } from "./puzzle-folder.ts";
import { findParts, findPuzzleFile, type PuzzleData, type PuzzleOrigin } from "./puzzle-parts.ts";
import { encodePuzzles, formatTokens, keyOf } from "./puzzle-rows.ts";
import { groupedStream } from "./stream.ts";
import type { Task } from "./task.ts";

/** Held-out puzzles to measure a model on. */
export interface PuzzleTestSet<Puzzle> extends TestSet {
  readonly puzzles: readonly Puzzle[];
  sample(random: RandomStream, count: number): PuzzleTestSet<Puzzle>;
}

/** Indices of `augmentations: "fresh"` lie below this. */
const FRESH_INDICES = 2 ** 31;

/** What a model must know: all puzzles follow the same rules, so one identifier serves them all. */
export function shapeOf({ seqLen, vocabSize }: Pick<Task<unknown>, "seqLen" | "vocabSize">): PuzzleShape {
  return { seqLen, vocabSize, numPuzzleIdentifiers: 1 };
}

export function loadPuzzles<Puzzle>(
  task: Task<Puzzle>,
  origin: PuzzleOrigin<Puzzle>,
  data: PuzzleData,
  draw: DrawSettings,
): Dataset {
  const folder = folderOf(data);
  if (folder !== null) return loadFolder(task, findPuzzleFile(folder), draw);
  const parts = findParts(task, origin, data, draw.seed);
  const manifest: DataManifest = {
    task: task.title,
    train: describePart(task, parts.train, parts.from.train),
    validation: describePart(task, parts.validation, parts.from.train),
    test: describePart(task, parts.test, parts.from.test),
    heldOutInTraining: countKnown(task, parts.train, [...parts.validation, ...parts.test]),
  };
  return {
    shape: shapeOf(task),
    groups: parts.train.length,
    meanPuzzleExamples: 1,
    stream: groupedStream(groupsOf(task, parts.train, data, draw.seed), draw),
    validation: exampleSetOf(task, parts.validation),
    test: exampleSetOf(task, parts.test),
    manifest,
  };
}

/** The puzzles of a file, or the test set of the configuration. */
export function loadPuzzleTestSet<Puzzle>(
  task: Task<Puzzle>,
  origin: PuzzleOrigin<Puzzle>,
  data: PuzzleData,
  file: string | null,
): PuzzleTestSet<Puzzle> {
  const name = file ?? data.test ?? folderOf(data);
  if (name !== null) return testSetOf(task, readTestPuzzles(task, origin, findPuzzleFile(name)), name);
  if (!data.generate) throw noTest();
  const own = { ...data, generate: { ...data.generate, train: 0, validation: 0 } };
  const { test, from } = findParts(task, origin, own, 0);
  return testSetOf(task, test, from.test);
}

/** The folder that is trained on, which has a test part as well. */
function folderOf({ train }: PuzzleData): string | null {
  return train !== null && isReferenceFolder(findPuzzleFile(train)) ? train : null;
}

function readTestPuzzles<Puzzle>(
  task: Task<Puzzle>,
  origin: PuzzleOrigin<Puzzle>,
  path: string,
): readonly Puzzle[] {
  return isReferenceFolder(path) ? readFolderPuzzles(task, path) : origin.read(path);
}

/** A group is a puzzle with its augmentations; each is made when it is drawn, from a stream named after its number. */
function groupsOf<Puzzle>(
  task: Task<Puzzle>,
  puzzles: readonly Puzzle[],
  { augmentations }: PuzzleData,
  seed: number,
): GroupedExamples {
  const images = augmentations === "fresh" ? FRESH_INDICES : 1 + augmentations;
  return {
    groups: puzzles.length,
    puzzlesIn: () => images,
    examplesIn: () => 1,
    meanPuzzleExamples: 1,
    read({ group, puzzle: index }, { inputs, labels }) {
      task.encode(augmented(task, puzzles[group], seed, group, index), inputs, labels);
      return 0;
    },
  };
}

/** The augmentation number `index` of the puzzle number `group`; 0 is the puzzle itself. A pure function. */
export function augmented<Puzzle>(
  task: Task<Puzzle>,
  puzzle: Puzzle,
  seed: number,
  group: number,
  index: number,
): Puzzle {
  if (index === 0) return puzzle;
  if (task.image) return task.image(puzzle, index);
  return task.augment(puzzle, stream(seed, `${task.family}-augmentation`, group, index));
}

/** Questions as inputs, answers as labels. */
function exampleSetOf<Puzzle>(task: Task<Puzzle>, puzzles: readonly Puzzle[]): ExampleSet {
  return {
    count: puzzles.length,
    slice: (start, count) => encodePuzzles(task, puzzles.slice(start, start + count)),
  };
}

function testSetOf<Puzzle>(
  task: Task<Puzzle>,
  puzzles: readonly Puzzle[],
  from: string,
): PuzzleTestSet<Puzzle> {
  return {
    puzzles,
    examples: exampleSetOf(task, puzzles),
    manifest: describePart(task, puzzles, from),
    sample(random, count) {
      if (count >= puzzles.length) return this;
      const chosen = random
        .permutation(puzzles.length)
        .slice(0, count)
        .sort((a, b) => a - b);
      return testSetOf(
        task,
        chosen.map((index) => puzzles[index]),
        `${count} of ${from}`,
      );
    },
    difficulty: task.difficulty?.map((scale) => ({ ...scale, of: (index) => scale.of(puzzles[index]) })),
    judge: (answers) => judgeAnswers(task, puzzles, answers),
  };
}

function judgeAnswers<Puzzle>(
  task: Task<Puzzle>,
  puzzles: readonly Puzzle[],
  answers: Iterable<Answer>,
): Judgement {
  const sums = new Map<string, number>();
  let count = 0;
  let invalid = 0;
  for (const { index, tokens } of answers) {
    const { valid, measures = {} } = task.score(puzzles[index], tokens);
    count++;
    if (!valid) invalid++;
    for (const [name, value] of Object.entries(measures)) sums.set(name, (sums.get(name) ?? 0) + value);
  }
  const share = (sum: number) => sum / Math.max(count, 1);
  const means = Object.fromEntries([...sums].map(([name, sum]) => [name, share(sum)]));
  return { invalidRate: share(invalid), ...(sums.size > 0 ? { measures: means } : {}) };
}

/** How many of the held-out puzzles are images of training puzzles. */
function countKnown<Puzzle>(
  task: Task<Puzzle>,
  train: readonly Puzzle[],
  heldOut: readonly Puzzle[],
): number {
  const rough = (puzzle: Puzzle) => task.roughKey?.(puzzle) ?? keyOf(task, puzzle);
  const candidates = new Set(heldOut.map(rough));
  const known = new Set(
    train.filter((puzzle) => candidates.has(rough(puzzle))).map((puzzle) => keyOf(task, puzzle)),
  );
  if (known.size === 0) return 0;
  return heldOut.filter((puzzle) => known.has(keyOf(task, puzzle))).length;
}

function describePart<Puzzle>(task: Task<Puzzle>, puzzles: readonly Puzzle[], from: string): PartManifest {
  const hash = createHash("sha256");
  for (const puzzle of puzzles) {
    const { inputs, labels } = encodePuzzles(task, [puzzle]);
    hash.update(`${formatTokens(task, inputs)},${formatTokens(task, labels)}\n`);
  }
  return { from, puzzles: puzzles.length, sha256: hash.digest("hex") };
}

function noTest(): ToolError {
  return new ToolError("the run has no test puzzles of its own", {
    code: "data/no-test",
    hint: "name a file of puzzles with --data",
    exitCode: 2,
  });
}
