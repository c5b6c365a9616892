// Settings that TRM, HRM and direct prediction share under the same names, with the names that the reference's YAML uses
// for them. A model's own folder adds its own. Source: config/arch/*.yaml of SamsungSAILMontreal/TinyRecursiveModels.

import { z } from "zod";

export const sharedFields = {
  hiddenSize: z.int().min(1).default(512).describe("width of every token vector"),
  numHeads: z.int().min(1).default(8).describe("attention heads, each of hiddenSize / numHeads rounded down"),
  expansion: z
    .number()
    .positive()
    .default(4)
    .describe("width of the MLP relative to hiddenSize, before rounding to 256"),
  mlpT: z.boolean().default(false).describe("mix tokens by an MLP over positions instead of by attention"),
  posEncodings: z.enum(["rope", "learned", "none"]).default("rope").describe("how positions are told apart"),
  puzzleEmbNdim: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe("size of the vector learned per puzzle; null: hiddenSize, 0: no puzzle vectors"),
  haltMaxSteps: z.int().min(1).default(16).describe("supervision steps a puzzle gets at most"),
  haltExplorationProb: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe("share of rows that must, in training, go on for a random number of steps"),
  rmsNormEps: z.number().positive().default(1e-5).describe("added under the root of the norm"),
  ropeTheta: z.number().positive().default(10000).describe("base of the rotary frequencies"),
  forwardDtype: z
    .enum(["float32", "bfloat16"])
    .default("bfloat16")
    .describe("number format of activations and carry, where the machine has it; weights stay float32"),
  loss: z
    .enum(["stablemax_cross_entropy", "softmax_cross_entropy"])
    .default("stablemax_cross_entropy")
    .describe("loss on the answer's cells"),
};

/** Tokens put before the grid; 0 is replaced by what the puzzle vector needs when the settings are parsed. */
export const puzzleEmbLenField = (fallback: number) =>
  z
    .int()
    .min(0)
    .default(fallback)
    .describe("tokens put before the grid; the puzzle vector fills the first, 0: as many as it needs");

/** The shared settings as parsed. */
export type SharedConfig = z.output<z.ZodObject<typeof sharedFields>> & {
  readonly puzzleEmbNdim: number;
  readonly puzzleEmbLen: number;
};

/** Names under `arch:` in a reference YAML file that all three models use alike, and ours. */
export const sharedReferenceNames = {
  halt_exploration_prob: "haltExplorationProb",
  halt_max_steps: "haltMaxSteps",
  hidden_size: "hiddenSize",
  num_heads: "numHeads",
  expansion: "expansion",
  puzzle_emb_ndim: "puzzleEmbNdim",
  puzzle_emb_len: "puzzleEmbLen",
  pos_encodings: "posEncodings",
  forward_dtype: "forwardDtype",
  mlp_t: "mlpT",
  rms_norm_eps: "rmsNormEps",
  rope_theta: "ropeTheta",
  "loss.loss_type": "loss",
} as const;

interface Sizes {
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly mlpT: boolean;
  readonly posEncodings: "rope" | "learned" | "none";
  readonly puzzleEmbNdim: number | null;
  readonly puzzleEmbLen: number;
}

/** Replaces the null and 0 that stand for "as large as needed". */
export function withSizes<T extends Sizes>(config: T) {
  const puzzleEmbNdim = config.puzzleEmbNdim ?? config.hiddenSize;
  return {
    ...config,
    puzzleEmbNdim,
    puzzleEmbLen: config.puzzleEmbLen || Math.ceil(puzzleEmbNdim / config.hiddenSize),
  };
}

/** Rules between settings. Rope with mlpT is allowed and without effect, as in the reference. */
export function checkSizes(config: Sizes, context: z.RefinementCtx): void {
  const { hiddenSize, numHeads, puzzleEmbLen } = config;
  const complain = (key: keyof Sizes, message: string) =>
    context.addIssue({ code: "custom", path: [key], input: config[key], message });
  const ndim = config.puzzleEmbNdim ?? hiddenSize;
  const headSize = Math.floor(hiddenSize / numHeads);
  if (headSize < 1) complain("numHeads", `at most hiddenSize, which is ${hiddenSize}`);
  else if (config.posEncodings === "rope" && !config.mlpT && headSize % 2 !== 0)
    complain("numHeads", `an even head size for rope: ${hiddenSize} / ${numHeads} is ${headSize}`);
  if (ndim === 0 && puzzleEmbLen !== 0)
    complain(
      "puzzleEmbLen",
      "0 when puzzleEmbNdim is 0: without puzzle vectors there are no tokens for them",
    );
  if (puzzleEmbLen > 0 && ndim > puzzleEmbLen * hiddenSize)
    complain("puzzleEmbNdim", `at most puzzleEmbLen × hiddenSize, which is ${puzzleEmbLen * hiddenSize}`);
}
