// The order in which training visits puzzles, that of the reference (puzzle_dataset.py; spec/trm.md section
// 10), bit for bit: groups in shuffled passes, one of each group's puzzles at a time. Gives indices only;
// which board an index stands for is augment.ts.
// Differs from the reference: a puzzle has one example here, so its shuffle of examples (from NumPy's global
// generator, not this one) has nothing to shuffle and is left out.

import { ToolError } from "../../base/errors.ts";
import { makePhiloxGenerator, type PhiloxGenerator, type PhiloxState } from "../../base/random/philox.ts";

/** Indices of `augmentations: "fresh"` lie below this. */
const FRESH_INDICES = 2 ** 31;

export interface SamplerOptions {
  groups: number;
  /** Augmentations of each group besides its original, or `fresh`: a new one at every visit. */
  augmentations: number | "fresh";
  seed: number;
  globalBatchSize: number;
  /** Passes over the groups in one iterator; the reference calls it eval_interval. */
  epochsPerIterator: number;
}

export interface Sample {
  group: number;
  /** 0 is the original. */
  augmentation: number;
}

/** Plain JSON; the shuffled order is made again from it. */
export interface SamplerState {
  iterator: number;
  position: number;
  random: PhiloxState;
}

export interface Sampler {
  /** The next whole batch. An incomplete last batch of an iterator is dropped and the next iterator begins. */
  next(): Sample[];
  /** Whole batches in every iterator. */
  readonly batchesPerIterator: number;
  state(): SamplerState;
  restore(state: SamplerState): void;
}

export function makeSampler(options: SamplerOptions): Sampler {
  const { groups, augmentations, globalBatchSize, epochsPerIterator } = options;
  const samplesPerIterator = groups * epochsPerIterator;
  const batchesPerIterator = Math.floor(samplesPerIterator / globalBatchSize);
  if (!(batchesPerIterator >= 1)) throw tooFewSamples(options);
  const augmentationEnd = augmentations === "fresh" ? FRESH_INDICES : 1 + augmentations;

  let iterator = 0;
  let position = 0;
  let random: PhiloxGenerator;
  let order = new Int32Array(0);

  /** Iterator numbers count from 1, and each has its own generator. */
  function begin(number: number): void {
    iterator = number;
    position = 0;
    random = makePhiloxGenerator(options.seed + number);
    order = groupOrder(random, groups, epochsPerIterator);
  }
  begin(1);

  return {
    batchesPerIterator,
    next() {
      if (position + globalBatchSize > samplesPerIterator) begin(iterator + 1);
      const batch: Sample[] = [];
      for (const end = position + globalBatchSize; position < end; position++) {
        batch.push({ group: order[position], augmentation: random.integers(0, augmentationEnd) });
      }
      return batch;
    },
    state: () => ({ iterator, position, random: random.state() }),
    restore(state) {
      checkState(state, samplesPerIterator);
      begin(state.iterator);
      position = state.position;
      random.restore(state.random);
    },
  };
}

function groupOrder(random: PhiloxGenerator, groups: number, passes: number): Int32Array<ArrayBuffer> {
  const order = new Int32Array(groups * passes);
  for (let pass = 0; pass < passes; pass++) order.set(random.permutation(groups), pass * groups);
  return order;
}

function tooFewSamples({ groups, epochsPerIterator, globalBatchSize }: SamplerOptions): ToolError {
  return new ToolError(
    `${groups} puzzles × ${epochsPerIterator} passes do not fill one batch of ${globalBatchSize}`,
    {
      code: "sampler/batch-too-large",
      hint: "lower the batch size, or evaluate less often so that more passes lie between evaluations",
    },
  );
}

function checkState(state: SamplerState, samplesPerIterator: number): void {
  const { iterator, position } = state;
  const good =
    Number.isInteger(iterator) &&
    iterator >= 1 &&
    Number.isInteger(position) &&
    position >= 0 &&
    position <= samplesPerIterator;
  if (good) return;
  throw new ToolError(`the saved sampler state does not fit: iterator ${iterator}, position ${position}`, {
    code: "sampler/bad-state",
    where: `an iterator has ${samplesPerIterator} samples`,
    hint: "resume with the data and settings that the run was started with",
  });
}
