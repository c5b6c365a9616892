// The `data` section of a configuration for a puzzle of one's own, which a module describes. Read in src/config.

import { z } from "zod";
import { augmentationsField, checkOneSource, generateFields, puzzleFields } from "../puzzle-settings.ts";

export const moduleDataSchema = z
  .strictObject({
    task: z.literal("module").describe("family of puzzles: sudoku, maze, arc or module"),
    module: z
      .string()
      .min(1)
      .describe(
        "file whose default export is a Task, or a function from settings to one; from the current folder",
      ),
    settings: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .default({})
      .describe("what the module's function is called with"),
    ...puzzleFields,
    generate: z
      .strictObject(generateFields)
      .nullable()
      .default(null)
      .describe("puzzles made up on the spot instead of read from files"),
    augmentations: augmentationsField(0),
  })
  .superRefine(checkOneSource);

export type ModuleData = z.output<typeof moduleDataSchema>;
