// The `data` section of a Sudoku configuration. Read in src/config.

import { z } from "zod";
import { augmentationsField, checkOneSource, generateFields, puzzleFields } from "../puzzle-settings.ts";

const generateSchema = z
  .strictObject({
    ...generateFields,
    clues: z
      .int()
      .min(1)
      .describe("given cells a puzzle has; more are kept where fewer would allow two solutions"),
  })
  .describe("puzzles made up on the spot instead of read from files");

export const sudokuDataSchema = z
  .strictObject({
    task: z.literal("sudoku").default("sudoku").describe("family of puzzles: sudoku, maze, arc or module"),
    size: z
      .union([z.literal(4), z.literal(6), z.literal(9)], { error: "expected 4, 6 or 9" })
      .default(9)
      .describe("rows of a board"),
    ...puzzleFields,
    generate: generateSchema.nullable().default(null),
    augmentations: augmentationsField(1000),
    minDifficulty: z
      .int()
      .min(0)
      .nullable()
      .default(null)
      .describe("leave out training puzzles rated below this"),
  })
  .superRefine(checkOneSource);

export type SudokuData = z.output<typeof sudokuDataSchema>;
