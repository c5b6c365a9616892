// What a recursive model is to the rest of the program: weights, carry, and two graphs. Training, evaluation, solving
// and checkpoints work with any model that fills this in; adding one touches its folder and models/index.ts.

import type { Executor } from "../engine/executors/executor.ts";
import type { Graph } from "../engine/graph.ts";
import type { NumberFormat } from "../engine/number-format.ts";
import type { ParameterSpec } from "../nn/parameters.ts";

/** What a model must know of the data set it is for. */
export interface PuzzleShape {
  /** S, cells of a puzzle. */
  readonly seqLen: number;
  /** V, tokens including pad. */
  readonly vocabSize: number;
  readonly numPuzzleIdentifiers: number;
}

export interface TrainingGraphOptions {
  /** Factor of every row's loss before differentiation: 1 / global batch size. */
  readonly lossScale: number;
  /** Differentiate by the puzzle vectors only (`freeze_weights`). */
  readonly freezeWeights?: boolean;
  /** Also give logits, predictions and the gradient sums' inputs: what replays compare. */
  readonly trace?: boolean;
}

export interface EvaluationGraphOptions {
  /** Also give the logits. */
  readonly logits?: boolean;
  /** Take labels and give losses and match counts. */
  readonly labels?: boolean;
}

/**
 * Names in the graphs. Inputs with rows: `inputs` and `labels` [rows, S] int, `reset` [rows] int (1: the row starts
 * afresh), `puzzle_rows` [rows, n], in training for some models `last` [rows] int (1: no step follows) and `loss_weight`
 * [rows], and the carry, which is updated. Outputs: `q_logits` [rows, 2] (halt, continue), `preds` [rows, S] int, `logits`
 * [rows, S, V]; per row `lm_loss`, `q_halt_loss`, `q_continue_loss` of models that have it, `labelled`, `correct`, `exact`;
 * `target_q_continue`, `grad.puzzle_rows`. Weights go by their checkpoint names, their gradient sums by `grad.` and that name.
 */
export interface RecursiveModel {
  readonly name: string;
  readonly shape: PuzzleShape;
  /** L, positions that the network sees at once: cells, prefix and whatever else the model adds. */
  readonly tokens: number;
  readonly hiddenSize: number;
  /** Trained by the optimizer. */
  readonly parameters: readonly ParameterSpec[];
  /** Saved with the weights, never trained; kept in bfloat16 precision. */
  readonly buffers: readonly ParameterSpec[];
  /** Computed from the configuration, not saved. */
  readonly constants: ReadonlyMap<string, Float32Array>;
  /** n, size of a puzzle's vector; 0 without. */
  readonly puzzleVectorSize: number;
  /** State of a row between supervision steps: names with the positions of each, which is [positions, D] a row. */
  readonly carry: ReadonlyMap<string, number>;
  /** What activations and carry are meant to be stored in; `formatOn` says what an executor makes of it. */
  readonly numberFormat: NumberFormat;
  /** Supervision steps after which a row gives way to a new puzzle. */
  readonly haltMaxSteps: number;
  readonly haltExplorationProb: number;
  /** Blocks that a gradient-free reader would count: the paper's effective depth T · (n + 1) · layers. */
  readonly effectiveDepth: number;
  /** Whether a supervision step's loss counts by its number over haltMaxSteps. */
  readonly weighsSteps?: boolean;
  /** Whether rows for which the model asks to stop do so in training. */
  readonly haltsInTraining: boolean;
  /** Whether the model asks to stop, by its halting logits. */
  wantsToHalt(haltLogit: number, continueLogit: number): boolean;
  trainingGraph(options: TrainingGraphOptions): Graph;
  evaluationGraph(options?: EvaluationGraphOptions): Graph;
}

/** The model's number format where the executor computes in it, else float32. */
export function formatOn({ formats }: Executor, { numberFormat }: RecursiveModel): NumberFormat {
  return formats.includes(numberFormat) ? numberFormat : "float32";
}

/** Memory of the carry of so many rows, by name; bits of bfloat16 where that is the format. */
export function makeCarry(
  model: RecursiveModel,
  rows: number,
  format: NumberFormat,
): Map<string, Float32Array | Uint16Array> {
  return new Map(
    Array.from(model.carry, ([name, positions]) => {
      const size = rows * positions * model.hiddenSize;
      return [name, format === "bfloat16" ? new Uint16Array(size) : new Float32Array(size)];
    }),
  );
}
