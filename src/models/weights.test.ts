import { expect, test } from "vitest";
import { temporaryFolder } from "../../tests/train/tiny.ts";
import { ToolError } from "../base/errors.ts";
import { readSafetensors, type StoredTensor, writeSafetensors } from "../formats/safetensors.ts";
import { tinyTrm } from "./testing/tiny-trm.ts";
import { loadStateDict, makeWeights, toStateDict } from "./weights.ts";

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
  const path = `${temporaryFolder()}/weights.safetensors`;
  await writeSafetensors(path, toStateDict(model, saved));
  const loaded = makeWeights(model, 2);
  loadStateDict(model, loaded, (await readSafetensors(path)).tensors, path);
  expect(loaded).toEqual(saved);
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
