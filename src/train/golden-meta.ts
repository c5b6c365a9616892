// meta.json of a golden trace: the model's configuration under the reference's names, and the optimizers' constants.

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { ToolError } from "../base/errors.ts";
import {
  type ModelConfig,
  modelConfigSchema,
  modelReferenceNames,
  type PuzzleShape,
} from "../models/index.ts";
import type { AdamSettings } from "../optim/adam.ts";
import type { SignSgdSettings } from "../optim/sign-sgd.ts";

export interface GoldenMeta {
  readonly model: ModelConfig;
  readonly shape: PuzzleShape;
  readonly batchSize: number;
  readonly steps: number;
  readonly evalSteps: number;
  readonly optimizer: AdamSettings & {
    readonly puzzleTable: SignSgdSettings;
    readonly emaRate: number;
  };
  /** As the reference's loss head returned them, a step each. */
  readonly metrics: readonly Readonly<Record<string, number>>[];
}

const metaSchema = z.object({
  config: z.looseObject({
    batch_size: z.int(),
    seq_len: z.int(),
    vocab_size: z.int(),
    num_puzzle_identifiers: z.int(),
    puzzle_emb_ndim: z.int().default(0),
    pos_encodings: z.string().default("rope"),
  }),
  steps: z.int(),
  eval_steps: z.int(),
  optimizer: z.object({
    lr: z.number(),
    weight_decay: z.number(),
    betas: z.tuple([z.number(), z.number()]),
    puzzle_emb_lr: z.number().default(0),
    puzzle_emb_weight_decay: z.number().default(0),
    ema_rate: z.number(),
  }),
  metrics: z.array(z.record(z.string(), z.number())),
});

/** @param weights names of the tensors in weights.safetensors, which tell the model */
export async function readGoldenMeta(path: string, weights: Iterable<string>): Promise<GoldenMeta> {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new ToolError(`cannot read ${path}`, {
      code: "replay/no-meta",
      hint: "name a golden trace folder",
      cause,
    });
  });
  const parsed = metaSchema.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new ToolError(`${path} is not a golden trace's description: ${z.prettifyError(parsed.error)}`, {
      code: "replay/bad-meta",
    });
  const { config, optimizer, steps, eval_steps, metrics } = parsed.data;
  return {
    model: modelConfig(config, architectureOf([...weights]), path),
    shape: {
      seqLen: config.seq_len,
      vocabSize: config.vocab_size,
      numPuzzleIdentifiers: config.num_puzzle_identifiers,
    },
    batchSize: config.batch_size,
    steps,
    evalSteps: eval_steps,
    optimizer: {
      learningRate: optimizer.lr,
      weightDecay: optimizer.weight_decay,
      beta1: optimizer.betas[0],
      beta2: optimizer.betas[1],
      puzzleTable: { learningRate: optimizer.puzzle_emb_lr, weightDecay: optimizer.puzzle_emb_weight_decay },
      emaRate: optimizer.ema_rate,
    },
    metrics,
  };
}

/** The reference's names under ours. Traces are recorded without exploration. */
function modelConfig(
  config: z.output<typeof metaSchema>["config"],
  architecture: Architecture,
  path: string,
): ModelConfig {
  const names = modelReferenceNames[architecture.arch];
  const named = Object.entries(config).flatMap(([key, value]) => (key in names ? [[names[key], value]] : []));
  // The reference takes any other word for "no positions".
  const hasPositions = config.pos_encodings === "rope" || config.pos_encodings === "learned";
  const posEncodings = hasPositions ? config.pos_encodings : "none";
  const parsed = modelConfigSchema.safeParse({
    ...architecture,
    ...Object.fromEntries(named),
    posEncodings,
    haltExplorationProb: 0,
  });
  if (parsed.success) return parsed.data;
  throw new ToolError(`the configuration in ${path} cannot be replayed: ${z.prettifyError(parsed.error)}`, {
    code: "replay/bad-meta",
  });
}

type Architecture = Pick<ModelConfig, "arch"> & { readonly latents?: number };

/**
 * By the networks and initial states: HRM has two networks, direct prediction only H_level, TRM only L_level;
 * trm_singlez has one state, trm_hier6 a latent for each L1_init … L6_init.
 */
function architectureOf(weights: readonly string[]): Architecture {
  const has = (part: string) => weights.some((name) => name.startsWith(`model.inner.${part}`));
  if (has("H_level.")) return { arch: has("L_level.") ? "hrm" : "direct" };
  if (!has("H_init")) return { arch: "trm", latents: 0 };
  return { arch: "trm", latents: weights.filter((name) => /\.L\d*_init$/.test(name)).length };
}
