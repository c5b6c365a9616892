// `whorl import` and `whorl export`: PyTorch checkpoints in and out, and what is told of them.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findGolden } from "../../src/base/data-folder.ts";
import { writeFileAtomic } from "../../src/base/files.ts";
import { registerExport } from "../../src/cli/export.ts";
import { registerImport } from "../../src/cli/import.ts";
import { formatConfig } from "../../src/config/load.ts";
import { whorlConfigSchema } from "../../src/config/schema.ts";
import { float32FromBfloat16 } from "../../src/formats/half.ts";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { pickle, text, writeArchive } from "../../src/formats/testing/pickles.ts";
import { openTorchFile } from "../../src/formats/torch-file.ts";
import { encodeTorchFile, type TensorToWrite } from "../../src/formats/torch-file-writer.ts";
import { makeModel } from "../../src/models/index.ts";
import { type ModelWeights, makeWeights, TABLE_KEY, toStateDict } from "../../src/models/weights.ts";
import { writeCheckpoint } from "../../src/runs/checkpoints.ts";
import { openModel, WEIGHTS_FILE } from "../../src/runs/open-model.ts";
import type { Run } from "../../src/runs/run.ts";
import { TABLE_FILE, TrackedTable } from "../../src/runs/table-segments.ts";
import { writeFakeModel } from "./fake-model.ts";
import { runCommand } from "./run-command.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-import-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A .pt file of zeros in these shapes. */
async function writeTorch(path: string, shapes: Readonly<Record<string, readonly number[]>>) {
  const tensors = Object.entries(shapes).map(([name, shape]): [string, TensorToWrite] => {
    const zeros = new Uint8Array(4 * shape.reduce((product, size) => product * size, 1));
    return [name, { dtype: "F32", shape, pieces: () => [zeros] }];
  });
  await writeFileAtomic(path, encodeTorchFile(new Map(tensors)));
  return path;
}

const golden = findGolden("trm-mlp/checkpoint.pt");

test.skipIf(!golden)("the golden checkpoint becomes its weights.safetensors", async () => {
  const out = join(folder, "golden.safetensors");
  const { stdout, error } = await runCommand(registerImport, ["import", golden ?? "", "--out", out]);
  expect(error).toBe("");
  expect(stdout.replace(out, "<out>")).toMatchInlineSnapshot(`
    "architecture    TRM (mlp_t)
    hidden size     32
    layers          2
    vocabulary      7
    positions       32
    puzzle table    5 × 32
    parameters      98,818
    written         <out> (0.4 MiB, 15 tensors)
    Not in the weights: model.hCycles, model.lCycles, model.haltMaxSteps, model.puzzleEmbLen. Put the config.yaml they were trained with (all_config.yaml of the reference) beside the file: with other cycles nothing fails, but the answers get worse.
    "
  `);
  const expected = await readSafetensors(join(dirname(golden ?? ""), "weights.safetensors"));
  expect((await readSafetensors(out)).tensors).toEqual(expected.tensors);
});

test.skipIf(!golden)("and out again under the names of the official code", async () => {
  const out = join(folder, "golden.pt");
  const { stdout } = await runCommand(registerExport, [
    ...["export", golden ?? "", "--to", "torch", "--out", out, "--json"],
  ]);
  expect(JSON.parse(stdout)).toMatchObject({ format: "torch", parameters: 98_818, identifiers: 5 });
  const [from, to] = await Promise.all([openTorchFile(golden ?? ""), openTorchFile(out)]);
  expect([...to.entries.keys()]).toEqual([...from.entries.keys()]);
  for (const name of from.entries.keys()) expect(await to.read(name)).toEqual(await from.read(name));
  await Promise.all([from.close(), to.close()]);
});

test("a .pt file is opened like a safetensors file, and the start vectors go out as bfloat16", async () => {
  const weights = await writeFakeModel(join(folder, "fake"), 4);
  const out = join(folder, "fake", "weights.pt");
  const { stdout } = await runCommand(registerExport, ["export", weights, "--to", "torch", "--out", out]);
  expect(stdout.replace(out, "<out>")).toMatchInlineSnapshot(`
    "<out>: 18,546 parameters, 0.1 MiB
    "
  `);
  const opened = await openModel(out);
  expect(opened.weights).toEqual((await openModel(weights)).weights);
  const file = await openTorchFile(out);
  expect(file.entries.get("_orig_mod.model.inner.H_init")).toEqual({ dtype: "BF16", shape: [8] });
  expect(file.entries.get("_orig_mod.model.inner.lm_head.weight")?.dtype).toBe("F32");
  await file.close();
});

test("names with and without prefixes, in float16 and float64, and buffers that nobody needs", async () => {
  const path = join(folder, "names.pt");
  const half: TensorToWrite = { dtype: "F16", shape: [1], pieces: () => [bytesOf(Uint16Array.of(0x3c00))] };
  const double: TensorToWrite = {
    ...{ dtype: "F64", shape: [1], pieces: () => [bytesOf(Float64Array.of(0.1))] },
  };
  const counts: TensorToWrite = {
    ...{ dtype: "I64", shape: [1], pieces: () => [bytesOf(BigInt64Array.of(7n))] },
  };
  const bits: TensorToWrite = { dtype: "BF16", shape: [1], pieces: () => [bytesOf(Uint16Array.of(0x4049))] };
  const tensors = new Map([
    ["_orig_mod.model.inner.H_init", bits],
    ["_orig_mod.inner.L_init", half],
    ["lm_head.weight", double],
    ["model._orig_mod.inner.q_head.bias", half],
    ["step", counts],
    ["model.inner.puzzle_emb.local_weights", half],
    ["model.inner.rotary_emb.cos_cached", half],
  ]);
  await writeFileAtomic(path, encodeTorchFile(tensors));
  const out = join(folder, "names.safetensors");
  const { error, stderr } = await runCommand(registerImport, ["import", path, "--out", out]);
  expect(error).toBe("");
  expect(stderr).toMatch(/warning: .*none of the names of TRM or HRM/);
  const one = { dtype: "F32", shape: [1], data: Float32Array.of(1) };
  expect(Object.fromEntries((await readSafetensors(out)).tensors)).toEqual({
    "model.inner.H_init": { dtype: "BF16", shape: [1], data: float32FromBfloat16(Uint16Array.of(0x4049)) },
    "model.inner.L_init": one,
    "model.inner.lm_head.weight": { ...one, data: Float32Array.of(0.1) },
    "model.inner.q_head.bias": one,
    step: { dtype: "I64", shape: [1], data: BigInt64Array.of(7n) },
  });
});

test("what the shapes tell of TRM with attention and of HRM", async () => {
  const block = (module: string, layer: number) => ({
    [`_orig_mod.model.inner.${module}.layers.${layer}.self_attn.qkv_proj.weight`]: [24, 8],
    [`_orig_mod.model.inner.${module}.layers.${layer}.self_attn.o_proj.weight`]: [8, 8],
  });
  const heads = {
    "_orig_mod.model.inner.embed_tokens.embedding_weight": [12, 8],
    "_orig_mod.model.inner.H_init": [8],
    "_orig_mod.model.inner.puzzle_emb.weights": [5, 8],
  };
  const trm = await writeTorch(join(folder, "trm.pt"), { ...heads, ...block("L_level", 0) });
  const hrm = await writeTorch(join(folder, "hrm.pt"), {
    ...{ ...heads, "_orig_mod.model.inner.embed_pos.embedding_weight": [17, 8] },
    ...{ ...block("L_level", 0), ...block("L_level", 1), ...block("H_level", 0), ...block("H_level", 1) },
  });
  const reports: unknown[] = [];
  for (const path of [trm, hrm]) {
    const out = join(folder, "told.safetensors");
    const { stdout } = await runCommand(registerImport, ["import", path, "--out", out, "--json"]);
    const { out: _, ...report } = JSON.parse(stdout);
    reports.push(report);
  }
  expect(reports).toMatchInlineSnapshot(`
    [
      {
        "answerLayers": 0,
        "architecture": "trm",
        "hiddenSize": 8,
        "identifiers": 5,
        "latents": 0,
        "layers": 1,
        "mixing": "attention",
        "notInWeights": [
          "hCycles",
          "lCycles",
          "haltMaxSteps",
          "numHeads",
          "posEncodings",
          "puzzleEmbLen",
        ],
        "parameters": 352,
        "posEncodings": null,
        "puzzleEmbNdim": 8,
        "sizeBytes": 2128,
        "tensors": 5,
        "tiedHead": true,
        "tokens": null,
        "vocabSize": 12,
      },
      {
        "answerLayers": 2,
        "architecture": "hrm",
        "hiddenSize": 8,
        "identifiers": 5,
        "latents": 0,
        "layers": 2,
        "mixing": "attention",
        "notInWeights": [
          "hCycles",
          "lCycles",
          "haltMaxSteps",
          "numHeads",
          "puzzleEmbLen",
        ],
        "parameters": 1256,
        "posEncodings": "learned",
        "puzzleEmbNdim": 8,
        "sizeBytes": 6528,
        "tensors": 12,
        "tiedHead": true,
        "tokens": 17,
        "vocabSize": 12,
      },
    ]
  `);
});

test("a table in segments is put together on the way out, in both formats", async () => {
  const config = whorlConfigSchema.parse({
    model: { hiddenSize: 8, numHeads: 2, expansion: 1, layers: 1, puzzleEmbLen: 1 },
    data: { task: "sudoku", size: 4 },
  });
  const rows = 3000; // more than are read at once
  const model = makeModel(config.model, { seqLen: 16, vocabSize: 6, numPuzzleIdentifiers: rows });
  const table = Float32Array.from({ length: rows * 8 }, (_, i) => (i % 3 === 0 || i > 20_000 ? 0 : i));
  const weights: ModelWeights = { ...makeWeights(model, 3), table };
  const dir = mkdtempSync(join(folder, "run-"));
  writeFileSync(join(dir, "config.yaml"), formatConfig(config));
  const run = { dir } as Run; // checkpoints need no more of it
  const tracked = new TrackedTable(table, 8);
  const state = toStateDict(model, weights);
  state.delete(TABLE_KEY);
  const parts = { [WEIGHTS_FILE]: state, [TABLE_FILE]: tracked };
  await writeCheckpoint(run, 1, parts);
  for (const id of [0, 700, 2047, 2999]) table.fill(-id - 1, id * 8, id * 8 + 8);
  tracked.mark([0, 700, 2047, 2999]);
  const checkpoint = await writeCheckpoint(run, 2, parts);
  expect(readdirSync(checkpoint).filter((name) => name.startsWith("puzzle-table.step"))).toHaveLength(2);
  for (const format of ["safetensors", "torch"]) {
    const out = join(dir, `out.${format}`);
    const { error } = await runCommand(registerExport, ["export", checkpoint, "--to", format, "--out", out]);
    expect(error).toBe("");
    const opened = await openModel(out);
    expect(opened.weights.table).toEqual(table);
    expect(opened.weights.weights).toEqual(weights.weights);
  }
});

test("a table of 192 MiB passes through a few MB of memory", async () => {
  const rows = 98_304;
  const piece = new Uint8Array(2 ** 20);
  const table: TensorToWrite = {
    ...{ dtype: "F32", shape: [rows, 512] },
    *pieces() {
      for (let row = 0; row < rows; row += 512) yield piece;
    },
  };
  const path = join(folder, "large.pt");
  const out = join(folder, "large.safetensors");
  await writeFileAtomic(path, encodeTorchFile(new Map([["puzzle_emb.weights", table]])));
  const before = process.resourceUsage().maxRSS;
  const { stdout } = await runCommand(registerImport, ["import", path, "--out", out, "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ identifiers: rows, puzzleEmbNdim: 512 });
  expect(JSON.parse(stdout).sizeBytes).toBeGreaterThan(192 * 2 ** 20);
  expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(96);
  for (const file of [path, out]) rmSync(file);
});

test("nothing half: a refused, damaged or missing file leaves nothing behind", async () => {
  const dir = mkdtempSync(join(folder, "none-"));
  const out = join(dir, "x.safetensors");
  const evil = await writeArchive(
    join(folder, "evil.pt"),
    pickle(0x80, 2, "cos\nsystem\n", text("touch here"), 0x85, "R."),
  );
  const whole = await writeTorch(join(folder, "whole.pt"), { a: [300], b: [300] });
  const bytes = readFileSync(whole);
  const cut = join(folder, "cut.pt");
  writeFileSync(cut, bytes.subarray(0, 2000));
  const changed = join(folder, "changed.pt");
  bytes[bytes.indexOf("archive/version") - 100] ^= 1; // among the numbers of b: a is written before this shows
  writeFileSync(changed, bytes);
  const page = join(folder, "page.pt");
  writeFileSync(page, "<!DOCTYPE html>");
  const messages: string[] = [];
  for (const path of [evil, cut, changed, page, join(folder, "nowhere.pt")]) {
    const { error, exitCode } = await runCommand(registerImport, ["import", path, "--out", out]);
    messages.push(`${exitCode}: ${error.replaceAll(folder, "")}`);
    expect(existsSync(join(dir, "here"))).toBe(false);
    expect(readdirSync(dir)).toEqual([]);
  }
  const words = ["export", whole, "--to", "tflite", "--out", out];
  messages.push((await runCommand(registerExport, words)).error);
  expect(messages).toMatchInlineSnapshot(`
    [
      "1: /evil.pt asks for "os.system", which no weights need; nothing of it was run — do not open the file with other tools if you do not trust it; weights are saved by torch.save(model.state_dict(), …)",
      "1: /cut.pt is not a whole .pt file: no directory of a ZIP archive is at its end — copy or make the file again",
      "1: /changed.pt is damaged: the checksum of "b" is wrong — copy the file again",
      "1: /page.pt is no .pt file that can be read: it is not a ZIP archive — files of torch before 1.6: load them in PyTorch and save the state dict again; else copy it again",
      "1: no such file or folder while reading /nowhere.pt — check the path",
      "--to takes safetensors or torch or onnx or web, not 'tflite'",
    ]
  `);
});
