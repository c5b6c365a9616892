import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { formatConfig } from "../config/load.ts";
import { whorlConfigSchema } from "../config/schema.ts";
import { writeSafetensors } from "../formats/safetensors.ts";
import { makeModel } from "../models/index.ts";
import { type ModelWeights, makeWeights, toStateDict } from "../models/weights.ts";
import { aboutMetadata, vocabularyOf } from "./about.ts";
import { exportOnnx } from "./export.ts";
import { exportOnnxFile } from "./export-file.ts";
import { openAnyModel } from "./open-any.ts";
import { modelFromOnnx } from "./open-onnx.ts";
import { encodeModel } from "./proto.ts";

const config = whorlConfigSchema.parse({
  model: { hiddenSize: 8, numHeads: 2, expansion: 1, layers: 1, puzzleEmbLen: 1, hCycles: 1, lCycles: 1 },
  data: { task: "sudoku", size: 4 },
  train: { steps: 1 },
});
const model = makeModel(config.model, { seqLen: 16, vocabSize: 6, numPuzzleIdentifiers: 3 });
const weights: ModelWeights = {
  ...makeWeights(model, 3),
  table: Float32Array.from({ length: 3 * 8 }, (_, i) => i / 16),
};

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "whorl-onnx-"));
  writeFileSync(join(dir, "config.yaml"), formatConfig(config));
  await writeSafetensors(join(dir, "some.safetensors"), toStateDict(model, weights));
});
afterAll(() => rmSync(dir, { recursive: true }));

test.each(["step", "solve"] as const)(
  "an exported %s opens like the model it was made from",
  async (form) => {
    const out = join(dir, `${form}.onnx`);
    const report = await exportOnnxFile(join(dir, "some.safetensors"), out, { form, loop: true });
    expect(report).toMatchObject({
      format: "onnx",
      out,
      sizeBytes: statSync(out).size,
      identifiers: 3,
      form,
    });
    expect(report.steps).toBe(form === "solve" ? model.haltMaxSteps : 1);
    const opened = await openAnyModel(out);
    expect(opened.config).toEqual(config);
    expect(opened.weights).toEqual(weights);
    expect(opened.model.shape).toEqual(model.shape);
  },
);

test("weights in half precision come back rounded", async () => {
  const out = join(dir, "half.onnx");
  await exportOnnxFile(join(dir, "some.safetensors"), out, { form: "step", weights: "float16" });
  const opened = await openAnyModel(out);
  expect(opened.weights.table).toEqual(weights.table); // these numbers are exact
  expect(opened.weights.buffers).toEqual(weights.buffers);
  const largest = Math.max(...opened.weights.weights.map((value, i) => Math.abs(value - weights.weights[i])));
  expect(largest).toBeGreaterThan(0);
  expect(largest).toBeLessThan(2 ** -10);
});

test("files that lack something say what", async () => {
  const write = (name: string, options: Parameters<typeof exportOnnx>[2]) => {
    writeFileSync(join(dir, name), encodeModel(exportOnnx(model, weights, options)));
    return openAnyModel(join(dir, name));
  };
  await expect(write("bare.onnx", { form: "step" })).rejects.toThrow("does not carry the configuration");
  await expect(write("vectors.onnx", { form: "step", puzzle: "vectors", config })).rejects.toThrow(
    "takes puzzle vectors as an input",
  );
  const other = { ...config, model: { ...config.model, hiddenSize: 12 } };
  await expect(write("other.onnx", { form: "step", config: other })).rejects.toThrow(
    /the ONNX file has no '.*' of shape/,
  );
});

test("damaged files end in a model or a message", async () => {
  const bytes = encodeModel(exportOnnx(model, weights, { form: "solve", loop: true, config }));
  let refused = 0;
  const open = (damaged: Uint8Array) =>
    modelFromOnnx(damaged, "x.onnx").catch((error: unknown) => {
      if (!(error instanceof ToolError)) throw error;
      refused++;
    });
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: bytes.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, change) => {
        await open(bytes.subarray(0, at));
        const flipped = bytes.slice();
        flipped[at] ^= change;
        await open(flipped);
        // The metadata and the names stand in the first and last few thousand bytes.
        const late = bytes.slice();
        late[bytes.length - 1 - (at % 3000)] ^= change;
        await open(late);
      },
    ),
    { numRuns: 120, seed: 4 },
  );
  expect(refused).toBeGreaterThan(120);
});

test("the vocabulary goes with the file where it is known", () => {
  const about = {
    ...{ version: 1 as const, model: "trm", form: "step" as const, steps: 4 },
    ...{ weights: "float32" as const, puzzle: "none" as const, halts: "positive" as const },
  };
  const vocabulary = aboutMetadata(about, config).get("whorl.vocabulary");
  expect(JSON.parse(vocabulary ?? "")).toEqual(["<pad>", ".", "1", "2", "3", "4"]);
  const maze = whorlConfigSchema.parse({ data: { task: "maze", size: 5 }, train: { steps: 1 } });
  expect(vocabularyOf(maze.data)).toEqual(["<pad>", "#", " ", "S", "G", "o"]);
});
