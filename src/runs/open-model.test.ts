import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { formatConfig } from "../config/load.ts";
import { whorlConfigSchema } from "../config/schema.ts";
import { writeSafetensors } from "../formats/safetensors.ts";
import { makeModel } from "../models/index.ts";
import { type ModelWeights, makeWeights, TABLE_KEY, toStateDict } from "../models/weights.ts";
import { type CheckpointPart, writeCheckpoint } from "./checkpoints.ts";
import { addIdentifiers, openModel, WEIGHTS_FILE } from "./open-model.ts";
import type { Run } from "./run.ts";
import { TABLE_FILE, TrackedTable } from "./table-segments.ts";

const config = whorlConfigSchema.parse({
  model: { hiddenSize: 8, numHeads: 2, expansion: 1, layers: 1, puzzleEmbLen: 1 },
  data: { task: "sudoku", size: 4 },
  train: { steps: 1 },
});
/** The data section knows of one identifier; these weights were trained with seven. */
const model = makeModel(config.model, { seqLen: 16, vocabSize: 6, numPuzzleIdentifiers: 7 });
const withTable: ModelWeights = {
  ...makeWeights(model, 3),
  table: Float32Array.from({ length: 7 * 8 }, (_, i) => (i < 16 || i > 40 ? i + 1 : 0)),
};

let dir: string;
let run: Run;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "whorl-open-"));
  run = { dir } as Run; // checkpoints need no more of it
  writeFileSync(join(dir, "config.yaml"), formatConfig(config));
});
afterEach(() => rmSync(dir, { recursive: true }));

function parts(inSegments: boolean): Record<string, CheckpointPart> {
  const weights = toStateDict(model, withTable);
  if (!inSegments) return { [WEIGHTS_FILE]: weights };
  weights.delete(TABLE_KEY);
  return { [WEIGHTS_FILE]: weights, [TABLE_FILE]: new TrackedTable(withTable.table, 8) };
}

test.each([true, false])(
  "the stored table says how many identifiers there are (segments: %s)",
  async (is) => {
    const opened = await openModel(await writeCheckpoint(run, 5, parts(is)));
    expect(opened.model.shape).toEqual({ seqLen: 16, vocabSize: 6, numPuzzleIdentifiers: 7 });
    expect(opened.weights).toEqual(withTable);
    expect(opened.step).toBe(5);
  },
);

test("so does that of a weights file alone", async () => {
  const path = join(dir, "some.safetensors");
  await writeSafetensors(path, toStateDict(model, withTable));
  const opened = await openModel(path);
  expect(opened.weights).toEqual(withTable);
  expect(opened.step).toBeUndefined();
});

test("vectors of another size are refused, in segments as in the weights", async () => {
  const other = formatConfig({ ...config, model: { ...config.model, puzzleEmbNdim: 4 } });
  for (const [inSegments, message] of [
    [true, "the puzzle vectors have 8 numbers, this configuration needs 4"],
    [false, "'model.inner.puzzle_emb.weights' is [7, 8], this configuration needs [7, 4]"],
  ] as const) {
    const at = await writeCheckpoint(run, 1, parts(inSegments));
    writeFileSync(join(dir, "config.yaml"), other);
    await expect(openModel(at)).rejects.toMatchObject({ code: "models/weights-misfit", message });
  }
});

test("with more identifiers all else stays, and new vectors start from zero or the mean of trained ones", async () => {
  const opened = await openModel(await writeCheckpoint(run, 5, parts(true)));
  const zeros = addIdentifiers(opened, 2, "zero");
  expect(zeros.model.shape.numPuzzleIdentifiers).toBe(9);
  expect([...zeros.weights.table]).toEqual([...withTable.table, ...new Array(16).fill(0)]);
  expect(zeros.weights.weights).toBe(opened.weights.weights);
  const mean = addIdentifiers(opened, 2, "mean");
  // Rows 1, 5 and 6 were trained; row 0 belongs to padding. Of row 5 the first number is 0.
  const expected = Array.from(
    { length: 8 },
    (_, i) => [1, 5, 6].reduce((sum, row) => sum + withTable.table[8 * row + i], 0) / 3,
  );
  for (const row of [7, 8])
    expect([...mean.weights.table.subarray(8 * row, 8 * row + 8)]).toEqual(expected.map(Math.fround));
  expect(toStateDict(mean.model, mean.weights).get(TABLE_KEY)?.shape).toEqual([9, 8]);
});
