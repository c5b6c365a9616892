// Settings of direct prediction. Source: config/arch/transformers_baseline.yaml of TinyRecursiveModels, but for the single
// supervision step.

import { z } from "zod";
import { checkSizes, puzzleEmbLenField, sharedFields, sharedReferenceNames, withSizes } from "../settings.ts";

const directFields = z.strictObject({
  arch: z.literal("direct").describe("architecture: one pass through a plain stack of layers"),
  ...sharedFields,
  numHeads: sharedFields.numHeads.default(12),
  layers: z.int().min(1).default(8).describe("layers of the stack (reference: H_layers)"),
  puzzleEmbLen: puzzleEmbLenField(0),
  haltMaxSteps: sharedFields.haltMaxSteps
    .default(1)
    .describe(
      "supervision steps; 1: direct prediction, 16: the reference's baseline, whose state is carried on",
    ),
});

/** After parsing, puzzleEmbNdim and puzzleEmbLen are the sizes really used. */
export const directConfigSchema = directFields.superRefine(checkSizes).transform(withSizes);

export type DirectConfig = z.output<typeof directConfigSchema>;

/** Names under `arch:` in a reference YAML file, and ours. */
export const directReferenceNames: Readonly<Record<string, keyof DirectConfig>> = {
  ...sharedReferenceNames,
  H_layers: "layers",
};
