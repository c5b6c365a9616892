// What training and evaluation see of a data set, whatever the puzzle: token rows, an endless stream of training
// batches that can be continued where it stopped, and held-out examples. tasks/<family>/load.ts makes one.

import type { RandomStream } from "../base/random/threefry.ts";
import type { PuzzleShape } from "../models/model.ts";
import type { DifficultyScale } from "./task.ts";

/** Examples as token rows, all of one length. */
export interface Examples {
  readonly count: number;
  readonly inputs: Int32Array; // [count, S]
  /** -100 where a cell is not supervised. */
  readonly labels: Int32Array; // [count, S]
  readonly identifiers: Int32Array; // [count]
}

/** Examples that need not all be in memory. */
export interface ExampleSet {
  readonly count: number;
  /** The rows from `start` on, at most `count` of them. */
  slice(start: number, count: number): Examples;
}

/** Place of an example in grouped examples, all from 0. */
export interface Sample {
  readonly group: number;
  /** Within the group; 0 is the original. */
  readonly puzzle: number;
  /** Within the puzzle. */
  readonly example: number;
}

/** One row to be filled, views of a batch. */
export interface ExampleRow {
  readonly inputs: Int32Array; // [S]
  readonly labels: Int32Array; // [S]
}

/**
 * Training examples as the reference orders them (spec/trm.md section 10): a group is an original with its
 * augmentations, a puzzle one of those, and has one or several examples.
 */
export interface GroupedExamples {
  readonly groups: number;
  puzzlesIn(group: number): number;
  examplesIn(group: number, puzzle: number): number;
  /** Mean over the puzzles. */
  readonly meanPuzzleExamples: number;
  /** Fills the row, returns the identifier. */
  read(sample: Sample, row: ExampleRow): number;
}

/** The settings of the training that decide which rows are drawn when. */
export interface DrawSettings {
  readonly seed: number;
  readonly globalBatchSize: number;
  /** Epochs in one sweep of the loader. */
  readonly evalInterval: number;
}

/** Training rows in the reference's order. */
export interface TrainingStream {
  /** Fills the arrays with the next batch. */
  next(into: Omit<Examples, "count">): void;
  /** Batches in one sweep of the loader, after which the reference evaluates. */
  readonly batchesPerSweep: number;
  /** Position as plain JSON, so that a resumed run draws the same rows. */
  state(): unknown;
  restore(state: unknown): void;
}

/** What a result must say about its data. */
export interface DataManifest {
  readonly task: string;
  readonly train: PartManifest;
  readonly validation: PartManifest;
  readonly test: PartManifest;
  /** Held-out puzzles that are a symmetric image of a training puzzle: 0 is proven, not assumed. */
  readonly heldOutInTraining: number;
}

export interface PartManifest {
  readonly from: string;
  readonly puzzles: number;
  /** Over questions and answers in order. */
  readonly sha256: string;
}

export interface Dataset {
  readonly shape: PuzzleShape;
  /** Training groups: puzzles before augmentation. */
  readonly groups: number;
  /** Examples a training puzzle has on average: an epoch shows groups × this many rows. */
  readonly meanPuzzleExamples: number;
  readonly stream: TrainingStream;
  /** For choices during training. May be empty. */
  readonly validation: ExampleSet;
  /** For the final result only: nothing is ever chosen by it. */
  readonly test: ExampleSet;
  readonly manifest: DataManifest;
}

/** What a model said of one held-out example. */
export interface Answer {
  /** Which, in the order of the test set's examples. */
  readonly index: number;
  /** Predicted tokens [S]. */
  readonly tokens: ArrayLike<number>;
  readonly haltLogit: number;
}

/** Held-out examples to measure a model on. */
export interface TestSet {
  readonly examples: ExampleSet;
  readonly manifest: PartManifest;
  /** At most so many puzzles (ARC: tasks) of it, drawn without replacement, in the order of the set. */
  sample(random: RandomStream, count: number): TestSet;
  /** How hard each example is, by its place in the order of the examples; absent where the task has no measure. */
  readonly difficulty?: readonly DifficultyScale<number>[];
  /** What is to be said of the answers beyond "equal to the label": rules, votes. */
  judge(answers: Iterable<Answer>): Judgement;
}

export interface Judgement {
  /** Share of answers that the rules do not allow; absent where only the known answer counts. */
  readonly invalidRate?: number;
  /** Means of the task's further measures. */
  readonly measures?: Readonly<Record<string, number>>;
  /** ARC: share of test tasks solved by the first K of the ranked votes, by K. */
  readonly passAt?: Readonly<Record<string, number>>;
  /** ARC: two attempts for each test input, in the layout of the competition. */
  readonly submission?: Readonly<Record<string, unknown>>;
}
