// ARC as a data set: built from the competition's files (build.ts) or read from a folder in the reference's layout, and
// test sets whose answers are judged by voting over the augmented views of each test input.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { findData, requireData } from "../../base/data-folder.ts";
import { ToolError } from "../../base/errors.ts";
import { logInfo } from "../../base/log.ts";
import type { Dataset, DrawSettings, TestSet } from "../dataset.ts";
import { loadReferenceDataset } from "../reference-dataset.ts";
import { openReferenceFolder } from "../reference-folder.ts";
import { groupedStream } from "../stream.ts";
import { type ArcBuild, buildArc } from "./build.ts";
import type { ArcData } from "./config.ts";
import { ARC_VOCABULARY } from "./encode.ts";
import { loadFolderTestSet } from "./folder-test-set.ts";
import { gridHash } from "./grid-hash.ts";
import { judgeViews, sampleTasks, type View } from "./judge.ts";
import { countKnownPairs } from "./pair-key.ts";
import { type ArcTask, readArcSubset, readArcTasks } from "./read.ts";

export async function loadArc(data: ArcData, draw: DrawSettings): Promise<Dataset> {
  if (data.folder !== null) return loadReferenceDataset(findFolder(data.folder), draw);
  const build = buildFrom(data);
  const { train, validation } = build;
  const test = build.viewsOf(build.testTasks, data.testViews);
  const from = describe(data);
  return {
    shape: {
      seqLen: data.side ** 2,
      vocabSize: ARC_VOCABULARY,
      numPuzzleIdentifiers: build.identifierCount,
    },
    groups: train.groups,
    meanPuzzleExamples: train.meanPuzzleExamples,
    stream: groupedStream(train, draw),
    ...{ validation, test },
    manifest: {
      task: `arc ${data.side}×${data.side}`,
      train: { from, puzzles: train.groups, sha256: train.fingerprint() },
      validation: { from, puzzles: validation.groups, sha256: validation.fingerprint() },
      test: {
        from: data.testSet ?? "none",
        puzzles: test.groups,
        sha256: test.fingerprint(),
      },
      heldOutInTraining: countKnownPairs(train.originalPairs(), [
        ...validation.originalPairs(),
        ...test.originalPairs(),
      ]),
    },
  };
}

/**
 * The test set of the configuration, or in its place `file`: the name of one of the subsets, a file of tasks that the
 * data set has (a trained model knows no others), or a folder in the reference's layout.
 */
export async function loadArcTestSet(data: ArcData, file: string | null): Promise<TestSet> {
  const folder = file === null ? data.folder : file;
  if (folder !== null && (file === null || isReferenceFolder(file)))
    return loadFolderTestSet(findFolder(folder), data.testViews);
  const build = buildFrom(data);
  if (file !== null) return builtTestSet(build, tasksFrom(build, data, file), data, file);
  if (data.testSet === null)
    throw new ToolError("the run has no test tasks of its own", {
      code: "arc/no-test",
      where: "data.testSet",
      hint: "name a subset or a file of tasks with --data",
      exitCode: 2,
    });
  return builtTestSet(build, build.testTasks, data, data.testSet);
}

/** The build of a configuration; what should be told of it goes to the log. */
export function buildFrom(data: ArcData): ArcBuild {
  const build = buildArc({
    ...data,
    subsets: data.subsets.map((name) => ({ name, tasks: readSubset(data, name) })),
  });
  for (const note of build.notes) logInfo(`ARC: ${note}`);
  return build;
}

/** Rows of the puzzle table that a model for these tasks has. */
export function countArcIdentifiers(data: ArcData): number {
  if (data.folder === null) return buildFrom(data).identifierCount;
  const folder = openReferenceFolder(findFolder(data.folder));
  try {
    return folder.identifiers.length;
  } finally {
    folder.close();
  }
}

function readSubset({ from, without }: ArcData, name: string): ArcTask[] {
  return readArcSubset(from, name).filter(({ id }) => !without.includes(id));
}

/** Of a subset those tasks that the build has; of a file all, as someone asked for each. */
function tasksFrom(build: ArcBuild, data: ArcData, file: string): ArcTask[] {
  if (data.subsets.includes(file)) {
    const known = new Set(build.tasks.map(({ id }) => id));
    return readSubset(data, file).filter(({ id }) => known.has(id));
  }
  const path = existsSync(file) ? file : findData(file);
  if (path !== undefined) return readArcTasks(path);
  throw new ToolError(`neither a subset nor a file: ${file}`, {
    code: "arc/no-file",
    where: "--data",
    hint: `name one of ${data.subsets.join(", ")}, a file of tasks, or a folder in the reference's layout`,
    exitCode: 2,
  });
}

/** The test inputs of tasks that the build has, judged by voting. */
export function builtTestSet(
  build: ArcBuild,
  tasks: readonly ArcTask[],
  data: ArcData,
  from: string,
): TestSet {
  const part = build.viewsOf(tasks, data.testViews);
  return {
    examples: part,
    manifest: { from, puzzles: tasks.length, sha256: part.fingerprint() },
    sample(random, count) {
      if (count >= tasks.length) return this;
      return builtTestSet(build, sampleTasks(tasks, random, count), data, `${count} of ${from}`);
    },
    judge(answers) {
      const viewOf = (row: number): View => {
        const { group, puzzle, example } = part.locate(row);
        const task = tasks[group];
        const augmentation = part.augmentationOf(group, puzzle);
        return { task: task.id, inputHash: gridHash(task.test[example].input), augmentation };
      };
      return judgeViews(answers, viewOf, tasks, data.side);
    },
  };
}

function describe({ from, subsets, seed, augmentations }: ArcData): string {
  return `${from}: ${subsets.join(", ")}; ${augmentations} augmentations, seed ${seed}`;
}

function isReferenceFolder(path: string): boolean {
  return [path, findData(path)].some(
    (folder) => folder !== undefined && existsSync(join(folder, "identifiers.json")),
  );
}

function findFolder(name: string): string {
  return existsSync(name) ? name : requireData(name);
}
