// Exported graphs against the engine on real puzzles, in every form, in the WebAssembly runtime: same answers after each
// step, logits within 1e-3.

import { beforeAll, describe, expect, test } from "vitest";
import { findData } from "../src/base/data-folder.ts";
import { whorlConfigSchema } from "../src/config/schema.ts";
import { chooseExecutor } from "../src/engine/executors/choose.ts";
import type { Executor } from "../src/engine/executors/executor.ts";
import { openTestSet } from "../src/eval/test-set.ts";
import { makeModel } from "../src/models/index.ts";
import { makeWeights } from "../src/models/weights.ts";
import { exportOnnx, type OnnxExportOptions } from "../src/onnx/export.ts";
import { encodeModel } from "../src/onnx/proto.ts";
import { verifyOnnx } from "../src/onnx/verify.ts";
import { puzzleShapeOf } from "../src/tasks/index.ts";

const STEPS = 2;
/** A busy machine takes a minute for what takes seconds. */
const PATIENCE_MS = 180_000;

const SETS = [
  { name: "Sudoku", file: "sudoku/sudoku-extreme-1k-test_hard.csv", data: { task: "sudoku" }, count: 200 },
  { name: "mazes", file: "maze/maze-30x30-hard-1k-test.csv", data: { task: "maze" }, count: 3 },
];

const MIXINGS = [
  { mixing: "attention", settings: { posEncodings: "rope" } },
  { mixing: "mlp_t", settings: { posEncodings: "none", mlpT: true } },
];

const FORMS: readonly OnnxExportOptions[] = [
  { form: "step" },
  { form: "solve", steps: STEPS },
  { form: "solve", steps: STEPS, loop: true },
];

let executor: Executor;
beforeAll(async () => {
  ({ executor } = await chooseExecutor("auto", {}));
});

const variants = SETS.flatMap((set) => MIXINGS.map((mixing) => ({ ...set, ...mixing })));

describe.each(variants)("$count real puzzles of $name with $mixing", ({ file, data, count, settings }) => {
  const path = findData(file);
  test.skipIf(!path)("every form answers as the engine does", { timeout: PATIENCE_MS }, async () => {
    const config = whorlConfigSchema.parse({
      model: { hiddenSize: 16, numHeads: 2, layers: 1, hCycles: 1, lCycles: 2, puzzleEmbLen: 1, ...settings },
      data,
    });
    const model = makeModel(config.model, await puzzleShapeOf(config.data));
    const weights = makeWeights(model, 7);
    const testSet = await openTestSet({ data: config.data, file: path ?? null, limit: count });
    const { count: rows, inputs, identifiers } = testSet.examples.slice(0, count);
    expect(rows).toBe(count);
    for (const form of FORMS) {
      const bytes = encodeModel(exportOnnx(model, weights, form));
      const options = { executor, runtime: "onnxruntime-web" as const, batchSize: 50, steps: STEPS };
      const found = await verifyOnnx(bytes, { model, weights }, { rows, inputs, identifiers }, options);
      expect(found).toMatchObject({ ok: true, rows: count, sameAnswers: count, steps: STEPS });
      expect(found.maxAbsDiff).toBeLessThan(1e-3);
    }
  });
});
