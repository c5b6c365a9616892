// Everything that changes during training, in plain arrays: what a checkpoint holds and a resumed run continues from.

import type { RecursiveModel } from "../models/model.ts";
import { type ModelWeights, makeWeights } from "../models/weights.ts";

export interface TrainingState extends ModelWeights {
  /** Optimizer steps made. */
  step: number;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Moving average of the weights; undefined without EMA. */
  readonly average: Float32Array | undefined;
  readonly slots: Slots;
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
  readonly carry: ReadonlyMap<string, Float32Array>;
}

export interface StateOptions {
  readonly seed: number;
  readonly batchSize: number;
  readonly ema: boolean;
}

/** A model before its first step. */
export function makeTrainingState(model: RecursiveModel, options: StateOptions): TrainingState {
  const initial = makeWeights(model, options.seed);
  return {
    ...initial,
    step: 0,
    firstMoment: new Float32Array(initial.layout.length),
    secondMoment: new Float32Array(initial.layout.length),
    average: options.ema ? initial.weights.slice() : undefined,
    slots: makeSlots(model, options.batchSize),
  };
}

export function makeSlots(model: RecursiveModel, batchSize: number): Slots {
  const cells = batchSize * model.shape.seqLen;
  const carrySize = batchSize * model.tokens * model.hiddenSize;
  return {
    inputs: new Int32Array(cells),
    labels: new Int32Array(cells),
    identifiers: new Int32Array(batchSize),
    steps: new Int32Array(batchSize),
    halted: new Int32Array(batchSize).fill(1),
    carry: new Map(model.carry.map((name) => [name, new Float32Array(carrySize)])),
  };
}
