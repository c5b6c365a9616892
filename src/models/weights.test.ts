import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import {
  openSafetensors,
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from "../formats/safetensors.ts";
import type { RecursiveModel } from "./model.ts";
import { TINY_MODELS } from "./testing/tiny-models.ts";
import { tinyTrm } from "./testing/tiny-trm.ts";
import {
  type LoadOptions,
  loadStateDict,
  loadStateFile,
  type ModelWeights,
  makeWeights,
  TABLE_KEY,
  toStateDict,
} from "./weights.ts";

let path: string;
beforeAll(() => {
  path = join(mkdtempSync(join(tmpdir(), "whorl-weights-")), "weights.safetensors");
});
afterAll(() => rmSync(dirname(path), { recursive: true }));

const described = (model: ReturnType<typeof tinyTrm>) =>
  [...toStateDict(model, makeWeights(model, 0))].map(
    ([name, { dtype, shape }]) => `${name} ${dtype} [${shape.join(", ")}]`,
  );

test("names and shapes with attention are the reference's", () => {
  expect(described(tinyTrm({ posEncodings: "learned" })).sort()).toMatchInlineSnapshot(`
    [
      "model.inner.H_init F32 [8]",
      "model.inner.L_init F32 [8]",
      "model.inner.L_level.layers.0.mlp.down_proj.weight F32 [8, 256]",
      "model.inner.L_level.layers.0.mlp.gate_up_proj.weight F32 [512, 8]",
      "model.inner.L_level.layers.0.self_attn.o_proj.weight F32 [8, 8]",
      "model.inner.L_level.layers.0.self_attn.qkv_proj.weight F32 [24, 8]",
      "model.inner.L_level.layers.1.mlp.down_proj.weight F32 [8, 256]",
      "model.inner.L_level.layers.1.mlp.gate_up_proj.weight F32 [512, 8]",
      "model.inner.L_level.layers.1.self_attn.o_proj.weight F32 [8, 8]",
      "model.inner.L_level.layers.1.self_attn.qkv_proj.weight F32 [24, 8]",
      "model.inner.embed_pos.embedding_weight F32 [7, 8]",
      "model.inner.embed_tokens.embedding_weight F32 [6, 8]",
      "model.inner.lm_head.weight F32 [6, 8]",
      "model.inner.puzzle_emb.weights F32 [4, 8]",
      "model.inner.q_head.bias F32 [2]",
      "model.inner.q_head.weight F32 [2, 8]",
    ]
  `);
});

test("names and shapes with token mixing are the reference's", () => {
  expect(described(tinyTrm({ mlpT: true, posEncodings: "none", layers: 1 })).sort()).toMatchInlineSnapshot(`
    [
      "model.inner.H_init F32 [8]",
      "model.inner.L_init F32 [8]",
      "model.inner.L_level.layers.0.mlp.down_proj.weight F32 [8, 256]",
      "model.inner.L_level.layers.0.mlp.gate_up_proj.weight F32 [512, 8]",
      "model.inner.L_level.layers.0.mlp_t.down_proj.weight F32 [7, 256]",
      "model.inner.L_level.layers.0.mlp_t.gate_up_proj.weight F32 [512, 7]",
      "model.inner.embed_tokens.embedding_weight F32 [6, 8]",
      "model.inner.lm_head.weight F32 [6, 8]",
      "model.inner.puzzle_emb.weights F32 [4, 8]",
      "model.inner.q_head.bias F32 [2]",
      "model.inner.q_head.weight F32 [2, 8]",
    ]
  `);
});

test("without puzzle vectors there is no table", () => {
  const model = tinyTrm({ puzzleEmbNdim: 0, puzzleEmbLen: 0 });
  expect(described(model).filter((line) => line.includes("puzzle_emb"))).toEqual([]);
  expect(makeWeights(model, 0).table.length).toBe(0);
});

test("a fresh model: halting head at 0 and -5, table at 0, initial states in bfloat16 precision", () => {
  const model = tinyTrm();
  const first = makeWeights(model, 7);
  const dict = toStateDict(model, first);
  const numbers = (name: string) => Array.from(dict.get(`model.inner.${name}`)?.data ?? []);
  expect(numbers("q_head.weight")).toEqual(new Array(16).fill(0));
  expect(numbers("q_head.bias")).toEqual([-5, -5]);
  expect(numbers("puzzle_emb.weights")).toEqual(new Array(32).fill(0));
  for (const name of ["H_init", "L_init"]) {
    const bits = new Uint32Array(Float32Array.from(numbers(name)).buffer);
    expect(bits.every((word) => (word & 0xffff) === 0)).toBe(true);
    expect(new Set(bits).size).toBe(8);
  }
  expect(numbers("H_init")).not.toEqual(numbers("L_init"));
  expect(toStateDict(model, makeWeights(model, 7))).toEqual(dict);
  expect(toStateDict(model, makeWeights(model, 8))).not.toEqual(dict);
});

test("through a file and back, to the bit", async () => {
  const model = tinyTrm();
  const saved = makeWeights(model, 1);
  saved.table.forEach((_, i) => {
    saved.table[i] = i / 3;
  });
  await writeSafetensors(path, toStateDict(model, saved));
  const loaded = makeWeights(model, 2);
  loadStateDict(model, loaded, (await readSafetensors(path)).tensors, path);
  expect(loaded).toEqual(saved);
});

test("a file is loaded without being held, and is the same", async () => {
  const model = tinyTrm();
  const saved = makeWeights(model, 1);
  saved.table.set([1, -0, 3], 9);
  await writeSafetensors(path, toStateDict(model, saved));
  const loaded = makeWeights(model, 2);
  loaded.table.fill(7);
  expect(await fromFile(model, loaded, path)).toEqual({ averagedRows: undefined });
  expect(loaded).toEqual(saved);
  const integers: StoredTensor = { dtype: "I32", shape: [2], data: new Int32Array(2) };
  await writeSafetensors(
    path,
    new Map([...toStateDict(model, saved), ["model.inner.q_head.bias", integers]]),
  );
  await expect(fromFile(model, loaded, path)).rejects.toThrow("'model.inner.q_head.bias' holds I32");
});

async function fromFile(model: RecursiveModel, target: ModelWeights, path: string, options?: LoadOptions) {
  const file = await openSafetensors(path);
  try {
    return await loadStateFile(model, target, file, path, options);
  } finally {
    await file.close();
  }
}

test("a table of another row count becomes its mean, if that is wanted", async () => {
  const model = tinyTrm();
  const [source, target] = [makeWeights(model, 1), makeWeights(model, 2)];
  const rows = Float32Array.from({ length: 24 }, (_, i) => (i < 8 ? i : 2 * i));
  const tensors = new Map<string, StoredTensor>(toStateDict(model, source));
  tensors.set(TABLE_KEY, { dtype: "F32", shape: [3, 8], data: rows });
  const expected = Array.from({ length: 32 }, (_, i) => Math.fround(((i % 8) * 5 + 48) / 3));
  expect(loadStateDict(model, target, tensors, "x", { tableMismatch: "mean" })).toEqual({ averagedRows: 3 });
  expect([...target.table]).toEqual(expected);
  expect(target.weights).toEqual(source.weights);
  expect(() => loadStateDict(model, target, tensors, "x")).toThrow("is [3, 8]");

  await writeSafetensors(path, tensors);
  const fresh = makeWeights(model, 3);
  expect(await fromFile(model, fresh, path, { tableMismatch: "mean" })).toEqual({ averagedRows: 3 });
  expect(fresh).toEqual(target);
  // Vectors of another size have no mean that would fit.
  tensors.set(TABLE_KEY, { dtype: "F32", shape: [6, 4], data: rows });
  expect(() => loadStateDict(model, target, tensors, "x", { tableMismatch: "mean" })).toThrow("is [6, 4]");
});

test("a table that is kept elsewhere is neither wanted nor suffered, and stays", () => {
  const model = tinyTrm();
  const target = makeWeights(model, 2);
  target.table.fill(5);
  const tensors = new Map<string, StoredTensor>(toStateDict(model, makeWeights(model, 1)));
  expect(() => loadStateDict(model, target, tensors, "x", { withoutTable: true })).toThrow("puzzle_emb");
  tensors.delete(TABLE_KEY);
  loadStateDict(model, target, tensors, "x", { withoutTable: true });
  expect(target.table.every((x) => x === 5)).toBe(true);
  expect(target.weights).toEqual(makeWeights(model, 1).weights);
});

test("weights that do not fit are refused", () => {
  const model = tinyTrm();
  const told = (change: (tensors: Map<string, StoredTensor>) => void) => {
    const tensors = new Map<string, StoredTensor>(toStateDict(model, makeWeights(model, 0)));
    change(tensors);
    try {
      loadStateDict(model, makeWeights(model, 1), tensors, "some/weights.safetensors");
    } catch (error) {
      return error instanceof ToolError ? `${error.code}: ${error.format()}` : String(error);
    }
    return "loaded";
  };
  expect(told(() => {})).toBe("loaded");
  expect(told((tensors) => tensors.delete("model.inner.lm_head.weight"))).toMatchInlineSnapshot(
    `"models/weights-misfit: the weights have no 'model.inner.lm_head.weight' — some/weights.safetensors — use the configuration that the weights were trained with (config.yaml of their run)"`,
  );
  expect(
    told((tensors) => tensors.set("model.inner.embed_pos.embedding_weight", floats([7, 8]))),
  ).toMatchInlineSnapshot(
    `"models/weights-misfit: the weights have a 'model.inner.embed_pos.embedding_weight' that this configuration lacks — some/weights.safetensors — use the configuration that the weights were trained with (config.yaml of their run)"`,
  );
  expect(
    told((tensors) => tensors.set("model.inner.puzzle_emb.weights", floats([9, 8]))),
  ).toMatchInlineSnapshot(
    `"models/weights-misfit: 'model.inner.puzzle_emb.weights' is [9, 8], this configuration needs [4, 8] — some/weights.safetensors — use the configuration that the weights were trained with (config.yaml of their run)"`,
  );
  // As many numbers in another shape are not the same weights.
  expect(told((tensors) => tensors.set("model.inner.lm_head.weight", floats([8, 6])))).toMatchInlineSnapshot(
    `"models/weights-misfit: 'model.inner.lm_head.weight' is [8, 6], this configuration needs [6, 8] — some/weights.safetensors — use the configuration that the weights were trained with (config.yaml of their run)"`,
  );
  const integers: StoredTensor = { dtype: "I32", shape: [2], data: new Int32Array(2) };
  expect(told((tensors) => tensors.set("model.inner.q_head.bias", integers))).toMatchInlineSnapshot(
    `"models/weights-misfit: 'model.inner.q_head.bias' holds I32, not floats — some/weights.safetensors — use the configuration that the weights were trained with (config.yaml of their run)"`,
  );
});

function floats(shape: number[]): StoredTensor {
  return { dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
}

test.each(TINY_MODELS)("%s: what is saved loads again, under names of their own", async (_, model) => {
  const saved = makeWeights(model, 3);
  saved.table.fill(0.5);
  const tensors = toStateDict(model, saved);
  const names = [...model.buffers, ...model.parameters].map(({ name }) => `model.inner.${name}`);
  expect([...tensors.keys()]).toEqual(model.puzzleVectorSize > 0 ? [...names, TABLE_KEY] : names);
  await writeSafetensors(path, tensors);
  const loaded = makeWeights(model, 4);
  loadStateDict(model, loaded, (await readSafetensors(path)).tensors, path);
  expect(loaded).toEqual(saved);
});
