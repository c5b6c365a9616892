// Settings of the Tiny Recursive Model: one strict schema from which types, checks and help derive, and the names
// that the reference's YAML uses for them. Not here: how it is trained (src/config). Source: config/arch/trm.yaml of
// SamsungSAILMontreal/TinyRecursiveModels.

import { z } from "zod";

const trmFields = z.strictObject({
  arch: z.literal("trm").default("trm").describe("architecture: the Tiny Recursive Model"),
  hiddenSize: z.int().min(1).default(512).describe("width of every token vector"),
  numHeads: z.int().min(1).default(8).describe("attention heads, each of hiddenSize / numHeads rounded down"),
  expansion: z
    .number()
    .positive()
    .default(4)
    .describe("width of the MLP relative to hiddenSize, before rounding to 256"),
  layers: z.int().min(1).default(2).describe("layers of the one network (reference: L_layers)"),
  hLayers: z.int().min(0).default(0).describe("no effect; the reference carries it (H_layers)"),
  hCycles: z.int().min(1).default(3).describe("updates of the answer in one supervision step (paper: T)"),
  lCycles: z
    .int()
    .min(1)
    .default(6)
    .describe("updates of the latent before each update of the answer (paper: n)"),
  mlpT: z.boolean().default(false).describe("mix tokens by an MLP over positions instead of by attention"),
  posEncodings: z.enum(["rope", "learned", "none"]).default("rope").describe("how positions are told apart"),
  puzzleEmbNdim: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .describe("size of the vector learned per puzzle; null: hiddenSize, 0: no puzzle vectors"),
  puzzleEmbLen: z
    .int()
    .min(0)
    .default(16)
    .describe("tokens put before the grid; the puzzle vector fills the first, 0: as many as it needs"),
  haltMaxSteps: z.int().min(1).default(16).describe("supervision steps a puzzle gets at most"),
  haltExplorationProb: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe("share of rows that must, in training, go on for a random number of steps"),
  noActContinue: z.boolean().default(true).describe("halt by the halting output alone; must be true"),
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
});

/** After parsing, puzzleEmbNdim and puzzleEmbLen are the sizes really used. */
export const trmConfigSchema = trmFields.superRefine(checkTogether).transform((config) => {
  const ndim = config.puzzleEmbNdim ?? config.hiddenSize;
  const puzzleEmbLen = config.puzzleEmbLen || Math.ceil(ndim / config.hiddenSize);
  return { ...config, puzzleEmbNdim: ndim, puzzleEmbLen };
});

export type TrmConfig = z.output<typeof trmConfigSchema>;

/** Names under `arch:` in a reference YAML file, and ours. */
export const trmReferenceNames: Readonly<Record<string, keyof TrmConfig>> = {
  halt_exploration_prob: "haltExplorationProb",
  halt_max_steps: "haltMaxSteps",
  H_cycles: "hCycles",
  L_cycles: "lCycles",
  H_layers: "hLayers",
  L_layers: "layers",
  hidden_size: "hiddenSize",
  num_heads: "numHeads",
  expansion: "expansion",
  puzzle_emb_ndim: "puzzleEmbNdim",
  puzzle_emb_len: "puzzleEmbLen",
  pos_encodings: "posEncodings",
  forward_dtype: "forwardDtype",
  mlp_t: "mlpT",
  no_ACT_continue: "noActContinue",
  rms_norm_eps: "rmsNormEps",
  rope_theta: "ropeTheta",
  "loss.loss_type": "loss",
};

/** Rules between settings. Rope with mlpT is allowed and without effect, as in the reference. */
function checkTogether(
  config: z.output<typeof trmFields>,
  context: z.RefinementCtx<z.output<typeof trmFields>>,
) {
  const complain = (key: keyof typeof config, message: string) =>
    context.addIssue({ code: "custom", path: [key], input: config[key], message });
  const { hiddenSize, numHeads, puzzleEmbLen } = config;
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
  if (!config.noActContinue)
    complain(
      "noActContinue",
      "true: the reference cannot run with a learned continue value either (its second forward pass returns three values where five are unpacked)",
    );
}
