// What training and evaluation see of a data set, whatever the puzzle: token rows, an endless stream of training
// batches that can be continued where it stopped, and held-out examples. tasks/<family>/load.ts makes one.

import type { PuzzleShape } from "../models/model.ts";

/** Examples as token rows, all of one length. */
export interface Examples {
  readonly count: number;
  readonly inputs: Int32Array; // [count, S]
  /** -100 where a cell is not supervised. */
  readonly labels: Int32Array; // [count, S]
  readonly identifiers: Int32Array; // [count]
}

/** Training rows in the reference's order (spec/trm.md section 10). */
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
  readonly stream: TrainingStream;
  /** For choices during training. May be empty. */
  readonly validation: Examples;
  /** For the final result only: nothing is ever chosen by it. */
  readonly test: Examples;
  readonly manifest: DataManifest;
}

/** The part of examples from `start` on, at most `count`; views, not copies. */
export function sliceExamples(examples: Examples, start: number, count: number): Examples {
  const end = Math.min(start + count, examples.count);
  const seqLen = examples.inputs.length / Math.max(examples.count, 1);
  return {
    count: Math.max(end - start, 0),
    inputs: examples.inputs.subarray(start * seqLen, end * seqLen),
    labels: examples.labels.subarray(start * seqLen, end * seqLen),
    identifiers: examples.identifiers.subarray(start, end),
  };
}
