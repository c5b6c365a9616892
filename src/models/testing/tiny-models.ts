// Every architecture, and TRM under each of its ablations, small enough for the judge. For tests only.

import { makeModel, modelConfigSchema } from "../index.ts";
import type { RecursiveModel } from "../model.ts";
import { TINY_SHAPE } from "./tiny-trm.ts";

const SIZES = { hiddenSize: 8, numHeads: 2, expansion: 1, haltMaxSteps: 4 };
const BLOCKS = { ...SIZES, puzzleEmbLen: 2, forwardDtype: "float32" };
const TRM = { ...BLOCKS, arch: "trm", layers: 1, hCycles: 2, lCycles: 2 };
const HRM = { ...BLOCKS, arch: "hrm", layers: 2, hLayers: 1 };
const STREAMS = {
  ...{ ...SIZES, arch: "three-stream", layers: 1, expansion: 2 },
  ...{ latentLength: 3, reasoningPasses: 2, refinementPasses: 2 },
};

/** For puzzles of TINY_SHAPE. */
export function tinyModel(settings: Readonly<Record<string, unknown>>): RecursiveModel {
  return makeModel(modelConfigSchema.parse(settings), TINY_SHAPE);
}

const named: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  HRM,
  "HRM with token mixing": { ...HRM, mlpT: true, posEncodings: "none", hCycles: 1, lCycles: 3 },
  "direct prediction": { ...BLOCKS, arch: "direct", layers: 2, haltMaxSteps: 1 },
  "the baseline with a carry": { ...BLOCKS, arch: "direct", layers: 1, posEncodings: "learned" },
  "three streams": STREAMS,
  "three streams with token mixing": { ...STREAMS, mlpT: true },
  "three streams with puzzle vectors, rising weights": {
    ...STREAMS,
    puzzleEmbNdim: 6,
    supervision: "rising",
  },
  "three streams, one graded reasoning pass": { ...STREAMS, reasoningPasses: 3, gradedReasoningPasses: 1 },
  "three streams, no graded reasoning pass": {
    ...STREAMS,
    gradedReasoningPasses: 0,
    loss: "stablemax_cross_entropy",
  },
  "TRM with one state": { ...TRM, latents: 0 },
  "TRM with three latents": { ...TRM, latents: 3, lCycles: 3 },
  "TRM with two networks": { ...TRM, separateNetworks: true },
  "TRM with one-step gradient": { ...TRM, gradient: "one-step", lCycles: 3 },
  "TRM with one state and one-step gradient": { ...TRM, latents: 0, gradient: "one-step" },
  "TRM with a tied head": { ...TRM, tiedHead: true },
  "TRM with a continue loss": { ...TRM, noActContinue: false },
};

export const TINY_MODELS: readonly (readonly [name: string, model: RecursiveModel])[] = Object.entries(
  named,
).map(([name, settings]) => [name, tinyModel(settings)]);
