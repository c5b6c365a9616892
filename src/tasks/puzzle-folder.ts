// Folders in the reference's layout for tasks whose puzzles stand alone: trained on as they are, tested by the task's
// own rules. ARC folders are arc/folder-test-set.ts.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../base/errors.ts";
import type { Dataset, DrawSettings } from "./dataset.ts";
import { loadReferenceDataset } from "./reference-dataset.ts";
import { openReferenceFolder } from "./reference-folder.ts";
import type { Task } from "./task.ts";

export function isReferenceFolder(path: string): boolean {
  return ["train", "test"].some((part) => existsSync(join(path, part, "dataset.json")));
}

/** The folder's own augmentations, in the reference's order of drawing. */
export function loadFolder<Puzzle>(task: Task<Puzzle>, dir: string, draw: DrawSettings): Dataset {
  const dataset = loadReferenceDataset(dir, draw);
  checkShape(task, dataset.shape, dir);
  return dataset;
}

/** The puzzles of the test part. */
export function readFolderPuzzles<Puzzle>(task: Task<Puzzle>, dir: string): Puzzle[] {
  const folder = openReferenceFolder(dir);
  try {
    const { test } = folder;
    if (!test || !task.decode)
      throw new ToolError(
        test ? `${task.title} cannot be read back from tokens` : `the data folder ${dir} has no test part`,
        { code: "reference/no-data", where: dir, hint: "name a file of puzzles instead", exitCode: 2 },
      );
    checkShape(task, test.metadata, dir);
    const { seqLen } = task;
    const { count, inputs, labels } = test.exampleSet().slice(0, test.examples);
    const rowOf = (tokens: Int32Array, row: number) => tokens.subarray(row * seqLen, (row + 1) * seqLen);
    const { decode } = task;
    return Array.from({ length: count }, (_, row) =>
      decode(rowOf(inputs, row), rowOf(labels, row), `${dir}, test example ${row + 1}`),
    );
  } finally {
    folder.close();
  }
}

function checkShape(
  { title, seqLen, vocabSize }: Pick<Task<unknown>, "title" | "seqLen" | "vocabSize">,
  found: { readonly seqLen: number; readonly vocabSize: number },
  dir: string,
): void {
  if (found.seqLen === seqLen && found.vocabSize === vocabSize) return;
  throw new ToolError(
    `${dir} has ${found.seqLen} cells and ${found.vocabSize} tokens, ${title} ${seqLen} and ${vocabSize}`,
    {
      code: "reference/other-task",
      where: "data.task, data.size",
      hint: "set data.size to that of the folder, or name another",
      exitCode: 2,
    },
  );
}
