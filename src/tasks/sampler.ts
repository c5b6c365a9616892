// The order in which training visits examples, that of the reference (puzzle_dataset.py; spec/trm.md section 10), bit
// for bit: groups in shuffled passes, of each group one puzzle, of that puzzle all examples as far as the batch has
// room. Gives places only; what stands there is the data set's business.
// Differs from the reference: it shuffles the examples of a puzzle with NumPy's unseeded global generator; here they
// come from a stream named after the place, so that a run can be repeated.

import { ToolError } from "../base/errors.ts";
import { makePhiloxGenerator, type PhiloxGenerator, type PhiloxState } from "../base/random/philox.ts";
import { stream } from "../base/random/threefry.ts";
import type { DrawSettings, GroupedExamples, Sample } from "./dataset.ts";

/** How many there are of what; the reading itself is not needed here. */
export type Grouping = Omit<GroupedExamples, "read">;

/** Plain JSON; the shuffled order is made again from it. */
export interface SamplerState {
  iterator: number;
  /** Groups used up. */
  position: number;
  random: PhiloxState;
}

export interface Sampler {
  /** The next whole batch. An incomplete last batch of an iterator is dropped and the next iterator begins. */
  next(): Sample[];
  /** Batches in an iterator; without the losses at the ends of batches where puzzles have several examples. */
  readonly batchesPerIterator: number;
  state(): SamplerState;
  restore(state: SamplerState): void;
}

export function makeSampler(grouping: Grouping, settings: DrawSettings): Sampler {
  const { groups, meanPuzzleExamples } = grouping;
  const { seed, globalBatchSize, evalInterval: passes } = settings;
  const batchesPerIterator = Math.floor((groups * passes * meanPuzzleExamples) / globalBatchSize);
  if (!(batchesPerIterator >= 1)) throw tooFewSamples(grouping, settings);

  let iterator = 0;
  let position = 0;
  let random: PhiloxGenerator;
  let order = new Int32Array(0);

  /** Iterator numbers count from 1, and each has its own generator. */
  function begin(number: number): void {
    iterator = number;
    position = 0;
    random = makePhiloxGenerator(seed + number);
    order = groupOrder(random, groups, passes);
  }
  begin(1);

  /** As many examples of the next group as there is room for; the others of it are lost. */
  function takeGroup(batch: Sample[]): void {
    const group = order[position];
    const puzzle = random.integers(0, grouping.puzzlesIn(group));
    const examples = grouping.examplesIn(group, puzzle);
    const examplesOrder =
      examples === 1 ? [0] : stream(seed, "examples", iterator, position).permutation(examples);
    for (const example of examplesOrder.slice(0, globalBatchSize - batch.length))
      batch.push({ group, puzzle, example });
    position++;
  }

  function fill(): Sample[] {
    const batch: Sample[] = [];
    while (batch.length < globalBatchSize && position < order.length) takeGroup(batch);
    return batch;
  }

  return {
    batchesPerIterator,
    next() {
      const batch = fill();
      if (batch.length === globalBatchSize) return batch;
      begin(iterator + 1);
      return fill();
    },
    state: () => ({ iterator, position, random: random.state() }),
    restore(state) {
      checkState(state, groups * passes);
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

function tooFewSamples(
  { groups, meanPuzzleExamples }: Grouping,
  { evalInterval, globalBatchSize }: DrawSettings,
): ToolError {
  const examples = meanPuzzleExamples === 1 ? "" : ` of ${meanPuzzleExamples.toFixed(1)} examples`;
  return new ToolError(
    `${groups} puzzles${examples} × ${evalInterval} passes do not fill one batch of ${globalBatchSize}`,
    {
      code: "sampler/batch-too-large",
      hint: "lower the batch size, or evaluate less often so that more passes lie between evaluations",
    },
  );
}

function checkState(state: SamplerState, positions: number): void {
  const { iterator, position } = state;
  const good =
    Number.isInteger(iterator) &&
    iterator >= 1 &&
    Number.isInteger(position) &&
    position >= 0 &&
    position <= positions;
  if (good) return;
  throw new ToolError(`the saved sampler state does not fit: iterator ${iterator}, position ${position}`, {
    code: "sampler/bad-state",
    where: `an iterator has ${positions} puzzles`,
    hint: "resume with the data and settings that the run was started with",
  });
}
