// A data set in the reference's layout in numbers, the same for a folder that was written and one that is looked at.

import {
  openReferenceFolder,
  type ReferenceFolder,
  type ReferencePart,
} from "../../tasks/reference-folder.ts";
import { familyOf } from "../../tasks/reference-metadata.ts";
import { integer } from "../render/numbers.ts";
import { formatFields, formatTable } from "../render/table.ts";

export interface PartSummary {
  readonly groups: number;
  readonly puzzles: number;
  readonly examples: number;
  readonly meanPuzzleExamples: number;
  /** Elements of the token arrays. */
  readonly dtype: string;
}

export interface FolderSummary {
  readonly task: string;
  /** Of the training part; of the test part where there is no other. */
  readonly examples: number;
  readonly puzzles: number;
  readonly groups: number;
  /** With the blank one. */
  readonly identifiers: number;
  readonly seqLen: number;
  readonly vocabSize: number;
  readonly parts: { readonly train?: PartSummary; readonly test?: PartSummary };
  /** Of the data of each array, by its path in the folder. */
  readonly sha256: Readonly<Record<string, string>>;
}

/** Reads the whole folder once, for the hashes. */
export async function summarizeFolder(folder: ReferenceFolder): Promise<FolderSummary> {
  const { train, test } = folder;
  const main = mainPart(folder);
  const { seqLen, vocabSize } = main.metadata;
  return {
    task: familyOf(main.metadata)?.family ?? "unknown",
    ...{ examples: main.examples, puzzles: main.puzzles, groups: main.groups },
    identifiers: folder.identifiers.length,
    ...{ seqLen, vocabSize },
    parts: { ...(train && { train: summarizePart(train) }), ...(test && { test: summarizePart(test) }) },
    sha256: { ...(await train?.hashes()), ...(await test?.hashes()) },
  };
}

/** The same of a folder by its name: what was written, read back. */
export async function summarizeWritten(dir: string): Promise<FolderSummary> {
  const folder = openReferenceFolder(dir);
  try {
    return await summarizeFolder(folder);
  } finally {
    folder.close();
  }
}

/** The part that stands for the whole. */
export function mainPart({ dir, train, test }: ReferenceFolder): ReferencePart {
  const part = train ?? test;
  if (part) return part;
  throw new Error(`${dir} was opened without parts`);
}

/** Lines for people: what it is, a table of the parts, the hashes. `label` says what is special about the folder. */
export function describeFolder(label: string, dir: string, summary: FolderSummary): string[] {
  const { seqLen, vocabSize, identifiers, parts, sha256 } = summary;
  return [
    ...formatFields([
      [label, dir],
      ["task", titleOf(summary)],
      ["identifiers", integer(identifiers)],
      ["tokens", `${integer(seqLen)} cells, vocabulary ${vocabSize}`],
    ]),
    "",
    ...partTable(parts),
    "",
    ...formatFields(Object.entries(sha256)),
  ];
}

function titleOf(summary: FolderSummary): string {
  const known = familyOf(summary);
  if (!known) return "none that Whorl knows";
  const name = { sudoku: "Sudoku", maze: "Maze", arc: "ARC" }[known.family];
  return `${name} ${known.side} × ${known.side}`;
}

function partTable(parts: FolderSummary["parts"]): string[] {
  const right = ["groups", "puzzles", "examples", "a puzzle"].map((title) => ({
    title,
    align: "right" as const,
  }));
  return formatTable(
    [{ title: "part" }, ...right, { title: "dtype" }],
    Object.entries(parts).map(([name, part]) => [
      name,
      ...[part.groups, part.puzzles, part.examples].map(integer),
      part.meanPuzzleExamples.toFixed(3).replace(/\.?0+$/, ""),
      part.dtype,
    ]),
  );
}

function summarizePart(part: ReferencePart): PartSummary {
  const { groups, puzzles, examples, meanPuzzleExamples, inputs } = part;
  return { groups, puzzles, examples, meanPuzzleExamples, dtype: inputs.dtype };
}
