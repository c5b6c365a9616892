// Sudoku as a data set: puzzles read from files of the Sudoku-Extreme layout or made by the generator, split so that
// no held-out puzzle is a symmetric image of a training puzzle, and drawn as the reference draws them.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { requireData } from "../../base/data-folder.ts";
import { ToolError } from "../../base/errors.ts";
import { type RandomStream, stream } from "../../base/random/threefry.ts";
import type { PuzzleShape } from "../../models/model.ts";
import type { DataManifest, Dataset, Examples, PartManifest, TrainingStream } from "../dataset.ts";
import { applyAugmentation, augmentation } from "./augment.ts";
import { canonicalKey, provenDisjoint } from "./canonical.ts";
import { readSudokuFile, type SudokuPuzzle } from "./dataset.ts";
import { encodeBoard, sequenceLength, vocabularySize } from "./encode.ts";
import { generateSet } from "./generate.ts";
import { formatBoard, type SudokuSize } from "./rules.ts";
import { makeSampler, type SamplerState } from "./sampler.ts";

/** The `data` section of a configuration. */
export interface SudokuData {
  readonly size: SudokuSize;
  readonly train: string | null;
  readonly test: string | null;
  readonly generate: {
    readonly train: number;
    readonly validation: number;
    readonly test: number;
    readonly clues: number;
    readonly seed: number;
  } | null;
  readonly subsample: number | null;
  readonly augmentations: number | "fresh";
  readonly minDifficulty: number | null;
  readonly validation: number;
}

/** The settings of the training that decide which rows are drawn when. */
export interface DrawSettings {
  readonly seed: number;
  readonly globalBatchSize: number;
  /** Epochs in one sweep of the loader. */
  readonly evalInterval: number;
}

interface Parts {
  readonly train: readonly SudokuPuzzle[];
  readonly validation: readonly SudokuPuzzle[];
  readonly test: readonly SudokuPuzzle[];
  readonly from: { readonly train: string; readonly test: string };
}

export function loadSudoku(data: SudokuData, draw: DrawSettings): Dataset {
  const parts = data.generate ? generateParts(data) : readParts(data, draw.seed);
  const heldOut = [...parts.validation, ...parts.test].map(({ question }) => question);
  const { equivalentPairs } = provenDisjoint(
    parts.train.map(({ question }) => question),
    heldOut,
  );
  const manifest: DataManifest = {
    task: `sudoku ${data.size}×${data.size}`,
    train: describePart(parts.train, parts.from.train),
    validation: describePart(parts.validation, parts.from.train),
    test: describePart(parts.test, parts.from.test),
    heldOutInTraining: new Set(equivalentPairs.map(({ test }) => test)).size,
  };
  return {
    shape: {
      seqLen: sequenceLength(data.size),
      vocabSize: vocabularySize(data.size),
      numPuzzleIdentifiers: 1,
    },
    groups: parts.train.length,
    stream: trainingStream(parts.train, data, draw),
    validation: encodePuzzles(parts.validation, data.size),
    test: encodePuzzles(parts.test, data.size),
    manifest,
  };
}

/** All Sudoku puzzles follow the same rules: one identifier serves them all. */
export function sudokuShape(size: SudokuSize): PuzzleShape {
  return { seqLen: sequenceLength(size), vocabSize: vocabularySize(size), numPuzzleIdentifiers: 1 };
}

/** Questions as inputs, answers as labels; every cell is supervised, givens too. */
export function encodePuzzles(puzzles: readonly SudokuPuzzle[], size: SudokuSize): Examples {
  const cells = sequenceLength(size);
  const inputs = new Int32Array(puzzles.length * cells);
  const labels = new Int32Array(puzzles.length * cells);
  puzzles.forEach(({ question, answer }, i) => {
    encodeBoard(question, inputs, i * cells);
    encodeBoard(answer, labels, i * cells);
  });
  return { count: puzzles.length, inputs, labels, identifiers: new Int32Array(puzzles.length) };
}

/** Held-out puzzles to measure a model on. */
export interface TestPuzzles {
  readonly puzzles: readonly SudokuPuzzle[];
  readonly examples: Examples;
  readonly manifest: PartManifest;
  /** At most `count` of them, drawn without replacement, in the order of the set. */
  sample(random: RandomStream, count: number): TestPuzzles;
}

/** The puzzles of a file, or the test set of a configuration. */
export function loadTestPuzzles(data: SudokuData, file: string | null): TestPuzzles {
  const name = file ?? data.test;
  if (name !== null) return testPuzzles(readPuzzles(findPuzzleFile(name), data.size), data.size, name);
  const { test, from } = data.generate
    ? generateParts({ ...data, generate: { ...data.generate, train: 0 } })
    : noTest();
  return testPuzzles(test, data.size, from.test);
}

function noTest(): never {
  throw new ToolError("the run has no test puzzles of its own", {
    code: "sudoku/no-test",
    hint: "name a CSV file with --data",
    exitCode: 2,
  });
}

function testPuzzles(puzzles: readonly SudokuPuzzle[], size: SudokuSize, from: string): TestPuzzles {
  return {
    puzzles,
    examples: encodePuzzles(puzzles, size),
    manifest: describePart(puzzles, from),
    sample(random, count) {
      if (count >= puzzles.length) return this;
      const chosen = random
        .permutation(puzzles.length)
        .slice(0, count)
        .sort((a, b) => a - b);
      return testPuzzles(
        chosen.map((index) => puzzles[index]),
        size,
        `${count} of ${from}`,
      );
    },
  };
}

/** A file by its path, else by its name in the data folder. */
export function findPuzzleFile(name: string): string {
  return existsSync(name) ? name : requireData(name);
}

/** Held-out puzzles come first from the generator, so that more training puzzles leave them as they are. */
function generateParts(data: SudokuData): Parts {
  const { size, generate } = data;
  if (!generate) throw new Error("no generator settings");
  const { clues, seed } = generate;
  const known = new Set<string>();
  const draw = (part: number, count: number): SudokuPuzzle[] => {
    const puzzles = [...generateSet({ size, clues, seed: 3 * seed + part, count, exclude: new Set(known) })];
    for (const { question } of puzzles) known.add(canonicalKey(question));
    return puzzles;
  };
  const test = draw(0, generate.test);
  const validation = draw(1, generate.validation);
  const train = draw(2, generate.train);
  const from = `generated: ${clues} clues, seed ${seed}`;
  return { train, validation, test, from: { train: from, test: from } };
}

function readParts(data: SudokuData, seed: number): Parts {
  if (data.train === null)
    throw new ToolError("the configuration names no puzzles to train on", {
      code: "sudoku/no-data",
      where: "data.train, data.generate",
      hint: "set data.train to a CSV file, or data.generate to have puzzles made",
      exitCode: 2,
    });
  const trainFile = findPuzzleFile(data.train);
  const all = readPuzzles(trainFile, data.size);
  const least = data.minDifficulty;
  const puzzles = least === null ? all : all.filter(({ rating }) => rating >= least);
  const order = stream(seed, "sudoku-subsample").permutation(puzzles.length);
  const validation = Array.from(order.slice(0, data.validation), (index) => puzzles[index]);
  const rest = Array.from(order.slice(data.validation)).sort((a, b) => a - b);
  const chosen =
    data.subsample === null || data.subsample >= rest.length
      ? rest
      : stream(seed, "sudoku-subsample", 1)
          .permutation(rest.length)
          .slice(0, data.subsample)
          .map((i) => rest[i]);
  const train = Array.from(chosen, (index) => puzzles[index]);
  if (train.length === 0)
    throw new ToolError(`no training puzzle is left of the ${all.length} in ${trainFile}`, {
      code: "sudoku/no-data",
      where: "data.validation, data.minDifficulty",
      hint: `${puzzles.length} are difficult enough, ${data.validation} are held out of them: lower one of the two`,
      exitCode: 2,
    });
  const test = data.test === null ? [] : readPuzzles(findPuzzleFile(data.test), data.size);
  return { train, validation, test, from: { train: data.train, test: data.test ?? "none" } };
}

/** The puzzles of a file, which must be of the size that the configuration says. */
export function readPuzzles(path: string, size: SudokuSize): SudokuPuzzle[] {
  const puzzles = readSudokuFile(path);
  const cells = sequenceLength(size);
  const other = puzzles.find(({ question }) => question.length !== cells);
  if (!other) return puzzles;
  throw new ToolError(
    `${path} has puzzles of ${other.question.length} cells, not the ${cells} of ${size}×${size}`,
    {
      code: "sudoku/size",
      where: "data.size",
      hint: "set data.size to that of the file, or name another file",
      exitCode: 2,
    },
  );
}

function trainingStream(
  puzzles: readonly SudokuPuzzle[],
  data: SudokuData,
  draw: DrawSettings,
): TrainingStream {
  const sampler = makeSampler({
    groups: puzzles.length,
    augmentations: data.augmentations,
    seed: draw.seed,
    globalBatchSize: draw.globalBatchSize,
    epochsPerIterator: draw.evalInterval,
  });
  const cells = sequenceLength(data.size);
  return {
    batchesPerSweep: sampler.batchesPerIterator,
    next({ inputs, labels, identifiers }) {
      sampler.next().forEach(({ group, augmentation: index }, row) => {
        const { question, answer } = puzzles[group];
        const change = augmentation(data.size, draw.seed, group, index);
        encodeBoard(applyAugmentation(change, question), inputs, row * cells);
        encodeBoard(applyAugmentation(change, answer), labels, row * cells);
        identifiers[row] = 0;
      });
    },
    state: () => sampler.state(),
    restore: (state) => sampler.restore(state as SamplerState), // checked there
  };
}

function describePart(puzzles: readonly SudokuPuzzle[], from: string): PartManifest {
  const hash = createHash("sha256");
  for (const { question, answer } of puzzles)
    hash.update(`${formatBoard(question)},${formatBoard(answer)}\n`);
  return { from, puzzles: puzzles.length, sha256: hash.digest("hex") };
}
