// Settings of the Tiny Recursive Model and its ablations: one strict schema from which types, checks and help derive, and
// the names that the reference's YAML uses for them. Not here: how it is trained (src/config). Source: config/arch/trm.yaml,
// trm_singlez.yaml and trm_hier6.yaml of SamsungSAILMontreal/TinyRecursiveModels.

import { z } from "zod";
import { checkSizes, puzzleEmbLenField, sharedFields, sharedReferenceNames, withSizes } from "../settings.ts";

const trmFields = z.strictObject({
  arch: z.literal("trm").default("trm").describe("architecture: trm, hrm, direct or three-stream"),
  ...sharedFields,
  layers: z.int().min(1).default(2).describe("layers of the one network (reference: L_layers)"),
  hLayers: z.int().min(0).default(0).describe("no effect; the reference carries it (H_layers)"),
  hCycles: z.int().min(1).default(3).describe("updates of the answer in one supervision step (paper: T)"),
  lCycles: z
    .int()
    .min(1)
    .default(6)
    .describe("updates of the latent before each update of the answer (paper: n)"),
  puzzleEmbLen: puzzleEmbLenField(16),
  noActContinue: z
    .boolean()
    .default(true)
    .describe(
      "halt by the halting output alone; false: train the continue output as HRM does, at twice the forward cost",
    ),
  latents: z
    .int()
    .min(0)
    .default(1)
    .describe("latents z beside the answer y; 0: one state is both, 6: the paper's multi-scale z"),
  separateNetworks: z
    .boolean()
    .default(false)
    .describe("update answer and latent by a network of its own each"),
  gradient: z
    .enum(["cycle", "one-step"])
    .default("cycle")
    .describe("calls that carry gradient: those of the last cycle, or the last of each kind as in HRM"),
  tiedHead: z
    .boolean()
    .default(false)
    .describe("read cells by the table of token vectors (the paper: hurts)"),
  halting: z
    .boolean()
    .default(true)
    .describe("let rows stop early in training; false: every puzzle gets haltMaxSteps"),
});

/** After parsing, puzzleEmbNdim and puzzleEmbLen are the sizes really used. */
export const trmConfigSchema = trmFields
  .superRefine((config, context) => {
    checkSizes(config, context);
    const { latents, lCycles, separateNetworks } = config;
    if (latents > lCycles)
      context.addIssue({
        ...{ code: "custom", path: ["latents"], input: latents },
        message: `at most lCycles, which is ${lCycles}: each call updates one latent`,
      });
    if (latents === 0 && separateNetworks)
      context.addIssue({
        ...{ code: "custom", path: ["separateNetworks"], input: separateNetworks },
        message: "false when latents is 0: there is no second state for a second network",
      });
  })
  .transform(withSizes);

export type TrmConfig = z.output<typeof trmConfigSchema>;

/** Names under `arch:` in a reference YAML file, and ours. */
export const trmReferenceNames: Readonly<Record<string, keyof TrmConfig>> = {
  ...sharedReferenceNames,
  H_cycles: "hCycles",
  L_cycles: "lCycles",
  H_layers: "hLayers",
  L_layers: "layers",
  no_ACT_continue: "noActContinue",
};
