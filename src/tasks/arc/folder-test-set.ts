// The test part of a folder in the reference's layout, judged as the reference's evaluator does it (evaluators/arc.py):
// names in identifiers.json say how each row was augmented, its input tells which test pair it belongs to, and
// test_puzzles.json says what is right, dummy outputs of unknown ones included.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { ToolError } from "../../base/errors.ts";
import type { ExampleSet, Examples, TestSet } from "../dataset.ts";
import { openReferenceFolder, type ReferencePart } from "../reference-folder.ts";
import { invertAugmentation, parseIdentifier } from "./augment.ts";
import { cropGrid } from "./crop.ts";
import { gridHash } from "./grid-hash.ts";
import { judgeViews, sampleTasks, type View } from "./judge.ts";
import { type ArcTask, readArcTasks } from "./read.ts";

/** Rows of the folder that belong together, and what is known of them all. */
interface FolderRows {
  readonly from: string;
  readonly sha256: string;
  readonly all: ExampleSet;
  readonly side: number;
  readonly tasks: readonly ArcTask[];
  /** Places in `all`, ascending. */
  readonly rows: Int32Array;
  /** Name of the puzzle that a place in `all` belongs to. */
  nameOf(place: number): string;
}

export async function loadFolderTestSet(directory: string, maxViews: number | null): Promise<TestSet> {
  const { test, identifiers } = openReferenceFolder(directory);
  if (!test)
    throw new ToolError("the folder has no test part", {
      code: "arc/no-test",
      where: directory,
      hint: "build it with a test set, or name another folder",
      exitCode: 2,
    });
  const { rows, identifierOfRow } = viewedRows(test, maxViews ?? Number.POSITIVE_INFINITY);
  const hashes = JSON.stringify(await test.hashes());
  return testSetOf({
    ...{ from: directory, rows, all: test.exampleSet() },
    sha256: createHash("sha256").update(hashes).digest("hex"),
    side: Math.sqrt(test.metadata.seqLen),
    tasks: readArcTasks(join(directory, "test_puzzles.json")),
    nameOf: (place) => identifiers[identifierOfRow[place]],
  });
}

/** The first views of each group; row after row, without reading any. */
function viewedRows(part: ReferencePart, maxViews: number) {
  const identifierOfRow = new Int32Array(part.examples);
  const rows: number[] = [];
  let [row, puzzleIndex] = [0, 0];
  for (let group = 0; group < part.groups; group++) {
    for (let puzzle = 0; puzzle < part.puzzlesIn(group); puzzle++, puzzleIndex++) {
      for (let example = 0; example < part.examplesIn(group, puzzle); example++, row++) {
        identifierOfRow[row] = part.identifierOf(puzzleIndex);
        if (puzzle < maxViews) rows.push(row);
      }
    }
  }
  return { identifierOfRow, rows: Int32Array.from(rows) };
}

function testSetOf(folder: FolderRows): TestSet {
  const { from, sha256, all, rows, tasks, side, nameOf } = folder;
  return {
    examples: { count: rows.length, slice: (start, count) => pick(all, rows.subarray(start, start + count)) },
    manifest: { from, puzzles: tasks.length, sha256 },
    sample(random, count) {
      if (count >= tasks.length) return this;
      const chosen = sampleTasks(tasks, random, count);
      const ids = new Set(chosen.map(({ id }) => id));
      const kept = rows.filter((place) => ids.has(parseIdentifier(nameOf(place)).id));
      return testSetOf({ ...folder, from: `${count} of ${from}`, tasks: chosen, rows: kept });
    },
    judge(answers) {
      const viewOf = (index: number): View => {
        const { id, augmentation } = parseIdentifier(nameOf(rows[index]));
        const input = cropGrid(all.slice(rows[index], 1).inputs, side);
        const original = augmentation ? invertAugmentation(augmentation, input) : input;
        return { task: id, inputHash: gridHash(original), augmentation };
      };
      return judgeViews(answers, viewOf, tasks, side);
    },
  };
}

/** Places that follow each other are read together: nearly always all of them. */
function pick(all: ExampleSet, places: Int32Array): Examples {
  const count = places.length;
  if (count > 0 && places[count - 1] - places[0] === count - 1) return all.slice(places[0], count);
  const single = Array.from(places, (place) => all.slice(place, 1));
  const joined = (of: (examples: Examples) => Int32Array) => {
    const size = single.length === 0 ? 0 : of(single[0]).length;
    const whole = new Int32Array(size * count);
    single.forEach((examples, i) => {
      whole.set(of(examples), i * size);
    });
    return whole;
  };
  return {
    count,
    inputs: joined(({ inputs }) => inputs),
    labels: joined(({ labels }) => labels),
    identifiers: joined(({ identifiers }) => identifiers),
  };
}
