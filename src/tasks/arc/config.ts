// The `data` section of an ARC configuration. Read in src/config. Defaults are ARC-AGI-1 as published.

import { z } from "zod";
import { MAX_SIDE } from "./grid.ts";

export const arcDataSchema = z
  .strictObject({
    task: z.literal("arc").describe("family of puzzles: sudoku, maze, arc or module"),
    from: z
      .string()
      .min(1)
      .default("arc")
      .describe("folder of the files arc-agi_SUBSET_challenges.json, in the data folder or any path"),
    subsets: z
      .array(z.string().min(1))
      .min(1)
      .default(["training", "evaluation", "concept"])
      .describe("subsets to train on, in this order; of the test set the demonstrations only"),
    testSet: z
      .string()
      .min(1)
      .nullable()
      .default("evaluation")
      .describe("the one of the subsets whose test pairs are held out; null: none"),
    seed: z
      .int()
      .min(0)
      .max(0xffffffff)
      .default(42)
      .describe("start of the random numbers that make augmentations and identifiers"),
    augmentations: z.int().min(0).max(10_000).default(1000).describe("symmetric copies of each task"),
    side: z
      .int()
      .min(1)
      .max(MAX_SIDE)
      .default(MAX_SIDE)
      .describe("rows and columns of the canvas; tasks with larger grids are left out"),
    maxTasks: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe("tasks of each subset at most, drawn at random"),
    without: z
      .array(z.string())
      .default([])
      .describe("ids of tasks that are left out, for instance to adapt to them later"),
    firstIdentifier: z
      .int()
      .min(1)
      .default(1)
      .describe("identifiers below it stay with the data that a table was trained on before"),
    folder: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe("a data set in the reference's layout, used instead of all of the above"),
    validationTasks: z
      .int()
      .min(0)
      .default(0)
      .describe("training tasks whose test pairs are held out for the quick checks"),
    testViews: z
      .int()
      .min(1)
      .nullable()
      .default(null)
      .describe("augmented views of each test input that are evaluated, the original first; null: all"),
  })
  .superRefine(({ subsets, testSet }, context) => {
    const repeated = subsets.find((name, i) => subsets.indexOf(name) < i);
    if (repeated !== undefined)
      context.addIssue({
        ...{ code: "custom", path: ["subsets"], input: subsets },
        message: `subsets that differ; "${repeated}" occurs twice`,
      });
    if (testSet === null || subsets.includes(testSet)) return;
    const message = `one of data.subsets (${subsets.join(", ")}), or null`;
    context.addIssue({ code: "custom", path: ["testSet"], input: testSet, message });
  });

export type ArcData = z.output<typeof arcDataSchema>;
