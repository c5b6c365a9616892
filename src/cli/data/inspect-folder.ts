// A folder in the reference's layout, as `whorl data inspect` describes it, whatever its puzzles.

import { join } from "node:path";
import { labelProblem } from "../../tasks/maze/dataset.ts";
import {
  openReferenceFolder,
  type ReferenceFolder,
  type ReferencePart,
} from "../../tasks/reference-folder.ts";
import { familyOf } from "../../tasks/reference-metadata.ts";
import { layOutBlocks } from "../render/arc-task.ts";
import { integer } from "../render/numbers.ts";
import { formatFields } from "../render/table.ts";
import { drawTokens } from "../render/tokens.ts";
import { puzzlesOf } from "./export-csv.ts";
import { mazeFamily, sudokuFamily } from "./families.ts";
import { describeFolder, mainPart, summarizeFolder } from "./folder-summary.ts";
import type { DataKind, Inspection, InspectOptions } from "./inspection.ts";
import { isDataFolder } from "./target.ts";

export const referenceFolder: DataKind = {
  name: "a folder in the reference's layout (identifiers.json, train/ and test/ with dataset.json and all__*.npy)",
  isKind: isDataFolder,
  inspect: inspectFolder,
};

const SHOWN_AUGMENTATIONS = 2;
const ROWS_PER_READ = 1024;

async function inspectFolder(path: string, options: InspectOptions): Promise<Inspection> {
  const folder = openReferenceFolder(path);
  try {
    const summary = await summarizeFolder(folder);
    const check = options.check ? checkFolder(folder) : undefined;
    return {
      summary: { ...summary, ...(check && { check }) },
      lines: [
        ...describeFolder("folder", path, summary),
        ...(check ? ["", ...formatFields(Object.entries(check))] : []),
        ...drawGroups(folder, options),
      ],
    };
  } finally {
    folder.close();
  }
}

/** Reads every row, and says by part what was found; a row that is no puzzle is an error with its place. */
function checkFolder({ dir, train, test }: ReferenceFolder): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [split, part] of Object.entries({ train, test }))
    if (part) found[split] = checkPart(part, join(dir, split));
  return found;
}

function checkPart(part: ReferencePart, where: string): string {
  const family = familyOf(part.metadata)?.family;
  if (family === "sudoku") return checkSudoku(part, where);
  if (family === "maze") return checkMazes(part, where);
  const examples = part.exampleSet();
  for (let row = 0; row < part.examples; row += ROWS_PER_READ) examples.slice(row, ROWS_PER_READ);
  return `all tokens of ${integer(part.examples)} examples are in the vocabulary`;
}

function checkSudoku(part: ReferencePart, where: string): string {
  for (const _ of puzzlesOf(sudokuFamily, part, where));
  return `all ${integer(part.examples)} answers keep the givens and break no rule`;
}

function checkMazes(part: ReferencePart, where: string): string {
  let others = 0;
  for (const maze of puzzlesOf(mazeFamily, part, where)) if (labelProblem(maze) !== undefined) others++;
  if (others === 0) return `all ${integer(part.examples)} answers are the path of the rule`;
  return `${integer(others)} of ${integer(part.examples)} answers are not the path of the rule (those of turned mazes are not)`;
}

/** The first groups: each original with its answer, and two of its augmentations. */
function drawGroups(folder: ReferenceFolder, { show, width, colors }: InspectOptions): string[] {
  const part = mainPart(folder);
  const known = familyOf(part.metadata);
  if (!known) return [];
  const { seqLen } = part.metadata;
  const draw = (group: number, puzzle: number, example: number) => {
    const row = { inputs: new Int32Array(seqLen), labels: new Int32Array(seqLen) };
    const identifier = part.read({ group, puzzle, example }, row);
    const plainTitle = puzzle === 0 ? `puzzle ${group + 1}` : `augmentation ${puzzle}`;
    const title = known.family === "arc" ? folder.identifiers[identifier] : plainTitle;
    return drawTokens({ ...known, ...row, title, where: `${folder.dir}, group ${group + 1}` }, colors);
  };
  return Array.from({ length: Math.min(show, part.groups) }, (_, group) => {
    const originals = range(part.examplesIn(group, 0)).flatMap((example) => draw(group, 0, example));
    const more = Math.min(SHOWN_AUGMENTATIONS, part.puzzlesIn(group) - 1);
    const images = range(more).flatMap((i) => draw(group, i + 1, 0).slice(0, 1));
    return ["", ...layOutBlocks([...originals, ...images], width)];
  }).flat();
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
