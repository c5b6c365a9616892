// Settings of the tutorial's three-stream model (spec/tutorial-trm.md): question, answer and scratch tokens side by side.
// Nobody published numbers for it; the defaults are those of the text, corrected where it contradicts itself.

import { z } from "zod";
import { sharedFields } from "../settings.ts";

const threeStreamFields = z.strictObject({
  arch: z.literal("three-stream").describe("architecture: the tutorial's concatenated streams"),
  hiddenSize: sharedFields.hiddenSize.default(256),
  numHeads: sharedFields.numHeads.default(4).describe("attention heads; must divide hiddenSize"),
  expansion: z
    .number()
    .positive()
    .default(4)
    .describe("width of the feed-forward layer relative to hiddenSize"),
  layers: z.int().min(1).default(2).describe("blocks of the one network"),
  mlpT: sharedFields.mlpT,
  latentLength: z.int().min(1).default(32).describe("scratch tokens z"),
  reasoningPasses: z.int().min(0).default(8).describe("passes of a supervision step that keep only z"),
  refinementPasses: z.int().min(1).default(16).describe("passes after them that keep only the answer"),
  gradedReasoningPasses: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe("reasoning passes that carry gradient, counted from the last; null: all"),
  puzzleEmbNdim: sharedFields.puzzleEmbNdim
    .default(0)
    .describe(
      "size of the vector learned per puzzle, a token before the question; null: hiddenSize, 0: none",
    ),
  haltMaxSteps: sharedFields.haltMaxSteps,
  haltExplorationProb: sharedFields.haltExplorationProb,
  supervision: z
    .enum(["equal", "rising"])
    .default("equal")
    .describe("weight of a supervision step's loss: 1, or its number over haltMaxSteps as in the text"),
  layerNormEps: z.number().positive().default(1e-5).describe("added under the root of the norm"),
  loss: sharedFields.loss.default("softmax_cross_entropy"),
});

/** After parsing, puzzleEmbNdim is the size really used. */
export const threeStreamConfigSchema = threeStreamFields
  .superRefine(({ hiddenSize, numHeads, mlpT, puzzleEmbNdim }, context) => {
    const complain = (key: string, input: unknown, message: string) =>
      context.addIssue({ code: "custom", path: [key], input, message });
    if (!mlpT && hiddenSize % numHeads !== 0)
      complain("numHeads", numHeads, `a divisor of hiddenSize, which is ${hiddenSize}`);
    if (puzzleEmbNdim !== null && puzzleEmbNdim > hiddenSize)
      complain(
        "puzzleEmbNdim",
        puzzleEmbNdim,
        `at most hiddenSize, which is ${hiddenSize}: it fills one token`,
      );
  })
  .transform((config) => ({ ...config, puzzleEmbNdim: config.puzzleEmbNdim ?? config.hiddenSize }));

export type ThreeStreamConfig = z.output<typeof threeStreamConfigSchema>;
