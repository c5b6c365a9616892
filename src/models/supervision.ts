// From a supervision step to the graphs that train and evaluate it, for every model: cross entropy averaged within a row,
// plus half the binary cross entropy of the halting logit against "every labelled cell is right", and where the model
// learns what going on is worth, that of the continue logit (spec/trm.md section 7, spec/hrm.md section 5; models/losses.py,
// ACTLossHead).

import { differentiate } from "../engine/autodiff.ts";
import { Graph, type Value } from "../engine/graph.ts";
import { argmax, matchCounts } from "../engine/ops/accuracy.ts";
import { slice } from "../engine/ops/axis.ts";
import { bceWithLogits } from "../engine/ops/bce-with-logits.ts";
import { continueTarget } from "../engine/ops/continue-target.ts";
import { type CrossEntropyKind, crossEntropy } from "../engine/ops/cross-entropy.ts";
import { add, reshape, scale, widen } from "../engine/ops/elementwise.ts";
import { multiply } from "../engine/ops/multiply.ts";
import { pruneGraph } from "../engine/prune.ts";
import type { EvaluationGraphOptions, RecursiveModel, TrainingGraphOptions } from "./model.ts";

/** What a supervision step yields, besides the new carry. */
export interface StepOutputs {
  /** [rows, S, V] */
  readonly logits: Value;
  /** [rows, 2] in float32: halt, continue. */
  readonly qLogits: Value;
  /** Everything the optimizer trains. */
  readonly weights: readonly Value[];
  /** The rows' puzzle vectors, if the model has any. */
  readonly puzzle: Value | undefined;
  /** The halting logits after one more step, without gradient. */
  nextQLogits(): Value;
}

export interface Supervision {
  /** S, cells of a puzzle. */
  readonly seqLen: number;
  readonly loss: CrossEntropyKind;
  /** Train the continue logit by the logits after one more step, which costs a second forward pass. */
  readonly continueLoss: boolean;
  /** Multiply a row's losses by the `loss_weight` that the trainer gives. */
  readonly weighted: boolean;
  /** Adds one supervision step to a graph. */
  build(graph: Graph): StepOutputs;
}

export function supervisedGraphs(
  supervision: Supervision,
): Pick<RecursiveModel, "trainingGraph" | "evaluationGraph"> {
  return {
    trainingGraph: (options) => trainingGraph(supervision, options),
    evaluationGraph: (options = {}) => evaluationGraph(supervision, options),
  };
}

function trainingGraph(supervision: Supervision, options: TrainingGraphOptions): Graph {
  const graph = new Graph();
  const step = supervision.build(graph);
  const predictions = graph.scoped("heads", () => argmax(graph, step.logits));
  const target = supervision.continueLoss ? addContinueTarget(graph, step) : undefined;
  const loss = addLosses(graph, supervision, step, predictions, target);
  const wanted = [...(options.freezeWeights ? [] : step.weights), ...(step.puzzle ? [step.puzzle] : [])];
  const gradients = differentiate(graph, loss, options.lossScale, wanted);
  const puzzleGradient = step.puzzle && gradients.get(step.puzzle);
  if (puzzleGradient) graph.output("grad.puzzle_rows", puzzleGradient);
  if (options.trace) {
    graph.output("logits", widen(graph, step.logits));
    graph.output("preds", predictions);
    if (target) graph.output("target_q_continue", target);
  }
  graph.output("q_logits", step.qLogits);
  pruneGraph(graph);
  return graph;
}

function evaluationGraph(supervision: Supervision, options: EvaluationGraphOptions): Graph {
  const graph = new Graph();
  const step = supervision.build(graph);
  const predictions = graph.scoped("heads", () => argmax(graph, step.logits));
  if (options.labels) addLosses(graph, { ...supervision, weighted: false }, step, predictions, undefined);
  graph.output("preds", predictions);
  if (options.logits) graph.output("logits", widen(graph, step.logits));
  graph.output("q_logits", step.qLogits);
  pruneGraph(graph);
  return graph;
}

function addContinueTarget(graph: Graph, step: StepOutputs): Value {
  const last = graph.input("last", ["rows"], { storage: "row", dtype: "int" });
  return graph.scoped("target", () => continueTarget(graph, step.nextQLogits(), last));
}

/** Adds the losses and the per-row measures as outputs; returns the loss of each row. */
function addLosses(
  graph: Graph,
  { seqLen, loss, weighted }: Supervision,
  step: StepOutputs,
  predictions: Value,
  target: Value | undefined,
): Value {
  const labels = graph.input("labels", ["rows", seqLen], { storage: "row", dtype: "int" });
  return graph.scoped("loss", () => {
    const lmLoss = crossEntropy(graph, step.logits, labels, { kind: loss });
    const { labelled, correct, exact } = matchCounts(graph, predictions, labels);
    const logit = (column: number) =>
      reshape(graph, slice(graph, step.qLogits, { axis: -1, start: column, length: 1 }), ["rows"]);
    const haltLoss = bceWithLogits(graph, logit(0), exact);
    const continueLoss = target && bceWithLogits(graph, logit(1), target);
    const outputs = { lm_loss: lmLoss, q_halt_loss: haltLoss, labelled, correct, exact };
    for (const [name, value] of Object.entries(outputs)) graph.output(name, value);
    if (continueLoss) graph.output("q_continue_loss", continueLoss);
    const halting = continueLoss ? add(graph, haltLoss, continueLoss) : haltLoss;
    const sum = add(graph, lmLoss, scale(graph, halting, 0.5));
    if (!weighted) return sum;
    const weights = graph.input("loss_weight", ["rows"], { storage: "row", dtype: "float32" });
    return multiply(graph, sum, weights);
  });
}
