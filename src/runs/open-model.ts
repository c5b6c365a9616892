// A trained model from wherever it was saved: a run folder (its newest checkpoint), one checkpoint folder, or a
// weights file with a config.yaml beside it.

import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ToolError } from "../base/errors.ts";
import { readTextFile } from "../base/files.ts";
import { logWarning } from "../base/log.ts";
import { parseConfig } from "../config/load.ts";
import type { WhorlConfig } from "../config/schema.ts";
import { readSafetensors, type StoredTensor } from "../formats/safetensors.ts";
import { makeModel, type RecursiveModel } from "../models/index.ts";
import { loadStateDict, type ModelWeights, makeWeights } from "../models/weights.ts";
import { puzzleShapeOf } from "../tasks/index.ts";
import { latestCheckpoint, readCheckpoint } from "./checkpoints.ts";
import { openRun } from "./run.ts";

/** What is evaluated, in every checkpoint. */
export const WEIGHTS_FILE = "weights.safetensors";

export interface OpenedModel {
  readonly config: WhorlConfig;
  readonly model: RecursiveModel;
  readonly weights: ModelWeights;
  /** Where the weights were found. */
  readonly path: string;
  /** Steps it was trained for, if known. */
  readonly step: number | undefined;
}

export async function openModel(path: string): Promise<OpenedModel> {
  if (!existsSync(path))
    throw new ToolError(`there is no ${path}`, {
      code: "run/not-found",
      hint: "give a run folder, a checkpoint folder or a .safetensors file; `whorl train` makes them",
      exitCode: 2,
    });
  if (!statSync(path).isDirectory()) return openWeightsFile(path);
  if (existsSync(join(path, "run.json"))) return openRunFolder(path);
  return openCheckpoint(path);
}

async function openRunFolder(path: string): Promise<OpenedModel> {
  const run = await openRun(path);
  const { checkpoint, damaged } = await latestCheckpoint(run);
  for (const error of damaged) logWarning(`passed over: ${error.format()}`);
  if (!checkpoint)
    throw (
      damaged[0] ??
      new ToolError(`${path} has no checkpoint yet`, { code: "run/no-checkpoint", hint: "train it" })
    );
  return build(run.config, await checkpoint.readTensors(WEIGHTS_FILE), checkpoint.dir, checkpoint.step);
}

async function openCheckpoint(path: string): Promise<OpenedModel> {
  const checkpoint = await readCheckpoint(path);
  const config = await findConfig(path);
  return build(config, await checkpoint.readTensors(WEIGHTS_FILE), path, checkpoint.step);
}

async function openWeightsFile(path: string): Promise<OpenedModel> {
  const config = await findConfig(dirname(resolve(path)));
  return build(config, (await readSafetensors(path)).tensors, path, undefined);
}

/** config.yaml of the folder itself, or of the run that a checkpoint folder lies in. */
async function findConfig(folder: string): Promise<WhorlConfig> {
  const candidates = [folder, dirname(dirname(resolve(folder)))].map((dir) => join(dir, "config.yaml"));
  const found = candidates.find((file) => existsSync(file));
  if (found) return parseConfig(await readTextFile(found), found).config;
  throw new ToolError(`no config.yaml belongs to ${basename(folder)}`, {
    code: "run/no-config",
    where: candidates.join(", "),
    hint: "put the config.yaml of the model's run beside the weights: shapes alone do not tell the cycles",
  });
}

function build(
  config: WhorlConfig,
  tensors: ReadonlyMap<string, StoredTensor>,
  path: string,
  step: number | undefined,
): OpenedModel {
  const model = makeModel(config.model, puzzleShapeOf(config.data));
  const weights = makeWeights(model, 0);
  loadStateDict(model, weights, tensors, path);
  return { config, model, weights, path, step };
}
