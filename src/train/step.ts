// One training step of a recursive model, as the reference makes it: replace halted slots, one supervision step with
// gradients (or several, for models trained so), one update of the puzzle table and of the weights, then decide which
// slots halt.
// Source: pretrain.py (train_batch) and the ACT wrapper in trm.py; spec/trm.md sections 6 to 9.

import { stream } from "../base/random/threefry.ts";
import type { Bindings, Executor, Program } from "../engine/executors/executor.ts";
import type { RecursiveModel } from "../models/model.ts";
import { viewsOf } from "../nn/parameters.ts";
import { type AdamRule, type AdamSettings, makeAdam } from "../optim/adam.ts";
import { type SignSgdSettings, signSgdUpdate } from "../optim/sign-sgd.ts";
import { type StepMetrics, sumMetrics } from "./metrics.ts";
import type { TrainingState } from "./state.ts";

/** Fresh rows, one for each slot; those that fall on a slot still busy are dropped. */
export interface Batch {
  readonly inputs: Int32Array; // [B, S]
  readonly labels: Int32Array; // [B, S], -100 where not supervised
  readonly identifiers: Int32Array; // [B]
}

export interface StepSettings {
  readonly weights: AdamSettings;
  readonly puzzleTable: SignSgdSettings;
}

export interface TrainerOptions {
  /** The loss is divided by this; the batch size unless ranks share a batch. */
  readonly globalBatchSize: number;
  readonly emaRate?: number;
  /** Default: AdamATan2. */
  readonly optimizer?: AdamRule;
  /** Supervision steps whose gradients are summed before the weights move; default: 1, as published. */
  readonly stepsPerUpdate?: number;
  readonly freezeWeights?: boolean;
  /** Seed of the halting exploration. */
  readonly seed: number;
  readonly microBatch?: number;
  /** Also compute logits and predictions. */
  readonly trace?: boolean;
  /** Called at the end of each part of a step: what a profile takes its times from. */
  readonly onPart?: (part: StepPart) => void;
}

/** In the order of a step. */
export const STEP_PARTS = [
  "taking fresh rows",
  "gathering puzzle vectors",
  "clearing gradient sums",
  "training graph",
  "puzzle table",
  "optimizer",
  "halting",
  "metrics",
] as const;

export type StepPart = (typeof STEP_PARTS)[number];

/** What a step computed, a row a slot. Overwritten by the next step. */
export interface StepResults {
  readonly qLogits: Float32Array; // [B, 2]
  readonly lmLoss: Float32Array; // [B]
  readonly qHaltLoss: Float32Array; // [B]
  /** Zeros for models that do not train a continue logit. */
  readonly qContinueLoss: Float32Array; // [B]
  readonly labelled: Float32Array; // [B], supervised cells
  readonly correct: Float32Array; // [B], of them right
  readonly exact: Float32Array; // [B], 1 if all are
  readonly puzzleGradient: Float32Array; // [B, n]
  /** Only with `trace`. */
  readonly logits: Float32Array; // [B, S, V]
  readonly predictions: Int32Array; // [B, S]
  /** Of models that train a continue logit. */
  readonly continueTarget: Float32Array; // [B]
}

export interface Trainer {
  readonly program: Program;
  readonly results: StepResults;
  /** Gradient sums of the weights of the last step [lanes, layout.length]. */
  readonly gradientLanes: Float32Array;
  /** Makes one step on the state. */
  step(batch: Batch, settings: StepSettings): Promise<StepMetrics>;
}

export function makeTrainer(
  executor: Executor,
  model: RecursiveModel,
  state: TrainingState,
  options: TrainerOptions,
): Trainer {
  const batchSize = state.slots.steps.length;
  const { freezeWeights, trace, onPart = () => {}, stepsPerUpdate = 1 } = options;
  const graph = model.trainingGraph({ lossScale: 1 / options.globalBatchSize, freezeWeights, trace });
  const program = executor.compile(graph, {
    microBatch: options.microBatch,
    expectedRows: batchSize,
    format: state.format,
  });
  const gradientLanes = new Float32Array(executor.description.lanes * state.layout.length);
  const results = makeResults(model, batchSize);
  const scratch = makeScratch(model, batchSize, gradientLanes);
  const bindings = bind(model, state, results, scratch);
  const optimizer = freezeWeights
    ? undefined
    : makeAdam(executor, state.layout.length, { rule: options.optimizer, emaRate: options.emaRate });
  return {
    program,
    results,
    gradientLanes,
    async step(batch, settings) {
      replaceHalted(state, batch, scratch.reset);
      onPart("taking fresh rows");
      gatherRows(state, model.puzzleVectorSize, scratch.puzzleRows);
      onPart("gathering puzzle vectors");
      gradientLanes.fill(0);
      scratch.puzzleGradient.fill(0);
      onPart("clearing gradient sums");
      for (let k = 0; k < stepsPerUpdate; k++) {
        if (k > 0) scratch.reset.fill(0);
        countStep(state, model, scratch);
        await program.run(bindings, { rows: batchSize, sameWeights: k > 0 });
        addInto(results.puzzleGradient, scratch.puzzleGradient);
      }
      onPart("training graph");
      state.step++;
      updateTable(state, model, results, settings.puzzleTable);
      onPart("puzzle table");
      await optimizer?.update(state, gradientLanes, state.step, settings.weights);
      onPart("optimizer");
      decideHalting(state, model, results.qLogits, options.seed);
      onPart("halting");
      const metrics = sumMetrics(results, state.slots);
      onPart("metrics");
      return metrics;
    },
  };
}

function makeResults(model: RecursiveModel, batchSize: number): StepResults {
  const { seqLen, vocabSize } = model.shape;
  return {
    qLogits: new Float32Array(batchSize * 2),
    lmLoss: new Float32Array(batchSize),
    qHaltLoss: new Float32Array(batchSize),
    qContinueLoss: new Float32Array(batchSize),
    labelled: new Float32Array(batchSize),
    correct: new Float32Array(batchSize),
    exact: new Float32Array(batchSize),
    puzzleGradient: new Float32Array(batchSize * model.puzzleVectorSize),
    logits: new Float32Array(batchSize * seqLen * vocabSize),
    predictions: new Int32Array(batchSize * seqLen),
    continueTarget: new Float32Array(batchSize),
  };
}

/** What a run of the training graph is given, a row a slot. */
interface Scratch {
  readonly gradientLanes: Float32Array;
  readonly reset: Int32Array; // [B]
  /** 1 where no supervision step follows. */
  readonly last: Int32Array; // [B]
  readonly lossWeights: Float32Array; // [B]
  readonly puzzleRows: Float32Array; // [B, n]
  /** Of the supervision steps so far. */
  readonly puzzleGradient: Float32Array; // [B, n]
}

function makeScratch(model: RecursiveModel, batchSize: number, gradientLanes: Float32Array): Scratch {
  return {
    gradientLanes,
    reset: new Int32Array(batchSize),
    last: new Int32Array(batchSize),
    lossWeights: new Float32Array(batchSize).fill(1),
    puzzleRows: new Float32Array(batchSize * model.puzzleVectorSize),
    puzzleGradient: new Float32Array(batchSize * model.puzzleVectorSize),
  };
}

/** The slots are about to make one more supervision step. */
function countStep({ slots }: TrainingState, model: RecursiveModel, { last, lossWeights }: Scratch): void {
  for (let slot = 0; slot < slots.steps.length; slot++) {
    slots.steps[slot]++;
    last[slot] = slots.steps[slot] >= model.haltMaxSteps ? 1 : 0;
    if (model.weighsSteps) lossWeights[slot] = slots.steps[slot] / model.haltMaxSteps;
  }
}

/** Adds a supervision step's gradient of the puzzle vectors to that of the steps before; `found` then holds the sum. */
function addInto(found: Float32Array, sum: Float32Array): void {
  for (let i = 0; i < sum.length; i++) {
    sum[i] += found[i];
    found[i] = sum[i];
  }
}

function bind(model: RecursiveModel, state: TrainingState, results: StepResults, scratch: Scratch): Bindings {
  const { layout, slots } = state;
  const lanes = [...viewsOf(layout, scratch.gradientLanes)].map(([name, view]) => [
    `grad.${name}`,
    { data: scratch.gradientLanes.subarray(view.byteOffset / 4), laneStride: layout.length },
  ]);
  return {
    ...Object.fromEntries(viewsOf(layout, state.weights)),
    ...Object.fromEntries(state.buffers),
    ...Object.fromEntries(model.constants),
    ...Object.fromEntries(slots.carry),
    ...Object.fromEntries(lanes),
    inputs: slots.inputs,
    labels: slots.labels,
    reset: scratch.reset,
    last: scratch.last,
    loss_weight: scratch.lossWeights,
    puzzle_rows: scratch.puzzleRows,
    "grad.puzzle_rows": results.puzzleGradient,
    q_logits: results.qLogits,
    lm_loss: results.lmLoss,
    q_halt_loss: results.qHaltLoss,
    q_continue_loss: results.qContinueLoss,
    target_q_continue: results.continueTarget,
    labelled: results.labelled,
    correct: results.correct,
    exact: results.exact,
    logits: results.logits,
    preds: results.predictions,
  };
}

/** Slots that halted take the fresh row of their place and start over; `reset` says which. */
function replaceHalted({ slots }: TrainingState, batch: Batch, reset: Int32Array): void {
  const cells = slots.inputs.length / slots.steps.length;
  for (let slot = 0; slot < slots.steps.length; slot++) {
    reset[slot] = slots.halted[slot];
    if (!slots.halted[slot]) continue;
    const [from, to] = [slot * cells, (slot + 1) * cells];
    slots.inputs.set(batch.inputs.subarray(from, to), from);
    slots.labels.set(batch.labels.subarray(from, to), from);
    slots.identifiers[slot] = batch.identifiers[slot];
    slots.steps[slot] = 0;
  }
}

/** Copies the puzzle vectors of the slots out of the table. */
function gatherRows({ slots, table }: TrainingState, size: number, rows: Float32Array): void {
  if (size === 0) return;
  slots.identifiers.forEach((id, slot) => {
    rows.set(table.subarray(id * size, (id + 1) * size), slot * size);
  });
}

function updateTable(
  { table, trackedTable, slots }: TrainingState,
  { puzzleVectorSize: size }: RecursiveModel,
  { puzzleGradient }: StepResults,
  settings: SignSgdSettings,
): void {
  if (size === 0) return;
  signSgdUpdate(table, size, slots.identifiers, puzzleGradient, settings);
  trackedTable.mark(slots.identifiers);
}

/**
 * A slot halts at the last step, or when the model asks to; with some probability it must first have made a random
 * least number of steps, drawn anew at every step (spec section 6).
 */
function decideHalting(
  state: TrainingState,
  model: RecursiveModel,
  qLogits: Float32Array,
  seed: number,
): void {
  const { slots } = state;
  const random = stream(seed, "halting", state.step);
  for (let slot = 0; slot < slots.steps.length; slot++) {
    const isLast = slots.steps[slot] >= model.haltMaxSteps;
    const mayHalt = model.haltMaxSteps > 1 && model.haltsInTraining;
    const wants = mayHalt && model.wantsToHalt(qLogits[2 * slot], qLogits[2 * slot + 1]);
    const explores = random.uniform() < model.haltExplorationProb;
    const leastSteps = 2 + random.below(Math.max(1, model.haltMaxSteps - 1));
    const mayExplore = model.haltMaxSteps > 1 && explores;
    const halts = (isLast || wants) && !(mayExplore && slots.steps[slot] < leastSteps);
    slots.halted[slot] = halts ? 1 : 0;
  }
}
