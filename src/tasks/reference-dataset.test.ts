import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeFileAtomic } from "../base/files.ts";
import { stream } from "../base/random/threefry.ts";
import { encodeNpy, type NpyArray, openNpy } from "../formats/npy.ts";
import type { DrawSettings, TrainingStream } from "./dataset.ts";
import { loadReferenceDataset } from "./reference-dataset.ts";
import { groupedSource, type ReferencePartSource, writeReferenceFolder } from "./reference-folder.ts";
import { indexRows } from "./reference-rows.ts";
import { groupedStream } from "./stream.ts";
import { GROUPED_CELLS, GROUPED_VOCABULARY, groupedOf } from "./testing/grouped.ts";

const about = { seqLen: GROUPED_CELLS, vocabSize: GROUPED_VOCABULARY };
const trainGroups = groupedOf([[3, 2], [1], [2, 2, 4], [1, 5]]);
// Of its ten boards only that of group 1, puzzle 1 is not in the training part.
const testGroups = groupedOf([[2], [1, 1], [2, 1], [1, 2]]);
const identifiers = ["<blank>", "a", "b", "c", "d", "e", "f", "g", "h"];
const draw: DrawSettings = { seed: 5, globalBatchSize: 6, evalInterval: 20 };

let root: string;
let dir: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "whorl-reference-data-"));
  dir = join(root, "both");
  const parts = {
    train: groupedSource(trainGroups, { ...about, dtype: "int64" }),
    test: groupedSource(testGroups, about),
  };
  await writeReferenceFolder(dir, { identifiers, parts });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function batches(stream: TrainingStream, count: number): number[][] {
  return Array.from({ length: count }, () => {
    const [inputs, labels] = [new Int32Array(6 * 4), new Int32Array(6 * 4)];
    const identifiers = new Int32Array(6);
    stream.next({ inputs, labels, identifiers });
    return [...inputs, ...labels, ...identifiers];
  });
}

test("training rows come as they would from memory", () => {
  const dataset = loadReferenceDataset(dir, draw);
  const count = 2 * dataset.stream.batchesPerSweep + 1;
  expect(count).toBeGreaterThan(10);
  expect(batches(dataset.stream, count)).toEqual(batches(groupedStream(trainGroups, draw), count));
});

test("shape, groups, examples and manifest are those of the folder", () => {
  const dataset = loadReferenceDataset(dir, draw);
  expect(dataset.shape).toEqual({ seqLen: 4, vocabSize: 12, numPuzzleIdentifiers: 9 });
  expect([dataset.groups, dataset.meanPuzzleExamples]).toEqual([4, 2.5]);
  expect([dataset.validation.count, dataset.validation.slice(0, 9).count]).toEqual([0, 0]);
  expect(dataset.test.count).toBe(10);
  expect([...dataset.test.slice(2, 1).labels]).toEqual([1, 11, 3, -100]);
  const { manifest } = dataset;
  expect(manifest.task).toBe("arc 2×2");
  expect([manifest.train.puzzles, manifest.validation.puzzles, manifest.test.puzzles]).toEqual([4, 0, 4]);
  expect(manifest.train.from).toBe(dir);
  expect(manifest).toEqual(loadReferenceDataset(dir, { ...draw, seed: 6 }).manifest);
  expect(manifest.test.sha256).toMatch(/^[0-9a-f]{64}$/);
});

test("held-out inputs that were trained on are counted once each, whatever the dtypes", () => {
  expect(loadReferenceDataset(dir, draw).manifest.heldOutInTraining).toBe(9);
});

test("titles are told from vocabulary and board", async () => {
  const titles: string[] = [];
  for (const [seqLen, vocabSize] of [
    [81, 11],
    [16, 6],
    [900, 6],
    [900, 12],
    [12, 5],
    [36, 7],
  ]) {
    const train: ReferencePartSource = {
      ...{ seqLen, vocabSize, examples: 1 },
      groupIndices: () => Int32Array.of(0, 1),
      puzzleIndices: () => Int32Array.of(0, 1),
      puzzleIdentifiers: () => Int32Array.of(0),
      writeTokens: (_, inputs, labels) => {
        for (const tokens of [inputs, labels]) tokens.fill(1);
      },
    };
    await writeReferenceFolder(join(root, "title"), { identifiers: ["<blank>"], parts: { train } });
    titles.push(loadReferenceDataset(join(root, "title"), draw).manifest.task);
  }
  expect(titles).toEqual([
    "sudoku 9×9",
    "sudoku 4×4",
    "maze 30×30",
    "arc 30×30",
    "puzzles of 12 cells",
    "puzzles of 36 cells",
  ]);
});

test("a part that is missing is told where it is needed", async () => {
  const only = (name: "train" | "test") => join(root, `only-${name}`);
  await writeReferenceFolder(only("train"), {
    identifiers,
    parts: { train: groupedSource(trainGroups, about) },
  });
  await writeReferenceFolder(only("test"), {
    identifiers,
    parts: { test: groupedSource(testGroups, about) },
  });
  expect(() => loadReferenceDataset(only("test"), draw)).toThrow("has no train part");
  const { test: heldOut, manifest } = loadReferenceDataset(only("train"), draw);
  expect([heldOut.count, manifest.test.from, manifest.heldOutInTraining]).toEqual([0, "none", 0]);
});

test("rows with equal hashes are compared before they count", async () => {
  // Among so many pairs of rows some share the 32-bit hash by chance; the rows themselves all differ.
  const rows = 200_000;
  const random = stream(3, "rows");
  const numbered = (first: number) => {
    const data = Int32Array.from({ length: rows * 2 }, (_, i) =>
      i % 2 === 0 ? first + (i >> 1) : random.below(2 ** 30),
    );
    return { dtype: "int32", shape: [rows, 2], data } satisfies NpyArray;
  };
  const held = numbered(0);
  const path = join(root, "rows.npy");
  await writeFileAtomic(path, encodeNpy(held));
  const file = openNpy(path);
  const index = indexRows(file);
  index.mark(numbered(rows));
  expect(index.marked()).toBe(0);
  index.mark({ dtype: "int32", shape: [2, 2], data: held.data.slice(10, 14) });
  index.mark({ dtype: "int64", shape: [1, 2], data: BigInt64Array.from(held.data.subarray(10, 12), BigInt) });
  expect(index.marked()).toBe(2);
  file.close();
});
