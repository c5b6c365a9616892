// `whorl params`: how large a model is and what a step costs, without training. Of ARC the tasks are read, to count the rows
// of the puzzle table.

import { existsSync } from "node:fs";
import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { logWarning, printJson, printLine } from "../base/log.ts";
import { loadConfig } from "../config/load.ts";
import type { WhorlConfig } from "../config/schema.ts";
import { chooseExecutor } from "../engine/executors/choose.ts";
import { flopsPerRow } from "../engine/flops.ts";
import { fuseFor } from "../engine/fuse.ts";
import type { NumberFormat } from "../engine/number-format.ts";
import { makePlan } from "../engine/plan.ts";
import { formatOn, makeModel, type RecursiveModel } from "../models/index.ts";
import { countParameters } from "../nn/parameters.ts";
import { openModel } from "../runs/open-model.ts";
import { countArcIdentifiers } from "../tasks/arc/load.ts";
import { puzzleShapeOf } from "../tasks/index.ts";
import { flop, integer, mebibytes } from "./render/numbers.ts";

export interface ParamsReport {
  /** Weights by part, puzzle table not among them. */
  readonly parts: Readonly<Record<string, number>>;
  readonly network: number;
  readonly puzzleTable: number;
  /** FLOP of a training step (one supervision step with gradients), for one example. */
  readonly flopsPerExampleStep: number;
  readonly flopsPerExampleStepForward: number;
  /** Paper: T · (n + 1) · layers. */
  readonly effectiveDepth: number;
  /** What the model asks for, and what this machine computes it in. */
  readonly numberFormat: { readonly wanted: NumberFormat; readonly used: NumberFormat };
  /** Working memory for one row in training, in bytes. */
  readonly arenaBytesPerRow: number;
}

export function registerParams(program: Command): void {
  program
    .command("params")
    .description("count weights and cost of a model")
    .argument("<model>", "preset, YAML file, run folder, checkpoint, .safetensors or .pt file")
    .argument("[settings...]", "key=value words, with a preset or YAML file")
    .option("--json", "print the result as one line of JSON")
    .addHelpText("after", "\nExample:\n  whorl params sudoku-extreme-mlp model.hiddenSize=256")
    .action(async (name: string, settings: string[], options: { json?: boolean }) => {
      const model = await findModel(name, settings);
      const { executor } = await chooseExecutor("auto");
      const report = describeModel(model, formatOn(executor, model));
      if (options.json) printJson(report);
      else for (const line of format(report)) printLine(line);
    });
}

async function findModel(name: string, settings: string[]): Promise<RecursiveModel> {
  const isSaved = existsSync(name) && !/\.(ya?ml|json)$/.test(name);
  if (isSaved && settings.length === 0) return (await openModel(name)).model;
  const { config } = await loadConfig(name, settings);
  const shape = await puzzleShapeOf(config.data);
  return makeModel(config.model, { ...shape, numPuzzleIdentifiers: countIdentifiers(config) });
}

/** Rows of the puzzle table; for ARC they show only when its augmentations are made. */
function countIdentifiers({ data }: WhorlConfig): number {
  if (data.task !== "arc") return 1;
  try {
    return countArcIdentifiers(data);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    logWarning(`the puzzle table is counted as one row, because the tasks cannot be read: ${error.format()}`);
    return 1;
  }
}

export function describeModel(model: RecursiveModel, format: NumberFormat): ParamsReport {
  const parts: Record<string, number> = {};
  for (const spec of model.parameters) {
    const part = spec.name.replace(/\.(weight|bias|embedding_weight)$/, "");
    parts[part] = (parts[part] ?? 0) + countParameters([spec]);
  }
  const training = model.trainingGraph({ lossScale: 1 });
  const planned = fuseFor(format, training);
  return {
    parts,
    network: countParameters(model.parameters),
    puzzleTable: model.shape.numPuzzleIdentifiers * model.puzzleVectorSize,
    flopsPerExampleStep: flopsPerRow(training),
    flopsPerExampleStepForward: flopsPerRow(model.evaluationGraph()),
    effectiveDepth: model.effectiveDepth,
    numberFormat: { wanted: model.numberFormat, used: format },
    arenaBytesPerRow: makePlan(planned, 1, { format }).arenaBytes,
  };
}

function format(report: ParamsReport): string[] {
  const width = Math.max(...Object.keys(report.parts).map((name) => name.length), 20);
  const line = (name: string, value: string) => `${name.padEnd(width)}  ${value.padStart(14)}`;
  const { wanted, used } = report.numberFormat;
  return [
    ...Object.entries(report.parts).map(([name, count]) => line(name, integer(count))),
    line("network", integer(report.network)),
    line("puzzle table", integer(report.puzzleTable)),
    line("training step", `${flop(report.flopsPerExampleStep)} an example`),
    line("forward only", `${flop(report.flopsPerExampleStepForward)} an example`),
    line("effective depth", String(report.effectiveDepth)),
    line("number format", used === wanted ? used : `${used} (this machine has no ${wanted})`),
    line("working memory", `${mebibytes(report.arenaBytesPerRow)} a row`),
  ];
}
