// A data set of any task whose puzzles have one example each: made up or read from files, split so that no held-out
// puzzle is an image of a training puzzle, augmented when drawn. Not for ARC, whose puzzles are tasks of several
// examples with identifiers of their own (arc/load.ts).

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { requireData } from "../base/data-folder.ts";
import { invariant, ToolError } from "../base/errors.ts";
import { type RandomStream, stream } from "../base/random/threefry.ts";
import type { PuzzleShape } from "../models/model.ts";
import type {
  Answer,
  DataManifest,
  Dataset,
  DrawSettings,
  ExampleSet,
  Examples,
  GroupedExamples,
  Judgement,
  PartManifest,
  TestSet,
} from "./dataset.ts";
import { groupedStream } from "./stream.ts";
import type { Task } from "./task.ts";

/** The settings that all tasks of this kind have in their `data` section. */
export interface PuzzleData {
  readonly train: string | null;
  readonly test: string | null;
  readonly generate: {
    readonly train: number;
    readonly validation: number;
    readonly test: number;
    readonly seed: number;
  } | null;
  readonly subsample: number | null;
  readonly augmentations: number | "fresh";
  readonly validation: number;
}

/** Where the puzzles of a configuration come from. */
export interface PuzzleOrigin<Puzzle> {
  /** What is special about generated puzzles, for instance `16 clues`; may be empty. */
  readonly recipe: string;
  /** Different puzzles, none with a key in `exclude`; equal settings give equal puzzles. */
  generate(settings: { seed: number; count: number; exclude: ReadonlySet<string> }): Iterable<Puzzle>;
  /** All puzzles of a file. */
  read(path: string): readonly Puzzle[];
  /** Which of a training file are used; default: all. */
  isWanted?(puzzle: Puzzle): boolean;
}

/** Held-out puzzles to measure a model on. */
export interface PuzzleTestSet<Puzzle> extends TestSet {
  readonly puzzles: readonly Puzzle[];
  sample(random: RandomStream, count: number): PuzzleTestSet<Puzzle>;
}

/** Indices of `augmentations: "fresh"` lie below this. */
const FRESH_INDICES = 2 ** 31;

/** Puzzles in a row that were all known already, after which a set counts as exhausted. */
const MAX_REPEATS = 2000;

interface Parts<Puzzle> {
  readonly train: readonly Puzzle[];
  readonly validation: readonly Puzzle[];
  readonly test: readonly Puzzle[];
  readonly from: { readonly train: string; readonly test: string };
}

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
  const parts = data.generate ? generateParts(task, origin, data) : readParts(task, origin, data, draw.seed);
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
  const name = file ?? data.test;
  if (name !== null) return testSetOf(task, origin.read(findPuzzleFile(name)), name);
  if (!data.generate) throw noTest();
  const { test, from } = generateParts(task, origin, {
    ...data,
    generate: { ...data.generate, train: 0, validation: 0 },
  });
  return testSetOf(task, test, from.test);
}

/** A file by its path, else by its name in the data folder. */
export function findPuzzleFile(name: string): string {
  return existsSync(name) ? name : requireData(name);
}

/** Different puzzles of a task that makes one at a time: those of the indices 0, 1, … with a new key. */
export function* generateDistinct<Puzzle>(
  task: Task<Puzzle>,
  { seed, count, exclude }: { seed: number; count: number; exclude: ReadonlySet<string> },
): Generator<Puzzle> {
  invariant(task.generate, `${task.family} makes no puzzles`);
  const known = new Set<string>();
  let repeats = 0;
  for (let index = 0; known.size < count; index++) {
    const puzzle = task.generate(stream(seed, `${task.family}-puzzle`, index));
    const key = keyOf(task, puzzle);
    if (known.has(key) || exclude.has(key)) {
      if (++repeats >= MAX_REPEATS) throw exhausted(task.title, known.size, count);
      continue;
    }
    repeats = 0;
    known.add(key);
    yield puzzle;
  }
}

/** Held-out puzzles come first from the generator, so that more training puzzles leave them as they are. */
function generateParts<Puzzle>(
  task: Task<Puzzle>,
  origin: PuzzleOrigin<Puzzle>,
  { generate }: PuzzleData,
): Parts<Puzzle> {
  invariant(generate, "no generator settings");
  const known = new Set<string>();
  const draw = (part: number, count: number): Puzzle[] => {
    const puzzles = [...origin.generate({ seed: 3 * generate.seed + part, count, exclude: new Set(known) })];
    for (const puzzle of puzzles) known.add(keyOf(task, puzzle));
    return puzzles;
  };
  const test = draw(0, generate.test);
  const validation = draw(1, generate.validation);
  const train = draw(2, generate.train);
  const recipe = origin.recipe === "" ? "" : `${origin.recipe}, `;
  const from = `generated: ${recipe}seed ${generate.seed}`;
  return { train, validation, test, from: { train: from, test: from } };
}

function readParts<Puzzle>(
  task: Task<Puzzle>,
  origin: PuzzleOrigin<Puzzle>,
  data: PuzzleData,
  seed: number,
): Parts<Puzzle> {
  if (data.train === null) throw noTrainingPuzzles(task.family);
  const trainFile = findPuzzleFile(data.train);
  const all = origin.read(trainFile);
  const puzzles = origin.isWanted ? all.filter(origin.isWanted) : all;
  const order = stream(seed, `${task.family}-subsample`).permutation(puzzles.length);
  const validation = Array.from(order.slice(0, data.validation), (index) => puzzles[index]);
  const rest = Array.from(order.slice(data.validation)).sort((a, b) => a - b);
  const chosen =
    data.subsample === null || data.subsample >= rest.length
      ? rest
      : stream(seed, `${task.family}-subsample`, 1)
          .permutation(rest.length)
          .slice(0, data.subsample)
          .map((i) => rest[i]);
  const train = Array.from(chosen, (index) => puzzles[index]);
  if (train.length === 0)
    throw new ToolError(`no training puzzle is left of the ${all.length} in ${trainFile}`, {
      code: `${task.family}/no-data`,
      where: "data.validation, data.minDifficulty",
      hint: `${puzzles.length} are difficult enough, ${data.validation} are held out of them: lower one of the two`,
      exitCode: 2,
    });
  const test = data.test === null ? [] : origin.read(findPuzzleFile(data.test));
  return { train, validation, test, from: { train: data.train, test: data.test ?? "none" } };
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
  return task.augment(puzzle, stream(seed, `${task.family}-augmentation`, group, index));
}

/** Questions as inputs, answers as labels. */
function exampleSetOf<Puzzle>(task: Task<Puzzle>, puzzles: readonly Puzzle[]): ExampleSet {
  return {
    count: puzzles.length,
    slice: (start, count) => encodePuzzles(task, puzzles.slice(start, start + count)),
  };
}

export function encodePuzzles<Puzzle>(task: Task<Puzzle>, puzzles: readonly Puzzle[]): Examples {
  const { seqLen } = task;
  const inputs = new Int32Array(puzzles.length * seqLen);
  const labels = new Int32Array(puzzles.length * seqLen);
  const identifiers = new Int32Array(puzzles.length);
  puzzles.forEach((puzzle, i) => {
    const [from, to] = [i * seqLen, (i + 1) * seqLen];
    task.encode(puzzle, inputs.subarray(from, to), labels.subarray(from, to));
    identifiers[i] = task.identifier?.(puzzle) ?? 0;
  });
  return { count: puzzles.length, inputs, labels, identifiers };
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

/** Equal for puzzles that count as the same. */
export function keyOf<Puzzle>(task: Task<Puzzle>, puzzle: Puzzle): string {
  if (task.key) return task.key(puzzle);
  return encodePuzzles(task, [puzzle]).inputs.join();
}

/** Tokens as text, in the task's own form if it has one. */
export function formatTokens(task: Pick<Task<unknown>, "format">, tokens: ArrayLike<number>): string {
  return task.format?.(tokens) ?? Array.from(tokens).join(" ");
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

function noTrainingPuzzles(family: string): ToolError {
  return new ToolError("the configuration names no puzzles to train on", {
    code: `${family}/no-data`,
    where: "data.train, data.generate",
    hint: "set data.train to a file, or data.generate to have puzzles made",
    exitCode: 2,
  });
}

function exhausted(title: string, found: number, count: number): ToolError {
  return new ToolError(`only ${found} of ${count} different puzzles (${title}) were found`, {
    code: "data/set-exhausted",
    where: `the last ${MAX_REPEATS} were all images of known ones`,
    hint: `ask for at most ${found} in all`,
  });
}
