// A trained model from wherever it was saved: a run folder (its newest checkpoint), one checkpoint folder, or a
// weights file (.safetensors or PyTorch's .pt) with a config.yaml beside it.

import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ToolError } from "../base/errors.ts";
import { readTextFile } from "../base/files.ts";
import { logWarning } from "../base/log.ts";
import { parseConfig } from "../config/load.ts";
import type { WhorlConfig } from "../config/schema.ts";
import { makeModel, type PuzzleShape, type RecursiveModel } from "../models/index.ts";
import { growTable, type InitialRows } from "../models/puzzle-table.ts";
import { loadStateFile, type ModelWeights, makeBlankWeights, TABLE_KEY } from "../models/weights.ts";
import { puzzleShapeOf } from "../tasks/index.ts";
import { type Checkpoint, latestCheckpoint, readCheckpoint } from "./checkpoints.ts";
import { openWeightsFile } from "./import-weights.ts";
import { completeConfig, mustBeSaid } from "./infer-config.ts";
import { openRun, type Run } from "./run.ts";
import { readTable, readTableIndex } from "./table-segments.ts";
import { describeWeights } from "./weights-description.ts";

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
      hint: "give a run folder, a checkpoint folder, a .safetensors or a .pt file; `whorl train` makes them",
      exitCode: 2,
    });
  if (!statSync(path).isDirectory()) return openSingleFile(path);
  if (existsSync(join(path, "run.json"))) return openRunFolder(path);
  return openCheckpoint(path);
}

async function openRunFolder(path: string): Promise<OpenedModel> {
  const run = await openRun(path);
  const checkpoint = await newestCheckpoint(run);
  return build(run.config, join(checkpoint.dir, WEIGHTS_FILE), checkpoint.dir, checkpoint);
}

/** The newest one that is whole; says which were not. */
export async function newestCheckpoint(run: Run): Promise<Checkpoint> {
  const { checkpoint, damaged } = await latestCheckpoint(run);
  for (const error of damaged) logWarning(`passed over: ${error.format()}`);
  if (checkpoint) return checkpoint;
  const missing = { code: "run/no-checkpoint", hint: "train it" };
  throw damaged[0] ?? new ToolError(`${run.dir} has no checkpoint yet`, missing);
}

async function openCheckpoint(path: string): Promise<OpenedModel> {
  const checkpoint = await readCheckpoint(path);
  const found = findConfigFile(path);
  if (!found) throw noConfig(path, path, []);
  const { config } = parseConfig(await readTextFile(found), found);
  return build(config, join(path, WEIGHTS_FILE), path, checkpoint);
}

async function openSingleFile(path: string): Promise<OpenedModel> {
  const file = await openWeightsFile(path);
  await file.close(); // the shapes in its directory are all that is needed here
  const folder = dirname(resolve(path));
  const found = findConfigFile(folder);
  if (!found) throw noConfig(path, folder, mustBeSaid(describeWeights(file.entries)));
  const config = await completeConfig(await readTextFile(found), found, file.entries);
  return build(config, path, path, undefined);
}

/** config.yaml (all_config.yaml of the reference) of the folder itself, or of the run that a checkpoint folder lies in. */
function findConfigFile(folder: string): string | undefined {
  return configFiles(folder).find((file) => existsSync(file));
}

function configFiles(folder: string): string[] {
  return [
    join(folder, "config.yaml"),
    join(folder, "all_config.yaml"),
    join(dirname(dirname(resolve(folder))), "config.yaml"),
  ];
}

function noConfig(path: string, folder: string, mustSay: readonly string[]): ToolError {
  return new ToolError(`no config.yaml belongs to ${basename(path)}`, {
    code: "run/no-config",
    where: configFiles(folder).join(", "),
    hint: `put the config.yaml of the model's run beside the weights (all_config.yaml of the reference), or one that says what shapes do not tell: data.task${mustSay.map((key) => `, ${key}`).join("")}`,
  });
}

/**
 * Weights are read straight into their places. How many identifiers there are is told by the stored table: what the
 * data section says may be known only after ARC's augmentations were made, or belong to other data.
 */
async function build(
  config: WhorlConfig,
  weightsFile: string,
  path: string,
  checkpoint: Checkpoint | undefined,
): Promise<OpenedModel> {
  const table = checkpoint && (await readTableIndex(checkpoint));
  const file = await openWeightsFile(weightsFile);
  try {
    const rows = table?.rows ?? file.entries.get(TABLE_KEY)?.shape[0] ?? 1;
    const shape: PuzzleShape = { ...(await puzzleShapeOf(config.data)), numPuzzleIdentifiers: rows };
    const model = makeModel(config.model, shape);
    if (table && table.size !== model.puzzleVectorSize)
      throw new ToolError(
        `the puzzle vectors have ${table.size} numbers, this configuration needs ${model.puzzleVectorSize}`,
        { code: "models/weights-misfit", where: path, hint: "use the config.yaml of the run" },
      );
    const weights = makeBlankWeights(model);
    await loadStateFile(model, weights, file, path, { withoutTable: table !== undefined });
    if (checkpoint && table) await readTable(checkpoint.dir, table, weights.table);
    return { config, model, weights, path, step: checkpoint?.step };
  } finally {
    await file.close();
  }
}

/** The model for more puzzles than it was trained on: their vectors follow the old ones. */
export function addIdentifiers(opened: OpenedModel, extraRows: number, initial: InitialRows): OpenedModel {
  const { config, model, weights } = opened;
  const numPuzzleIdentifiers = model.shape.numPuzzleIdentifiers + extraRows;
  return {
    ...opened,
    model: makeModel(config.model, { ...model.shape, numPuzzleIdentifiers }),
    weights: { ...weights, table: growTable(weights.table, model.puzzleVectorSize, extraRows, initial) },
  };
}
