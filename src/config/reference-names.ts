// The names that the reference's YAML files (config/cfg_pretrain.yaml, all_config.yaml of a checkpoint) use for our
// settings, so that such a file, or a word of such a command line, can be used as it is.

import { ToolError } from "../base/errors.ts";
import { type ModelConfig, modelReferenceNames } from "../models/index.ts";

export type Translation = { path: string; value: unknown } | "ignored";

export type Arch = ModelConfig["arch"];

/** What the reference's model classes are here: the architecture, and the setting that makes the difference. */
const architectures: readonly (readonly [pattern: RegExp, arch: Arch, setting: Translation])[] = [
  [/(^|\.)trm@/, "trm", "ignored"],
  [/(^|\.)trm_singlez@/, "trm", { path: "model.latents", value: 0 }],
  [/(^|\.)trm_hier6@/, "trm", { path: "model.latents", value: 6 }],
  [/(^|\.)hrm(\.hrm_act_v1)?@/, "hrm", { path: "model.arch", value: "hrm" }],
  [/(^|\.)transformers_baseline@/, "direct", { path: "model.arch", value: "direct" }],
];

/** Every reference name that has a meaning for an architecture, for hints. */
export function referenceNames(arch: Arch): Readonly<Record<string, string>> {
  const ofModel = Object.entries(modelReferenceNames[arch]);
  return {
    ...commonNames,
    ...Object.fromEntries(ofModel.map(([name, ours]) => [`arch.${name}`, `model.${ours}`])),
  };
}

const commonNames: Readonly<Record<string, string>> = {
  arch: "model.arch",
  data_paths: "data.train",
  data_paths_test: "data.test",
  global_batch_size: "train.globalBatchSize",
  epochs: "train.epochs",
  eval_interval: "train.evalInterval",
  lr: "train.lr",
  lr_min_ratio: "train.lrMinRatio",
  lr_warmup_steps: "train.lrWarmupSteps",
  beta1: "train.beta1",
  beta2: "train.beta2",
  weight_decay: "train.weightDecay",
  puzzle_emb_lr: "train.puzzleEmbLr",
  puzzle_emb_weight_decay: "train.puzzleEmbWeightDecay",
  seed: "train.seed",
  ema: "train.ema",
  ema_rate: "train.emaRate",
  freeze_weights: "train.freezeWeights",
};

/** Reference settings (with all below them) that say nothing about the model or its training. */
const ignoredNames = [
  ...["defaults", "hydra", "evaluators", "project_name", "run_name", "load_checkpoint", "checkpoint_path"],
  ...["checkpoint_every_eval", "min_eval_interval", "eval_save_outputs", "arch.loss.name"],
];

/** The architecture that a setting names, ours or the reference's; undefined when it names none. */
function archOf(path: string, value: unknown): Arch | undefined {
  if (path === "arch.name") return architectures.find(([pattern]) => pattern.test(String(value)))?.[1];
  const names = Object.keys(modelReferenceNames) as Arch[];
  return path === "model.arch" || path === "arch" ? names.find((name) => name === value) : undefined;
}

/** The architecture of a configuration: the last that its settings name. */
export function archIn(settings: readonly { readonly path: string; readonly value: unknown }[]): Arch {
  return settings.reduce<Arch>((found, { path, value }) => archOf(path, value) ?? found, "trm");
}

/** Our setting for one of the reference's; undefined when the name is none of its. */
export function translateReference(
  path: string,
  value: unknown,
  where: string,
  arch: Arch,
): Translation | undefined {
  if (path === "arch.name") return translateArchitecture(value, where);
  if (arch === "direct" && path === "arch.H_cycles") return "ignored"; // kept there for compatibility
  const names = referenceNames(arch);
  if (ignoredNames.some((name) => path === name || path.startsWith(`${name}.`))) return "ignored";
  if (!Object.hasOwn(names, path)) return undefined;
  return { path: names[path], value: translateValue(path, value, where) };
}

function translateValue(path: string, value: unknown, where: string): unknown {
  switch (path) {
    case "arch.pos_encodings":
      // The reference takes every other word for "none".
      return value === "rope" || value === "learned" ? value : "none";
    case "arch.puzzle_emb_ndim":
      // Hydra's reference to another setting, `${.hidden_size}`.
      return typeof value === "string" && value.includes("hidden_size") ? null : value;
    case "data_paths":
    case "data_paths_test":
      return onlyPath(path, value, where);
    default:
      return value;
  }
}

function onlyPath(path: string, value: unknown, where: string): unknown {
  if (!Array.isArray(value)) return value;
  if (value.length <= 1) return value[0] ?? null;
  throw new ToolError(`${path} lists ${value.length} data sets`, {
    code: "config/several-data-sets",
    where,
    hint: "one data set can be used at a time: keep one",
    exitCode: 2,
  });
}

function translateArchitecture(value: unknown, where: string): Translation {
  const known = architectures.find(([pattern]) => typeof value === "string" && pattern.test(value));
  if (known) return known[2];
  throw new ToolError(`arch.name is ${JSON.stringify(value)}, which is no model that Whorl has`, {
    code: "config/other-architecture",
    where,
    hint: "there are trm, trm_singlez, trm_hier6, hrm and transformers_baseline, each followed by @ and its class",
    exitCode: 2,
  });
}
