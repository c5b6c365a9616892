// TRM's loss (spec section 7; models/losses.py, ACTLossHead): cross entropy, averaged within a row and summed over
// rows, plus half the binary cross entropy of the halting logit against "every labelled cell is right".

import type { Graph, Value } from "../../engine/graph.ts";
import { matchCounts } from "../../engine/ops/accuracy.ts";
import { slice } from "../../engine/ops/axis.ts";
import { bceWithLogits } from "../../engine/ops/bce-with-logits.ts";
import { crossEntropy } from "../../engine/ops/cross-entropy.ts";
import { add, reshape, scale } from "../../engine/ops/elementwise.ts";
import type { TrmConfig } from "./config.ts";

/** What a supervision step yields, besides the new carry. */
export interface StepOutputs {
  /** [rows, S, V] */
  readonly logits: Value;
  /** [rows, 2] in float32: halt, continue (which TRM computes and uses nowhere). */
  readonly qLogits: Value;
  /** [rows, S] int */
  readonly predictions: Value;
  /** Everything the optimizer trains. */
  readonly weights: readonly Value[];
  /** The rows' puzzle vectors, if the model has any. */
  readonly puzzle: Value | undefined;
}

/** Adds the loss and the per-row measures as outputs; returns the loss of each row. */
export function addLosses(graph: Graph, step: StepOutputs, labels: Value, config: TrmConfig): Value {
  return graph.scoped("loss", () => {
    const kind = config.loss === "softmax_cross_entropy" ? "softmax" : "stablemax";
    const lmLoss = crossEntropy(graph, step.logits, labels, { kind });
    const { labelled, correct, exact } = matchCounts(graph, step.predictions, labels);
    const haltLogit = reshape(graph, slice(graph, step.qLogits, { axis: -1, start: 0, length: 1 }), ["rows"]);
    const haltLoss = bceWithLogits(graph, haltLogit, exact);
    const outputs = { lm_loss: lmLoss, q_halt_loss: haltLoss, labelled, correct, exact };
    for (const [name, value] of Object.entries(outputs)) graph.output(name, value);
    return add(graph, lmLoss, scale(graph, haltLoss, 0.5));
  });
}
