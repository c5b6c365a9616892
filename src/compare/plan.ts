// From a comparison to units of work: one entry with one seed, its whole configuration resolved. The budget becomes the
// steps that the learning-rate schedule sees, so that every run ends where its schedule does.

import { ToolError } from "../base/errors.ts";
import { loadConfig } from "../config/load.ts";
import type { WhorlConfig } from "../config/schema.ts";
import { parseOverride } from "../config/settings.ts";
import { makeModel } from "../models/index.ts";
import { puzzleShapeOf } from "../tasks/index.ts";
import { flopsPerStep } from "../train/loop.ts";
import { type Budget, type Comparison, type Entry, slugOf } from "./definition.ts";

export interface Unit {
  readonly entry: Entry;
  readonly seed: number;
  readonly config: WhorlConfig;
  /** Names its files. */
  readonly id: string;
  /** Its run folder, below that of the comparison. */
  readonly runDir: string;
}

/** Cheaper runs; what a comparison file says comes after. */
const DEFAULTS = ["train.quickEval.everySteps=0", "train.keepCheckpoints=1"];

/** Set by the comparison itself. */
const RESERVED = new Map([
  ["train.steps", "the budget"],
  ["train.epochs", "the budget"],
  ["train.maxMinutes", "the budget"],
  ["train.seed", "the seeds"],
  ["train.stopAtExactAccuracy", "the budget, which every run spends in full"],
]);

/** All units, one seed of every entry after the other: unfinished work is fair too. */
export async function planUnits(comparison: Comparison): Promise<Unit[]> {
  const configs = new Map<Entry, WhorlConfig>();
  for (const entry of comparison.entries) configs.set(entry, await resolveEntry(entry, comparison));
  return comparison.seeds.flatMap((seed) =>
    comparison.entries.map((entry) => unitOf(entry, seed, configs.get(entry)!)),
  );
}

function unitOf(entry: Entry, seed: number, config: WhorlConfig): Unit {
  const slug = slugOf(entry.name);
  return {
    entry,
    seed,
    config: { ...config, train: { ...config.train, seed } },
    id: `${slug}.seed-${seed}`,
    runDir: `runs/${slug}/seed-${seed}`,
  };
}

async function resolveEntry(entry: Entry, { overrides, budget }: Comparison): Promise<WhorlConfig> {
  try {
    const words = [...overrides, ...entry.overrides];
    for (const word of words) refuseReserved(word);
    const { config } = await loadConfig(entry.preset, [...DEFAULTS, ...words, ...wordsOf(budget)]);
    if (!("flops" in budget)) return config;
    return { ...config, train: { ...config.train, steps: await stepsWithin(budget.flops, config) } };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    const { code, hint, cause, exitCode } = error;
    const where = [`entry ${entry.name}`, error.where].filter(Boolean).join(", ");
    throw new ToolError(error.message, { code, where, hint, cause, exitCode });
  }
}

/** Within minutes the number of steps is not known beforehand, so the learning rate cannot sink towards the last one. */
function wordsOf(budget: Budget): string[] {
  const always = ["train.stopAtExactAccuracy=null"];
  if ("minutes" in budget)
    return [
      ...always,
      `train.maxMinutes=${budget.minutes}`,
      "train.steps=null",
      "train.epochs=null",
      "train.lrMinRatio=1",
    ];
  const steps = "steps" in budget ? budget.steps : 1;
  return [...always, "train.maxMinutes=null", `train.steps=${steps}`];
}

function refuseReserved(word: string): void {
  for (const { path, where } of parseOverride(word)) {
    const owner = RESERVED.get(path) ?? RESERVED.get(`train.${path}`);
    if (owner)
      throw new ToolError(`${path} is not free in a comparison: it follows from ${owner}`, {
        code: "compare/reserved",
        where,
        hint: "leave it out",
        exitCode: 2,
      });
  }
}

/** Whole steps that the FLOP pay for. */
async function stepsWithin(flops: number, config: WhorlConfig): Promise<number> {
  // They do not depend on the size of the puzzle table.
  const model = makeModel(config.model, await puzzleShapeOf(config.data));
  const perStep = flopsPerStep(config.train, model);
  const steps = Math.floor(flops / perStep);
  if (steps >= 1) return steps;
  throw new ToolError(`${flops} FLOP are less than one training step, which takes ${perStep}`, {
    code: "compare/small-budget",
    hint: "give a larger budget, or a smaller train.globalBatchSize",
    exitCode: 2,
  });
}
