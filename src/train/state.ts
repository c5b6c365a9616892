// Everything that changes during training, in plain arrays: what a checkpoint holds and a resumed run continues from.

import type { NumberFormat } from "../engine/number-format.ts";
import { makeCarry, type RecursiveModel } from "../models/model.ts";
import { type ModelWeights, makeWeights } from "../models/weights.ts";
import { TrackedTable } from "../runs/table-segments.ts";

export interface TrainingState extends ModelWeights {
  /** What the training graph computes in, and the carry is kept in. */
  readonly format: NumberFormat;
  /** Optimizer steps made. */
  step: number;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Moving average of the weights; undefined without EMA. */
  readonly average: Float32Array | undefined;
  readonly slots: Slots;
  /** `table`, with a note of what changed since the last checkpoint. */
  readonly trackedTable: TrackedTable;
}

/** The B episodes under way: a slot keeps its puzzle until it halts, then takes a new one. */
export interface Slots {
  readonly inputs: Int32Array; // [B, S]
  readonly labels: Int32Array; // [B, S]
  readonly identifiers: Int32Array; // [B]
  /** Supervision steps made on the present puzzle. */
  readonly steps: Int32Array; // [B]
  /** 1 where the slot takes a new puzzle next; at the start everywhere. */
  readonly halted: Int32Array; // [B]
  /** The model's state by name, each [B, L, D]. */
  readonly carry: ReadonlyMap<string, Float32Array | Uint16Array>;
}

export interface StateOptions {
  readonly seed: number;
  readonly batchSize: number;
  readonly ema: boolean;
  /** Default: float32. */
  readonly format?: NumberFormat;
}

/** A model before its first step. */
export function makeTrainingState(model: RecursiveModel, options: StateOptions): TrainingState {
  const initial = makeWeights(model, options.seed);
  const { format = "float32" } = options;
  return {
    ...initial,
    format,
    step: 0,
    firstMoment: new Float32Array(initial.layout.length),
    secondMoment: new Float32Array(initial.layout.length),
    average: options.ema ? initial.weights.slice() : undefined,
    slots: makeSlots(model, options.batchSize, format),
    trackedTable: new TrackedTable(initial.table, model.puzzleVectorSize),
  };
}

export function makeSlots(model: RecursiveModel, batchSize: number, format: NumberFormat): Slots {
  const cells = batchSize * model.shape.seqLen;
  return {
    inputs: new Int32Array(cells),
    labels: new Int32Array(cells),
    identifiers: new Int32Array(batchSize),
    steps: new Int32Array(batchSize),
    halted: new Int32Array(batchSize).fill(1),
    carry: makeCarry(model, batchSize, format),
  };
}
