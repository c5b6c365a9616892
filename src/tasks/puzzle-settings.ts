// Settings that the `data` sections of several tasks share (puzzle-dataset.ts), as pieces of their schemas.

import { z } from "zod";

/** Where the puzzles come from and how many are used. */
export const puzzleFields = {
  train: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("file to train on, in the data folder or any path"),
  test: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe("file of held-out puzzles, in the data folder or any path"),
  subsample: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe("train on this many puzzles of the file, drawn at random"),
  validation: z
    .int()
    .min(0)
    .default(0)
    .describe("puzzles held out of the training file for the quick checks"),
};

/** How many puzzles are made up. */
export const generateFields = {
  train: z.int().min(1).describe("puzzles to train on"),
  validation: z.int().min(0).default(0).describe("puzzles for the quick checks during training"),
  test: z.int().min(0).describe("held-out puzzles, never trained on"),
  seed: z.int().min(0).default(0).describe("start of the random numbers that make the puzzles"),
};

/** Symmetric copies of training puzzles. */
export function augmentationsField(usual: number | "fresh") {
  return z
    .union([z.int().min(0), z.literal("fresh")], { error: 'expected a whole number from 0, or "fresh"' })
    .default(usual)
    .describe("symmetric copies of each training puzzle; fresh: a new one at every draw");
}

/** Puzzles are either read or generated. */
export function checkOneSource(
  data: { train: string | null; generate: object | null },
  context: z.RefinementCtx,
): void {
  if (data.train === null || data.generate === null) return;
  const message = "null when data.train is a file: puzzles are either read or generated";
  context.addIssue({ code: "custom", path: ["generate"], input: data.generate, message });
}
