// The `data` section of a maze configuration. Read in src/config.

import { z } from "zod";
import { checkOneSource, generateFields, puzzleFields } from "../puzzle-settings.ts";
import { LARGEST_SIZE, SMALLEST_SIZE } from "./rules.ts";
import { SYMMETRIES } from "./symmetries.ts";

const generateSchema = z
  .strictObject({
    ...generateFields,
    minPath: z
      .int()
      .min(2)
      .nullable()
      .default(null)
      .describe("least cells of the shortest path, both ends counted; null: as hard as 110 for 30×30"),
  })
  .describe("mazes made up on the spot instead of read from files");

export const mazeDataSchema = z
  .strictObject({
    task: z.literal("maze").describe("family of puzzles: sudoku, maze, arc or module"),
    size: z.int().min(SMALLEST_SIZE).max(LARGEST_SIZE).default(LARGEST_SIZE).describe("rows of a maze"),
    ...puzzleFields,
    generate: generateSchema.nullable().default(null),
    augmentations: z
      .int()
      .min(0)
      .max(SYMMETRIES - 1)
      .default(0)
      .describe("turned and mirrored copies of each training maze; their answers break the tie otherwise"),
  })
  .superRefine(checkOneSource);

export type MazeData = z.output<typeof mazeDataSchema>;
