// What TRM, HRM and direct prediction are alike: tokens are embedded, networks of post-norm blocks are applied to one or
// more states, two heads read the answer. A model says which networks and states there are and how a supervision step
// applies the ones to the others. Source: models/recursive_reasoning/*.py of TinyRecursiveModels (commit e7b6871).

import type { Graph, Value } from "../engine/graph.ts";
import { slice } from "../engine/ops/axis.ts";
import { add, addBroadcast, reshape, stopGradient, widen } from "../engine/ops/elementwise.ts";
import { linear } from "../engine/ops/linear.ts";
import { selectRows } from "../engine/ops/select-rows.ts";
import { type BlockConfig, block, blockParameters, headSize, ropeTables } from "../nn/block.ts";
import {
  type EmbeddingConfig,
  type FindWeight,
  inputEmbedding,
  puzzleRows,
  vectorTable,
} from "../nn/input-embedding.ts";
import type { ParameterSpec } from "../nn/parameters.ts";
import type { PuzzleShape, RecursiveModel } from "./model.ts";
import type { SharedConfig } from "./settings.ts";
import { type StepOutputs, supervisedGraphs } from "./supervision.ts";

/** The states of the rows by their names in the carry, each [rows, L, D]. */
export type States = Readonly<Record<string, Value>>;

export interface StepContext {
  readonly graph: Graph;
  /** The embedded question [rows, L, D]. */
  readonly e: Value;
  /** h ← h + injected, then the blocks of a network. */
  net(network: string, hidden: Value, injected?: Value): Value;
}

export interface Architecture {
  readonly name: string;
  /** Layers of each network, by its name in the weights. */
  readonly networks: Readonly<Record<string, number>>;
  /** Names of the states, and of the vectors that they start from. */
  readonly states: Readonly<Record<string, string>>;
  /** The state that the heads read. */
  readonly answer: string;
  /** Blocks that a gradient-free reader would count. */
  readonly effectiveDepth: number;
  /** The head reads cells by the table of token vectors instead of one of its own. */
  readonly tiedHead?: boolean;
  /** Train the continue logit, where a puzzle gets more than one supervision step. */
  readonly continueLoss?: boolean;
  /** Default: true. */
  readonly haltsInTraining?: boolean;
  readonly wantsToHalt: RecursiveModel["wantsToHalt"];
  step(context: StepContext, before: States): States;
}

export function makeRecursiveModel(
  architecture: Architecture,
  config: SharedConfig,
  shape: PuzzleShape,
): RecursiveModel {
  const parts = partsOf(architecture, config, shape);
  return {
    name: architecture.name,
    shape,
    tokens: parts.block.tokens,
    hiddenSize: config.hiddenSize,
    parameters: parts.parameters,
    buffers: Object.values(architecture.states).map((name) => ({
      name,
      shape: [config.hiddenSize],
      initial: { kind: "truncatedNormal", std: 1 },
    })),
    constants: parts.constants,
    puzzleVectorSize: config.puzzleEmbNdim,
    carry: new Map(Object.keys(architecture.states).map((name) => [name, parts.block.tokens])),
    numberFormat: config.forwardDtype,
    haltMaxSteps: config.haltMaxSteps,
    haltExplorationProb: config.haltExplorationProb,
    effectiveDepth: architecture.effectiveDepth,
    haltsInTraining: architecture.haltsInTraining ?? true,
    wantsToHalt: architecture.wantsToHalt,
    ...supervisedGraphs({
      seqLen: shape.seqLen,
      loss: config.loss === "softmax_cross_entropy" ? "softmax" : "stablemax",
      continueLoss: architecture.continueLoss === true && config.haltMaxSteps > 1, // as the reference
      weighted: false,
      build: (graph) => supervisionStep(graph, parts),
    }),
  };
}

interface Parts {
  readonly architecture: Architecture;
  readonly embedding: EmbeddingConfig;
  readonly block: BlockConfig;
  readonly parameters: readonly ParameterSpec[];
  readonly constants: ReadonlyMap<string, Float32Array>;
}

function partsOf(architecture: Architecture, config: SharedConfig, shape: PuzzleShape): Parts {
  const { hiddenSize, numHeads, expansion, rmsNormEps, puzzleEmbNdim } = config;
  const tokens = config.puzzleEmbLen + shape.seqLen;
  const mixing = config.mlpT ? "tokens" : "attention";
  const block: BlockConfig = { hiddenSize, tokens, numHeads, expansion, mixing, rmsNormEps };
  const learnsPositions = config.posEncodings === "learned";
  return {
    architecture,
    embedding: { hiddenSize, seqLen: shape.seqLen, tokens, puzzleEmbNdim, learnsPositions },
    block,
    parameters: listParameters(architecture, block, shape.vocabSize, learnsPositions),
    constants: rotaryConstants(config, block),
  };
}

/** Spec section 2, in the order of the reference's state dict. */
function listParameters(
  { networks, tiedHead }: Architecture,
  config: BlockConfig,
  vocabSize: number,
  learnsPositions: boolean,
): ParameterSpec[] {
  const D = config.hiddenSize;
  const table = (name: string, lines: number) => vectorTable(name, lines, D);
  return [
    table("embed_tokens.embedding_weight", vocabSize),
    ...(tiedHead ? [] : [table("lm_head.weight", vocabSize)]),
    { name: "q_head.weight", shape: [2, D], initial: { kind: "constant", value: 0 } },
    { name: "q_head.bias", shape: [2], initial: { kind: "constant", value: -5 } },
    ...(learnsPositions ? [table("embed_pos.embedding_weight", config.tokens)] : []),
    ...Object.entries(networks).flatMap(([network, layers]) =>
      Array.from({ length: layers }, (_, i) => blockParameters(`${network}.layers.${i}`, config)).flat(),
    ),
  ];
}

/** Token mixing knows its positions already: tables would not be read. */
function rotaryConstants(config: SharedConfig, { tokens }: BlockConfig): Map<string, Float32Array> {
  if (config.posEncodings !== "rope" || config.mlpT) return new Map();
  const { cos, sin } = ropeTables(tokens, headSize(config), config.ropeTheta);
  return new Map([
    ["rope.cos", cos],
    ["rope.sin", sin],
  ]);
}

function supervisionStep(graph: Graph, parts: Parts): StepOutputs {
  const { architecture, embedding } = parts;
  const { hiddenSize: D, tokens } = embedding;
  const whole = (name: string, shape: readonly number[]) => graph.input(name, shape, { storage: "whole" });
  const weights = new Map(parts.parameters.map(({ name, shape }) => [name, whole(name, shape)]));
  const weight = (name: string): Value => weights.get(name) ?? missing(name);

  const reset = graph.input("reset", ["rows"], { storage: "row", dtype: "int" });
  const carries = Object.keys(architecture.states).map((name) =>
    graph.input(name, ["rows", tokens, D], { storage: "row" }),
  );
  const puzzle = puzzleRows(graph, embedding.puzzleEmbNdim);
  const e = graph.scoped("input", () => inputEmbedding(graph, embedding, weight, puzzle));
  const before = Object.fromEntries(
    carries.map((carry) => [
      carry.name,
      selectRows(graph, reset, whole(architecture.states[carry.name], [D]), carry),
    ]),
  );
  const context = { graph, e, net: makeNet(graph, parts, weight) };
  const after = architecture.step(context, before);
  for (const carry of carries) graph.update(carry, after[carry.name]);
  const answer = after[architecture.answer];
  return {
    logits: graph.scoped("heads", () => answerHead(graph, answer, parts, weight)),
    qLogits: graph.scoped("heads", () => haltingHead(graph, answer, weight)),
    weights: [...weights.values()],
    puzzle,
    nextQLogits() {
      const constant = (value: Value) => stopGradient(graph, value);
      const again = architecture.step(
        { ...context, e: constant(e) },
        Object.fromEntries(Object.entries(after).map(([name, state]) => [name, constant(state)])),
      );
      return haltingHead(graph, again[architecture.answer], weight);
    },
  };
}

function makeNet(graph: Graph, parts: Parts, weight: FindWeight): StepContext["net"] {
  const { architecture, block: config, constants } = parts;
  const table = (name: string) => graph.input(name, [config.tokens, headSize(config)], { storage: "whole" });
  const tables = constants.has("rope.cos") ? { cos: table("rope.cos"), sin: table("rope.sin") } : undefined;
  return (network, hidden, injected) => {
    let h = injected ? add(graph, hidden, injected) : hidden;
    for (let i = 0; i < architecture.networks[network]; i++) {
      const prefix = `${network}.layers.${i}`;
      h = graph.scoped(prefix, () => block(graph, h, (name) => weight(`${prefix}.${name}`), config, tables));
    }
    return h;
  };
}

/** Logits [rows, S, V] at every cell. */
function answerHead(
  graph: Graph,
  answer: Value,
  { architecture, embedding }: Parts,
  weight: FindWeight,
): Value {
  const { seqLen, tokens } = embedding;
  const start = tokens - seqLen;
  const cells = start > 0 ? slice(graph, answer, { axis: -2, start, length: seqLen }) : answer;
  return linear(
    graph,
    cells,
    weight(architecture.tiedHead ? "embed_tokens.embedding_weight" : "lm_head.weight"),
  );
}

/** Halting logits [rows, 2] from the first position of the whole sequence. */
function haltingHead(graph: Graph, answer: Value, weight: FindWeight): Value {
  const D = answer.shape[2];
  const first = reshape(graph, slice(graph, answer, { axis: -2, start: 0, length: 1 }), ["rows", D]);
  const halting = addBroadcast(graph, linear(graph, first, weight("q_head.weight")), weight("q_head.bias"));
  return widen(graph, halting); // as the reference: computed in the number format, then float32
}

function missing(name: string): never {
  throw new Error(`no weight named ${name}`);
}
