// dataset.json of a part in the reference's layout: its keys (PuzzleDatasetMetadata of dataset/common.py), and what of
// them we can use. HRM's builders write the same without total_puzzles.

import { z } from "zod";
import { ToolError } from "../base/errors.ts";

export interface ReferenceMetadata {
  readonly padId: number;
  /** Labels of this value are not supervised; null: all are. */
  readonly ignoreLabelId: number | null;
  readonly blankIdentifierId: number;
  /** V, with the padding. */
  readonly vocabSize: number;
  /** S, cells of a board. */
  readonly seqLen: number;
  readonly numPuzzleIdentifiers: number;
  readonly totalGroups: number;
  readonly meanPuzzleExamples: number;
  /** As written: the Sudoku and Maze builders count groups here. */
  readonly totalPuzzles: number;
  readonly sets: readonly string[];
}

const size = z.int().min(1);
const schema = z.object({
  pad_id: z.literal(0, "only 0 is known"),
  ignore_label_id: z.int().nullable(),
  blank_identifier_id: z.literal(0, "only 0 is known"),
  vocab_size: size.max(256),
  seq_len: size.max(65_536),
  num_puzzle_identifiers: size,
  total_groups: size,
  mean_puzzle_examples: z.number().positive(),
  total_puzzles: size.optional(),
  // The name becomes a part of file names.
  sets: z.array(z.string().regex(/^[\w-]+$/)).length(1, "only one set can be read"),
});

/**
 * The layout does not say what the puzzles are; vocabulary and board do, for those that the reference knows and for
 * smaller boards of the same kind. Undefined for all others.
 */
export function familyOf({
  seqLen,
  vocabSize,
}: Pick<ReferenceMetadata, "seqLen" | "vocabSize">):
  | { readonly family: "sudoku" | "maze" | "arc"; readonly side: number }
  | undefined {
  const side = Math.sqrt(seqLen);
  if (!Number.isInteger(side)) return undefined;
  // Mazes of 4 × 4 would look like Sudoku; there are none that small.
  if ([4, 6, 9].includes(side) && vocabSize === side + 2) return { family: "sudoku", side };
  if (vocabSize === 6) return { family: "maze", side };
  return vocabSize === 12 ? { family: "arc", side } : undefined;
}

/** `path` stands for the file in errors. */
export function parseReferenceMetadata(text: string, path: string): ReferenceMetadata {
  const result = schema.safeParse(parseJson(text, path));
  if (!result.success) {
    const problems = result.error.issues.map((issue) => {
      const key = issue.path.length > 0 ? issue.path.join(".") : "the whole";
      return `${key}: ${issue.message.endsWith("received undefined") ? "missing" : issue.message}`;
    });
    throw new ToolError(`${path} is not the description of a data set: ${problems.join("; ")}`, {
      code: "reference/metadata",
      hint: "build the folder with the reference's builders or with whorl",
    });
  }
  const fields = result.data;
  return {
    padId: fields.pad_id,
    ignoreLabelId: fields.ignore_label_id,
    blankIdentifierId: fields.blank_identifier_id,
    vocabSize: fields.vocab_size,
    seqLen: fields.seq_len,
    numPuzzleIdentifiers: fields.num_puzzle_identifiers,
    totalGroups: fields.total_groups,
    meanPuzzleExamples: fields.mean_puzzle_examples,
    totalPuzzles: fields.total_puzzles ?? fields.total_groups,
    sets: fields.sets,
  };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ToolError(`${path} is not valid JSON`, {
      code: "reference/metadata",
      hint: "build or copy the folder again",
      cause,
    });
  }
}
