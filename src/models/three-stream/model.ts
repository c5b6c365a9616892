// The tutorial's three-stream model: question x, answer y and scratch z are concatenated and go through one network; a
// supervision step keeps z of some passes, then y of some more. Source: spec/tutorial-trm.md, whose section 2 lists what the
// text gets wrong; README.md beside this file says what is done instead, point by point.

import type { Graph, Value } from "../../engine/graph.ts";
import { concat, pad, slice } from "../../engine/ops/axis.ts";
import { addBroadcast, narrow, reshape, stopGradient, widen } from "../../engine/ops/elementwise.ts";
import { embedding } from "../../engine/ops/embedding.ts";
import { linear } from "../../engine/ops/linear.ts";
import { mixTokens } from "../../engine/ops/mix-tokens.ts";
import { chooseRows, repeatRows } from "../../engine/ops/select-rows.ts";
import { type FindWeight, puzzleRows } from "../../nn/input-embedding.ts";
import type { ParameterSpec } from "../../nn/parameters.ts";
import type { PuzzleShape, RecursiveModel } from "../model.ts";
import { type StepOutputs, supervisedGraphs } from "../supervision.ts";
import { block, blockParameters, INITIAL } from "./block.ts";
import type { ThreeStreamConfig } from "./config.ts";

export function makeThreeStream(config: ThreeStreamConfig, shape: PuzzleShape): RecursiveModel {
  const streams = streamsOf(config, shape);
  const parameters = listParameters(config, shape, streams);
  const passes = config.reasoningPasses + config.refinementPasses;
  return {
    name: "three-stream",
    shape,
    tokens: streams.question + streams.answer + streams.scratch,
    hiddenSize: config.hiddenSize,
    parameters,
    buffers: [],
    constants: new Map([["pool", new Float32Array(shape.seqLen).fill(1 / shape.seqLen)]]),
    puzzleVectorSize: config.puzzleEmbNdim,
    carry: new Map([
      ["y", streams.answer],
      ["z", streams.scratch],
    ]),
    numberFormat: "float32",
    haltMaxSteps: config.haltMaxSteps,
    haltExplorationProb: config.haltExplorationProb,
    effectiveDepth: passes * config.layers,
    haltsInTraining: true,
    wantsToHalt: (haltLogit) => haltLogit > 0,
    weighsSteps: config.supervision === "rising",
    ...supervisedGraphs({
      seqLen: shape.seqLen,
      loss: config.loss === "softmax_cross_entropy" ? "softmax" : "stablemax",
      continueLoss: false,
      weighted: config.supervision === "rising",
      build: (graph) => supervisionStep(graph, config, shape, streams, parameters),
    }),
  };
}

/** Tokens of each stream; the puzzle's vector is a token before the question. */
interface Streams {
  readonly question: number;
  readonly answer: number;
  readonly scratch: number;
}

function streamsOf(config: ThreeStreamConfig, { seqLen }: PuzzleShape): Streams {
  const question = seqLen + (config.puzzleEmbNdim > 0 ? 1 : 0);
  return { question, answer: seqLen, scratch: config.latentLength };
}

function listParameters(config: ThreeStreamConfig, shape: PuzzleShape, streams: Streams): ParameterSpec[] {
  const { hiddenSize: D } = config;
  const spec = (name: string, ...dims: number[]): ParameterSpec => ({ name, shape: dims, initial: INITIAL });
  const tokens = streams.question + streams.answer + streams.scratch;
  return [
    spec("embed_tokens.embedding_weight", shape.vocabSize, D),
    spec("embed_pos.embedding_weight", shape.seqLen, D),
    // Scratch tokens are learned one by one, which a vector of their stream would only repeat.
    spec("embed_stream.question", D),
    spec("embed_stream.answer", D),
    spec("z_init", streams.scratch, D),
    spec("q_head.weight", 1, D),
    { name: "q_head.bias", shape: [1], initial: { kind: "constant", value: 0 } },
    ...Array.from({ length: config.layers }, (_, i) => blockParameters(`layers.${i}`, config, tokens)).flat(),
  ];
}

function supervisionStep(
  graph: Graph,
  config: ThreeStreamConfig,
  shape: PuzzleShape,
  streams: Streams,
  parameters: readonly ParameterSpec[],
): StepOutputs {
  const weights = new Map(
    parameters.map((spec) => [spec.name, graph.input(spec.name, spec.shape, { storage: "whole" })]),
  );
  const weight: FindWeight = (name) => {
    const found = weights.get(name);
    if (!found) throw new Error(`no weight named ${name}`);
    return found;
  };
  const state = (name: string, tokens: number) =>
    graph.input(name, ["rows", tokens, config.hiddenSize], { storage: "row" });
  const reset = graph.input("reset", ["rows"], { storage: "row", dtype: "int" });
  const [carryY, carryZ] = [state("y", streams.answer), state("z", streams.scratch)];
  const puzzle = puzzleRows(graph, config.puzzleEmbNdim);
  const { question, answer } = graph.scoped("input", () =>
    embedStreams(graph, config, shape, weight, puzzle),
  );
  // A row begins with its question as the answer, which trains the embedding through its first step.
  const y = chooseRows(graph, reset, answer, carryY);
  const scratch = graph.scoped("input", () => repeatRows(graph, weight("z_init")));
  const z = chooseRows(graph, reset, scratch, carryZ);
  const after = think(graph, config, weight, { x: question, y, z });
  graph.update(carryY, after.y);
  graph.update(carryZ, after.z);
  return {
    logits: graph.scoped("heads", () => linear(graph, after.y, weight("embed_tokens.embedding_weight"))),
    qLogits: graph.scoped("heads", () => haltingHead(graph, after.y, weight)),
    weights: [...weights.values()],
    puzzle,
    nextQLogits() {
      throw new Error("the three-stream model has no continue logit");
    },
  };
}

/** Tokens and positions [rows, S, D] as question, the puzzle's vector before them, and as first answer. */
function embedStreams(
  graph: Graph,
  { hiddenSize: D }: ThreeStreamConfig,
  { seqLen }: PuzzleShape,
  weight: FindWeight,
  puzzle: Value | undefined,
): { question: Value; answer: Value } {
  const inputs = graph.input("inputs", ["rows", seqLen], { storage: "row", dtype: "int" });
  const tokens = embedding(graph, inputs, weight("embed_tokens.embedding_weight"));
  const cells = addBroadcast(graph, tokens, weight("embed_pos.embedding_weight"));
  const answer = addBroadcast(graph, cells, weight("embed_stream.answer"));
  const question = addBroadcast(graph, cells, weight("embed_stream.question"));
  if (!puzzle) return { question, answer };
  const padded = pad(graph, narrow(graph, puzzle), { axis: -1, start: 0, length: D });
  return { question: concat(graph, reshape(graph, padded, ["rows", 1, D]), question, { axis: -2 }), answer };
}

interface Thoughts {
  readonly x: Value;
  readonly y: Value;
  readonly z: Value;
}

/** The passes of one supervision step: z is kept of the first, y of the others. */
function think(graph: Graph, config: ThreeStreamConfig, weight: FindWeight, { x, y, z }: Thoughts): Thoughts {
  const { reasoningPasses, refinementPasses, gradedReasoningPasses } = config;
  const [, questions] = x.shape;
  const [, answers] = y.shape;
  const [, scratch] = z.shape;
  const pass = (before: Thoughts, start: number, length: number): Value => {
    let h = concat(graph, concat(graph, before.x, before.y, { axis: -2 }), before.z, { axis: -2 });
    for (let i = 0; i < config.layers; i++)
      h = graph.scoped(`layers.${i}`, () => block(graph, h, (name) => weight(`layers.${i}.${name}`), config));
    return slice(graph, h, { axis: -2, start, length });
  };
  const constant = (value: Value) => stopGradient(graph, value);
  const firstGraded = Math.max(0, reasoningPasses - (gradedReasoningPasses ?? reasoningPasses));
  const given = { x: constant(x), y: constant(y) };
  for (let k = 0; k < reasoningPasses; k++)
    graph.scoped(`reasoning${k}`, () => {
      if (k === firstGraded && k > 0) z = constant(z);
      const before = k < firstGraded ? { ...given, z } : { x, y, z };
      z = pass(before, Number(questions) + Number(answers), Number(scratch));
    });
  if (firstGraded === reasoningPasses && firstGraded > 0) z = constant(z);
  for (let k = 0; k < refinementPasses; k++)
    graph.scoped(`refinement${k}`, () => {
      y = pass({ x, y, z }, Number(questions), Number(answers));
    });
  return { x, y, z };
}

/** The halting logit of the mean answer; the continue logit, which nothing reads, is 0. */
function haltingHead(graph: Graph, answer: Value, weight: FindWeight): Value {
  const [, length, D] = answer.shape;
  const mean = mixTokens(graph, answer, graph.input("pool", [1, length], { storage: "whole" }));
  const logit = linear(graph, reshape(graph, mean, ["rows", D]), weight("q_head.weight"));
  const halting = addBroadcast(graph, logit, weight("q_head.bias"));
  return widen(graph, pad(graph, halting, { axis: -1, start: 0, length: 2 }));
}
