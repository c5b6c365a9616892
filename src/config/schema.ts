// The whole configuration of a run: model, data, train, engine. Defaults are those of the reference's
// config/cfg_pretrain.yaml where it has the setting. Files and overrides are read in load.ts.

import { z } from "zod";
import { modelConfigSchema } from "../models/index.ts";
import { arcDataSchema } from "../tasks/arc/config.ts";
import { mazeDataSchema } from "../tasks/maze/config.ts";
import { moduleDataSchema } from "../tasks/module/config.ts";
import { sudokuDataSchema } from "../tasks/sudoku/config.ts";

/** By `data.task`; sudoku when nothing is said. */
const dataSchema = z.preprocess(
  (data) =>
    typeof data === "object" && data !== null && !("task" in data) ? { task: "sudoku", ...data } : data,
  z.discriminatedUnion("task", [sudokuDataSchema, mazeDataSchema, arcDataSchema, moduleDataSchema]),
);

const trainFields = z.strictObject({
  seed: z.int().min(0).default(0).describe("start of all random numbers of the training"),
  globalBatchSize: z.int().min(1).default(768).describe("puzzles in one optimizer step"),
  epochs: z
    .int()
    .min(1)
    .nullable()
    .default(100000)
    .describe("passes over the training groups; null: until steps"),
  evalInterval: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe("epochs in one sweep of the loader; must divide epochs; null: a tenth of them"),
  steps: z.int().min(1).nullable().default(null).describe("optimizer steps in all; null: what epochs gives"),
  stepsPerUpdate: z
    .int()
    .min(1)
    .default(1)
    .describe("supervision steps whose gradients are summed before an update; no row halts between them"),
  optimizer: z.enum(["adam-atan2", "adamw"]).default("adam-atan2").describe("how the network's weights move"),
  clipNorm: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("largest norm of the gradient, for adamw; null: unlimited"),
  lr: z.number().min(0).default(1e-4).describe("learning rate of the network"),
  lrMinRatio: z.number().min(0).max(1).default(1).describe("last learning rate over the first; 1: constant"),
  lrWarmupSteps: z.int().min(0).default(2000).describe("steps in which the learning rate rises from 0"),
  beta1: z.number().min(0).lt(1).default(0.9).describe("memory of the gradient's mean"),
  beta2: z.number().min(0).lt(1).default(0.95).describe("memory of the gradient's square"),
  weightDecay: z.number().min(0).default(0.1).describe("pull of the network's weights towards 0"),
  puzzleEmbLr: z.number().min(0).default(1e-2).describe("learning rate of the puzzle vectors"),
  puzzleEmbWeightDecay: z.number().min(0).default(0.1).describe("pull of the puzzle vectors towards 0"),
  ema: z.boolean().default(false).describe("evaluate a running average of the weights"),
  emaRate: z.number().min(0).lt(1).default(0.999).describe("memory of that average"),
  freezeWeights: z.boolean().default(false).describe("train the puzzle vectors only"),
  quickEval: z
    .strictObject({
      everySteps: z.int().min(0).default(500).describe("steps between quick checks; 0: none"),
      puzzles: z.int().min(1).default(64).describe("puzzles in a quick check"),
    })
    .prefault({})
    .describe("accuracy on a few held-out puzzles during training"),
  checkpointEverySteps: z.int().min(1).default(500).describe("steps between checkpoints"),
  keepCheckpoints: z.int().min(1).default(2).describe("checkpoints kept; older ones are deleted"),
  stopAtExactAccuracy: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .default(null)
    .describe("end early when a quick check solves this share of its puzzles"),
  maxMinutes: z.number().positive().nullable().default(null).describe("end after this time"),
});

const trainSchema = trainFields
  .superRefine((train, context) => {
    const { epochs, evalInterval, steps, maxMinutes } = train;
    const complain = (key: "evalInterval" | "epochs" | "clipNorm", input: unknown, message: string) =>
      context.addIssue({ code: "custom", path: [key], input, message });
    if (epochs === null && steps === null && maxMinutes === null)
      complain("epochs", epochs, "a number when neither train.steps nor train.maxMinutes ends the training");
    if (epochs !== null && evalInterval !== null && epochs % evalInterval !== 0)
      complain("evalInterval", evalInterval, `a divisor of train.epochs, which is ${epochs}`);
    if (train.clipNorm !== null && train.optimizer !== "adamw")
      complain(
        "clipNorm",
        train.clipNorm,
        "null unless train.optimizer is adamw: AdamATan2 does not see the scale",
      );
  })
  .transform((train) => ({ ...train, evalInterval: train.evalInterval ?? defaultInterval(train.epochs) }));

export const engineSchema = z.strictObject({
  backend: z
    .enum(["auto", "native", "wasm", "reference"])
    .default("auto")
    .describe("what computes; auto: the fastest there is"),
  threads: z.int().min(1).nullable().default(null).describe("threads; null: all cores"),
  isa: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("instruction set of the native backend; null: the best"),
  lanes: z
    .int()
    .min(1)
    .default(8)
    .describe("groups of rows whose sums are kept apart; results depend on it, not on threads"),
  microBatch: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe("rows computed at once; null: chosen by the engine"),
});

export const whorlConfigSchema = z.strictObject({
  model: modelConfigSchema.prefault({}).describe("the network"),
  data: dataSchema.prefault({}).describe("the puzzles"),
  train: trainSchema.prefault({}).describe("how it is trained"),
  engine: engineSchema.prefault({}).describe("how it is computed; changes speed, not the model"),
});

/** A resolved configuration: every setting present and checked. */
export type WhorlConfig = z.output<typeof whorlConfigSchema>;
export type DataConfig = WhorlConfig["data"];
export type TrainConfig = WhorlConfig["train"];
export type EngineConfig = WhorlConfig["engine"];

/** A tenth of the epochs as in the reference, all of them when that is not whole. */
function defaultInterval(epochs: number | null): number {
  // Without a last epoch, long sweeps: the incomplete last batch of each is dropped.
  if (epochs === null) return 100;
  return epochs % 10 === 0 ? epochs / 10 : epochs;
}
