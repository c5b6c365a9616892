// TRM, the Tiny Recursive Model: one small network applied to an answer y and a latent z again and again.
// Source: arXiv 2510.04871 section 3 and models/recursive_reasoning/trm.py of TinyRecursiveModels (commit e7b6871);
// the code's names are in quotes: y is `z_H`, z is `z_L`, the network is `L_level`.

import { differentiate } from "../../engine/autodiff.ts";
import { Graph, type Value } from "../../engine/graph.ts";
import { argmax } from "../../engine/ops/accuracy.ts";
import { concat, pad, slice } from "../../engine/ops/axis.ts";
import {
  add,
  addBroadcast,
  narrow,
  reshape,
  scale,
  stopGradient,
  widen,
} from "../../engine/ops/elementwise.ts";
import { embedding } from "../../engine/ops/embedding.ts";
import { linear } from "../../engine/ops/linear.ts";
import { selectRows } from "../../engine/ops/select-rows.ts";
import { pruneGraph } from "../../engine/prune.ts";
import {
  type BlockConfig,
  block,
  blockParameters,
  headSize,
  type RopeTables,
  ropeTables,
} from "../../nn/block.ts";
import type { ParameterSpec } from "../../nn/parameters.ts";
import type { EvaluationGraphOptions, PuzzleShape, RecursiveModel, TrainingGraphOptions } from "../model.ts";
import type { TrmConfig } from "./config.ts";
import { addLosses, type StepOutputs } from "./loss.ts";

/** P, the prefix positions: as configured, or as many as the puzzle vector needs. */
function prefixLength(config: TrmConfig): number {
  return config.puzzleEmbLen || Math.ceil(config.puzzleEmbNdim / config.hiddenSize);
}

export function makeTrm(config: TrmConfig, shape: PuzzleShape): RecursiveModel {
  const tokens = prefixLength(config) + shape.seqLen;
  const network = networkConfig(config, tokens);
  const build = (graph: Graph) => supervisionStep(graph, config, shape, network);
  return {
    name: "trm",
    shape,
    tokens,
    hiddenSize: config.hiddenSize,
    parameters: trmParameters(config, shape, network),
    buffers: ["H_init", "L_init"].map((name) => ({
      name,
      shape: [config.hiddenSize],
      initial: { kind: "truncatedNormal", std: 1 },
    })),
    constants: trmConstants(config, tokens),
    puzzleVectorSize: config.puzzleEmbNdim,
    carry: ["z_H", "z_L"],
    numberFormat: config.forwardDtype,
    haltMaxSteps: config.haltMaxSteps,
    haltExplorationProb: config.haltExplorationProb,
    effectiveDepth: config.hCycles * (config.lCycles + 1) * config.layers,
    wantsToHalt: (haltLogit) => haltLogit > 0,
    trainingGraph: (options) => trainingGraph(build, config, shape, options),
    evaluationGraph: (options) => evaluationGraph(build, config, shape, options),
  };
}

function networkConfig(config: TrmConfig, tokens: number): BlockConfig {
  const { hiddenSize, numHeads, expansion, rmsNormEps } = config;
  const mixing = config.mlpT ? "tokens" : "attention";
  return { hiddenSize, tokens, numHeads, expansion, mixing, rmsNormEps };
}

/** Spec section 2, in the order of the reference's state dict. */
function trmParameters(config: TrmConfig, shape: PuzzleShape, network: BlockConfig): ParameterSpec[] {
  const D = config.hiddenSize;
  const table = (name: string, lines: number): ParameterSpec => ({
    name,
    shape: [lines, D],
    initial: { kind: "truncatedNormal", std: 1 / Math.sqrt(D) },
  });
  const layers = Array.from({ length: config.layers }, (_, i) =>
    blockParameters(`L_level.layers.${i}`, network),
  );
  return [
    table("embed_tokens.embedding_weight", shape.vocabSize),
    table("lm_head.weight", shape.vocabSize),
    { name: "q_head.weight", shape: [2, D], initial: { kind: "constant", value: 0 } },
    { name: "q_head.bias", shape: [2], initial: { kind: "constant", value: -5 } },
    ...(config.posEncodings === "learned" ? [table("embed_pos.embedding_weight", network.tokens)] : []),
    ...layers.flat(),
  ];
}

function trmConstants(config: TrmConfig, tokens: number): Map<string, Float32Array> {
  if (!usesRope(config)) return new Map();
  const { cos, sin } = ropeTables(tokens, headSize(config), config.ropeTheta);
  return new Map([
    ["rope.cos", cos],
    ["rope.sin", sin],
  ]);
}

/** Token mixing knows its positions already: tables would not be read. */
function usesRope(config: TrmConfig): boolean {
  return config.posEncodings === "rope" && !config.mlpT;
}

type BuildStep = (graph: Graph) => StepOutputs;

function trainingGraph(
  build: BuildStep,
  config: TrmConfig,
  shape: PuzzleShape,
  options: TrainingGraphOptions,
): Graph {
  const graph = new Graph();
  const step = build(graph);
  const labels = graph.input("labels", ["rows", shape.seqLen], { storage: "row", dtype: "int" });
  const loss = addLosses(graph, step, labels, config);
  const wanted = [...(options.freezeWeights ? [] : step.weights), ...(step.puzzle ? [step.puzzle] : [])];
  const gradients = differentiate(graph, loss, options.lossScale, wanted);
  const puzzleGradient = step.puzzle && gradients.get(step.puzzle);
  if (puzzleGradient) graph.output("grad.puzzle_rows", puzzleGradient);
  if (options.trace) {
    graph.output("logits", widen(graph, step.logits));
    graph.output("preds", step.predictions);
  }
  graph.output("q_logits", step.qLogits);
  pruneGraph(graph);
  return graph;
}

function evaluationGraph(
  build: BuildStep,
  config: TrmConfig,
  shape: PuzzleShape,
  options: EvaluationGraphOptions = {},
): Graph {
  const graph = new Graph();
  const step = build(graph);
  if (options.labels) {
    const labels = graph.input("labels", ["rows", shape.seqLen], { storage: "row", dtype: "int" });
    addLosses(graph, step, labels, config);
  }
  graph.output("preds", step.predictions);
  if (options.logits) graph.output("logits", widen(graph, step.logits));
  graph.output("q_logits", step.qLogits);
  pruneGraph(graph);
  return graph;
}

/** One supervision step (spec section 5): T - 1 cycles without gradient, one with, then the two heads. */
function supervisionStep(
  graph: Graph,
  config: TrmConfig,
  shape: PuzzleShape,
  network: BlockConfig,
): StepOutputs {
  const { hiddenSize: D } = config;
  const state = ["rows", network.tokens, D] as const;
  const whole = (name: string, ...dims: number[]) => graph.input(name, dims, { storage: "whole" });
  const weights = new Map(
    trmParameters(config, shape, network).map((spec) => [spec.name, whole(spec.name, ...spec.shape)]),
  );
  const weight = (name: string): Value => weights.get(name) ?? missing(name);

  const reset = graph.input("reset", ["rows"], { storage: "row", dtype: "int" });
  const carryH = graph.input("z_H", state, { storage: "row" });
  const carryL = graph.input("z_L", state, { storage: "row" });
  const puzzle = puzzleRows(graph, config);
  const e = graph.scoped("input", () => inputEmbedding(graph, config, shape, network.tokens, weight, puzzle));
  let y = selectRows(graph, reset, whole("H_init", D), carryH);
  let z = selectRows(graph, reset, whole("L_init", D), carryL);

  const tables = usesRope(config) ? ropeInputs(graph, config, network.tokens) : undefined;
  const net = (hidden: Value, injected: Value): Value => {
    let h = add(graph, hidden, injected);
    for (let i = 0; i < config.layers; i++) {
      const prefix = `L_level.layers.${i}`;
      h = graph.scoped(prefix, () => block(graph, h, (name) => weight(`${prefix}.${name}`), network, tables));
    }
    return h;
  };
  for (let cycle = 0; cycle < config.hCycles; cycle++) {
    // Only the last cycle carries gradient; what enters it is constant, the embedding e is not.
    const isLast = cycle === config.hCycles - 1;
    const given = isLast ? e : stopGradient(graph, e);
    if (isLast) [y, z] = [stopGradient(graph, y), stopGradient(graph, z)];
    graph.scoped(`cycle${cycle}`, () => {
      const injected = add(graph, y, given); // y does not change while z is refined
      for (let call = 0; call < config.lCycles; call++) z = net(z, injected);
      y = net(y, z);
    });
  }
  graph.update(carryH, y);
  graph.update(carryL, z);
  return graph.scoped("heads", () => heads(graph, y, network.tokens - shape.seqLen, weight, weights, puzzle));
}

/** Tokens and puzzle vector -> e [rows, L, D] (spec section 3). */
function inputEmbedding(
  graph: Graph,
  config: TrmConfig,
  shape: PuzzleShape,
  tokens: number,
  weight: (name: string) => Value,
  puzzle: Value | undefined,
): Value {
  const D = config.hiddenSize;
  const inputs = graph.input("inputs", ["rows", shape.seqLen], { storage: "row", dtype: "int" });
  let e = embedding(graph, inputs, weight("embed_tokens.embedding_weight"));
  if (puzzle) {
    const P = tokens - shape.seqLen;
    // Zeros on the right: with the published sizes the first prefix position carries the whole vector.
    const padded = pad(graph, narrow(graph, puzzle), { axis: -1, start: 0, length: P * D });
    e = concat(graph, reshape(graph, padded, ["rows", P, D]), e, { axis: -2 });
  }
  if (config.posEncodings === "learned")
    e = scale(graph, addBroadcast(graph, e, weight("embed_pos.embedding_weight")), Math.SQRT1_2);
  return scale(graph, e, Math.sqrt(D));
}

function puzzleRows(graph: Graph, config: TrmConfig): Value | undefined {
  if (config.puzzleEmbNdim === 0) return undefined;
  return graph.input("puzzle_rows", ["rows", config.puzzleEmbNdim], { storage: "row", dtype: "float32" });
}

function ropeInputs(graph: Graph, config: TrmConfig, tokens: number): RopeTables {
  const table = (name: string) => graph.input(name, [tokens, headSize(config)], { storage: "whole" });
  return { cos: table("rope.cos"), sin: table("rope.sin") };
}

/** The answer's logits at every cell, and the halting logits from the first position of the whole sequence. */
function heads(
  graph: Graph,
  y: Value,
  prefix: number,
  weight: (name: string) => Value,
  weights: ReadonlyMap<string, Value>,
  puzzle: Value | undefined,
): StepOutputs {
  const [, length, D] = y.shape;
  const cells =
    prefix > 0 ? slice(graph, y, { axis: -2, start: prefix, length: Number(length) - prefix }) : y;
  const first = reshape(graph, slice(graph, y, { axis: -2, start: 0, length: 1 }), ["rows", D]);
  const logits = linear(graph, cells, weight("lm_head.weight"));
  const halting = addBroadcast(graph, linear(graph, first, weight("q_head.weight")), weight("q_head.bias"));
  const qLogits = widen(graph, halting); // as the reference: computed in the number format, then float32
  return { logits, qLogits, weights: [...weights.values()], puzzle, predictions: argmax(graph, logits) };
}

function missing(name: string): never {
  throw new Error(`no weight named ${name}`);
}
