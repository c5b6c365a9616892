// Damaged and hostile files end in a value or a ToolError: never in another error, a hang or memory beyond the file's.
// Ten thousand of them, from whole files of every kind that is read.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ToolError } from "../../src/base/errors.ts";
import { writeFileAtomic } from "../../src/base/files.ts";
import { encodeNpy, parseNpy } from "../../src/formats/npy.ts";
import { encodeNpz, readNpz } from "../../src/formats/npz.ts";
import { unpickleStateDict } from "../../src/formats/pickle-torch.ts";
import { encodeSafetensors, type StoredTensor } from "../../src/formats/safetensors.ts";
import { encodeArchive } from "../../src/formats/testing/pickles.ts";
import { encodeTorchFile, type TensorToWrite } from "../../src/formats/torch-file-writer.ts";
import { openWeightsFile } from "../../src/runs/import-weights.ts";
import { type Draw, makeDraw, mutate } from "./mutations.ts";

/** The samples have less than a megabyte; collection of garbage is not prompt. */
const mostGrowthBytes = 300 * 2 ** 20;

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-fuzz-"));
  path = join(folder, "sample");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Reads every changed file; how many were still read, and the codes of the errors. */
async function outcomesOf(
  count: number,
  makeBytes: (draw: Draw) => Uint8Array,
  read: (bytes: Uint8Array) => Promise<unknown>,
): Promise<{ values: number; errors: Map<string, number> }> {
  const before = process.memoryUsage().rss;
  let peak = before;
  let values = 0;
  const errors = new Map<string, number>();
  for (let seed = 0; seed < count; seed++) {
    const bytes = makeBytes(makeDraw(seed));
    try {
      await read(bytes);
      values++;
    } catch (error) {
      if (!(error instanceof ToolError))
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
      errors.set(error.code, (errors.get(error.code) ?? 0) + 1);
    }
    if (seed % 16 === 0) peak = Math.max(peak, process.memoryUsage.rss());
  }
  expect(peak - before).toBeLessThan(mostGrowthBytes);
  return { values, errors };
}

async function readWeights(bytes: Uint8Array): Promise<void> {
  writeFileSync(path, bytes);
  const file = await openWeightsFile(path);
  try {
    for (const name of file.entries.keys()) await file.read(name);
  } finally {
    await file.close();
  }
}

const numbers = Float32Array.from({ length: 24 }, (_, i) => i / 8);

async function torchSample(): Promise<Buffer> {
  const names = ["_orig_mod.model.inner.lm_head.weight", "_orig_mod.model.inner.H_init", "c"];
  const tensors = new Map<string, TensorToWrite>(
    names.map((name) => [
      name,
      { dtype: "F32", shape: [4, 6], pieces: () => [new Uint8Array(numbers.buffer)] },
    ]),
  );
  await writeFileAtomic(path, encodeTorchFile(tensors));
  return readFileSync(path);
}

async function pickleSample(): Promise<Buffer> {
  const sample = await torchSample();
  const start = sample.indexOf(Buffer.of(0x80, 2));
  const pickle = sample.subarray(start, sample.indexOf("PK\u0003\u0004", start));
  expect(unpickleStateDict(pickle, "x").size).toBe(3);
  return pickle;
}

/** Where the directory and the end records of an archive are, and its first local header. */
function hotPlaces(archive: Buffer): [number, number][] {
  return [
    [archive.indexOf("PK\u0001\u0002"), archive.length],
    [0, 64],
  ];
}

test("2500 .pt files", async () => {
  const sample = await torchSample();
  const hot: [number, number][] = [...hotPlaces(sample), [64, sample.indexOf("PK\u0003\u0004", 64)]];
  const { values, errors } = await outcomesOf(2500, (draw) => mutate(sample, hot, draw), readWeights);
  expect(errors.get("torch/damaged")).toBeGreaterThan(1000);
  expect(values).toBeGreaterThan(10); // padding, dates
});

test("2500 pickles, whose checksums do not protect them", async () => {
  const pickle = await pickleSample();
  const { values, errors } = await outcomesOf(
    2500,
    (draw) => mutate(pickle, [[0, pickle.length]], draw),
    async (bytes) => unpickleStateDict(bytes, "x"),
  );
  expect(errors.get("torch/refused")).toBeGreaterThan(100);
  expect(errors.get("torch/damaged")).toBeGreaterThan(100);
  expect(values).toBeGreaterThan(50); // changed names and sizes
});

test("500 of them in archives with right checksums, read to the last number", async () => {
  const pickle = await pickleSample();
  const storage = new Uint8Array(numbers.buffer);
  const { values, errors } = await outcomesOf(
    500,
    (draw) => mutate(pickle, [[0, pickle.length]], draw),
    async (bytes) => readWeights(await encodeArchive(bytes, { "0": storage, "1": storage, "2": storage })),
  );
  expect(errors.get("torch/damaged")).toBeGreaterThan(50);
  expect(values).toBeGreaterThan(5);
});

test("500 pickles of instructions at random", async () => {
  const codes = [..."(012qrhjNJKMGXUTCBt)]laesd}ucRbQ", 0x80, 0x81, 0x85, 0x86, 0x87, 0x88, 0x8a, 0x8b]
    .concat([0x8c, 0x8d, 0x8e, 0x93, 0x94, 0x95])
    .map((code) => (typeof code === "string" ? code.charCodeAt(0) : code));
  const { errors } = await outcomesOf(
    500,
    (draw) => {
      const random = Array.from({ length: 2000 }, () => (draw(3) ? codes[draw(codes.length)] : draw(256)));
      return Buffer.from([...random, 0x2e]);
    },
    async (bytes) => unpickleStateDict(bytes, "x"),
  );
  expect(errors.get("torch/damaged")).toBeGreaterThan(400);
});

test("2000 safetensors files", async () => {
  const tensors = new Map<string, StoredTensor>([
    ["model.inner.a", { dtype: "F32", shape: [4, 6], data: numbers }],
    ["b", { dtype: "BF16", shape: [2], data: numbers.subarray(0, 2) }],
    ["c", { dtype: "I64", shape: [1], data: BigInt64Array.of(3n) }],
  ]);
  const sample = Buffer.concat(encodeSafetensors(tensors, { format: "pt" }));
  const hot: [number, number][] = [
    [0, 8],
    [8, sample.lastIndexOf("}") + 1],
  ];
  const { values, errors } = await outcomesOf(2000, (draw) => mutate(sample, hot, draw), readWeights);
  expect(errors.get("safetensors/header")).toBeGreaterThan(500);
  expect(values).toBeGreaterThan(10);
});

test("1000 .npy files", async () => {
  const sample = Buffer.concat(encodeNpy({ dtype: "float32", shape: [4, 6], data: numbers }));
  const { values, errors } = await outcomesOf(
    1000,
    (draw) => mutate(sample, [[0, sample.length - numbers.byteLength]], draw),
    async (bytes) => parseNpy(bytes, "x.npy"),
  );
  expect([...errors.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(300);
  expect(values).toBeGreaterThan(10);
});

test("1000 .npz files", async () => {
  const array = { dtype: "float32" as const, shape: [4, 6], data: numbers };
  const sample = Buffer.from(
    encodeNpz(
      new Map([
        ["a", array],
        ["b", array],
      ]),
    ),
  );
  const { values, errors } = await outcomesOf(
    1000,
    (draw) => mutate(sample, hotPlaces(sample), draw),
    async (bytes) => {
      writeFileSync(path, bytes);
      await readNpz(path);
    },
  );
  expect(errors.get("npz/damaged")).toBeGreaterThan(300);
  expect(values).toBeGreaterThan(10);
});
