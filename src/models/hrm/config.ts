// Settings of the Hierarchical Reasoning Model. Source: config/arch/hrm_v1.yaml of sapientinc/HRM (commit 42410da),
// spec/hrm.md section 1; hrm.yaml of TinyRecursiveModels adds mlp_t.

import { z } from "zod";
import { checkSizes, puzzleEmbLenField, sharedFields, sharedReferenceNames, withSizes } from "../settings.ts";

const hrmFields = z.strictObject({
  arch: z.literal("hrm").describe("architecture: the Hierarchical Reasoning Model"),
  ...sharedFields,
  layers: z.int().min(1).default(4).describe("layers of the low-level module (reference: L_layers)"),
  hLayers: z.int().min(1).default(4).describe("layers of the high-level module (reference: H_layers)"),
  hCycles: z
    .int()
    .min(1)
    .default(2)
    .describe("updates of the high-level state in one supervision step (paper: N)"),
  lCycles: z
    .int()
    .min(1)
    .default(2)
    .describe("updates of the low-level state before each of them (paper: T)"),
  puzzleEmbLen: puzzleEmbLenField(0),
});

/** After parsing, puzzleEmbNdim and puzzleEmbLen are the sizes really used. */
export const hrmConfigSchema = hrmFields.superRefine(checkSizes).transform(withSizes);

export type HrmConfig = z.output<typeof hrmConfigSchema>;

/** Names under `arch:` in a reference YAML file, and ours. */
export const hrmReferenceNames: Readonly<Record<string, keyof HrmConfig>> = {
  ...sharedReferenceNames,
  H_cycles: "hCycles",
  L_cycles: "lCycles",
  H_layers: "hLayers",
  L_layers: "layers",
};
