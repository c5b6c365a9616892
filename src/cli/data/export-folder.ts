// From CSV files of Sudoku or mazes to a folder in the reference's layout.

import { ToolError } from "../../base/errors.ts";
import { logInfo } from "../../base/log.ts";
import { stream } from "../../base/random/threefry.ts";
import type { GroupedExamples } from "../../tasks/dataset.ts";
import { groupedSource, type ReferencePartSource } from "../../tasks/reference-folder.ts";
import { type CsvFamily, csvFamilyOf } from "./families.ts";
import { writeDataFolder } from "./write-folder.ts";

export interface FolderExport {
  readonly out: string;
  /** CSV files. */
  readonly train: string;
  readonly test: string | undefined;
  /** Of each training puzzle. */
  readonly augmentations: number;
  /** Training puzzles at most; null: all. */
  readonly subsample: number | null;
  readonly seed: number;
  readonly json: boolean;
}

export async function exportFolder<Puzzle>(family: CsvFamily<Puzzle>, settings: FolderExport): Promise<void> {
  const startMs = performance.now();
  const { augmentations, seed, subsample } = settings;
  if (augmentations > family.maxAugmentations) throw tooMany(family, augmentations);
  const all = readAll(family, settings.train);
  const test = settings.test === undefined ? undefined : readAll(family, settings.test);
  if (test) checkAlike(family, all[0], test[0], settings);
  else logInfo("no --test: the folder gets a train part only");
  // The same puzzles in the same order that training takes with equal data.subsample and train.seed.
  const train =
    subsample === null || subsample >= all.length
      ? all
      : Array.from(
          stream(seed, `${family.name}-subsample`, 1).permutation(all.length).slice(0, subsample),
          (i) => all[i],
        );
  const parts = {
    train: partOf(family, train, augmentations, seed),
    ...(test && { test: partOf(family, test, 0, seed) }),
  };
  await writeDataFolder(settings.out, { identifiers: ["<blank>"], parts }, { startMs, json: settings.json });
}

function partOf<Puzzle>(
  family: CsvFamily<Puzzle>,
  puzzles: readonly Puzzle[],
  augmentations: number,
  seed: number,
): ReferencePartSource {
  const task = family.taskOf(puzzles[0]);
  const grouped: GroupedExamples = {
    groups: puzzles.length,
    puzzlesIn: () => 1 + augmentations,
    examplesIn: () => 1,
    meanPuzzleExamples: 1,
    read({ group, puzzle: index }, { inputs, labels }) {
      task.encode(family.imageOf(puzzles[group], { seed, group, index }), inputs, labels);
      return 0;
    },
  };
  const { seqLen, vocabSize } = task;
  const dtype = augmentations > 0 ? family.augmentedDtype : "uint8";
  return {
    ...groupedSource(grouped, { seqLen, vocabSize, dtype, totalPuzzles: puzzles.length }),
    // All blank: known without making every puzzle.
    puzzleIdentifiers: () => new Int32Array(puzzles.length * (1 + augmentations)),
  };
}

function readAll<Puzzle>(family: CsvFamily<Puzzle>, path: string): Puzzle[] {
  const found = csvFamilyOf(path);
  if (found !== family.name)
    throw new ToolError(`not ${family.name} as the training puzzles are, but ${found ?? "something else"}`, {
      code: "data/other-family",
      where: path,
      hint: "name a CSV file of the same family",
      exitCode: 2,
    });
  const puzzles = Array.from(family.read(path));
  if (puzzles.length > 0) return puzzles;
  throw new ToolError("the file has a header and no puzzles", {
    code: "data/no-puzzles",
    where: `${path}:2`,
  });
}

function checkAlike<Puzzle>(
  family: CsvFamily<Puzzle>,
  train: Puzzle,
  test: Puzzle,
  { train: trainPath, test: testPath }: FolderExport,
): void {
  const [size, testSize] = [train, test].map(family.sizeOf);
  if (size === testSize) return;
  throw new ToolError(
    `${testPath} has puzzles of ${testSize} × ${testSize}, ${trainPath} of ${size} × ${size}`,
    {
      code: "data/other-size",
      hint: "a folder is one data set for one model: name files of one size",
      exitCode: 2,
    },
  );
}

type Named = Pick<CsvFamily<unknown>, "name" | "maxAugmentations">;

function tooMany({ name, maxAugmentations }: Named, asked: number): ToolError {
  return new ToolError(`--augmentations ${asked} of ${name}`, {
    code: "usage/augmentations",
    hint: `there are at most ${maxAugmentations}`,
    exitCode: 2,
  });
}
