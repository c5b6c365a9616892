// The names that the reference's YAML files (config/cfg_pretrain.yaml, all_config.yaml of a checkpoint) use for our
// settings, so that such a file, or a word of such a command line, can be used as it is.

import { ToolError } from "../base/errors.ts";
import { trmReferenceNames } from "../models/trm/config.ts";

export type Translation = { path: string; value: unknown } | "ignored";

/** Every reference name that has a meaning here, for hints. */
export const referenceNames: Readonly<Record<string, string>> = {
  arch: "model.arch",
  ...Object.fromEntries(
    Object.entries(trmReferenceNames).map(([name, ours]) => [`arch.${name}`, `model.${ours}`]),
  ),
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
  ...["checkpoint_every_eval", "min_eval_interval", "eval_save_outputs", "arch.name", "arch.loss.name"],
];

/** Our setting for one of the reference's; undefined when the name is none of its. */
export function translateReference(path: string, value: unknown, where: string): Translation | undefined {
  if (path === "arch.name") checkArchitecture(value, where);
  if (ignoredNames.some((name) => path === name || path.startsWith(`${name}.`))) return "ignored";
  if (!Object.hasOwn(referenceNames, path)) return undefined;
  return { path: referenceNames[path], value: translateValue(path, value, where) };
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

function checkArchitecture(value: unknown, where: string) {
  if (typeof value === "string" && /(^|\.)trm@/.test(value)) return;
  throw new ToolError(`arch.name is ${JSON.stringify(value)}, which is not TRM`, {
    code: "config/other-architecture",
    where,
    hint: "only recursive_reasoning.trm@… configurations can be used",
    exitCode: 2,
  });
}
