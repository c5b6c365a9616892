// Measures of a supervision step under the reference's names (losses.py): the losses are sums over all rows, the
// others sums over the rows that halted with at least one label.

import type { Slots } from "./state.ts";

export interface StepMetrics {
  loss: number;
  lm_loss: number;
  q_halt_loss: number;
  /** 0 for models that do not train a continue logit. */
  q_continue_loss: number;
  /** Rows the following count. */
  count: number;
  /** Sum of the rows' shares of right cells. */
  accuracy: number;
  exact_accuracy: number;
  q_halt_accuracy: number;
  /** Sum of supervision steps. */
  steps: number;
}

export interface RowMeasures {
  readonly qLogits: Float32Array;
  readonly lmLoss: Float32Array;
  readonly qHaltLoss: Float32Array;
  /** Zeros for models that do not train a continue logit. */
  readonly qContinueLoss: Float32Array;
  readonly labelled: Float32Array;
  readonly correct: Float32Array;
  readonly exact: Float32Array;
}

export function zeroMetrics(): StepMetrics {
  return {
    loss: 0,
    lm_loss: 0,
    q_halt_loss: 0,
    q_continue_loss: 0,
    count: 0,
    accuracy: 0,
    exact_accuracy: 0,
    q_halt_accuracy: 0,
    steps: 0,
  };
}

export function sumMetrics(rows: RowMeasures, slots: Pick<Slots, "halted" | "steps">): StepMetrics {
  const sums = zeroMetrics();
  for (let row = 0; row < slots.steps.length; row++) {
    sums.lm_loss += rows.lmLoss[row];
    sums.q_halt_loss += rows.qHaltLoss[row];
    sums.q_continue_loss += rows.qContinueLoss[row];
    if (!slots.halted[row] || rows.labelled[row] === 0) continue;
    sums.count++;
    sums.accuracy += rows.correct[row] / rows.labelled[row];
    sums.exact_accuracy += rows.exact[row];
    sums.q_halt_accuracy += rows.qLogits[2 * row] >= 0 === rows.exact[row] > 0 ? 1 : 0;
    sums.steps += slots.steps[row];
  }
  sums.loss = sums.lm_loss + 0.5 * (sums.q_halt_loss + sums.q_continue_loss);
  return sums;
}

export function addMetrics(into: StepMetrics, from: StepMetrics): void {
  for (const key of Object.keys(into) as (keyof StepMetrics)[]) into[key] += from[key];
}
