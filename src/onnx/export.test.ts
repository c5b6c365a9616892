import { beforeAll, expect, test } from "vitest";
import { stream } from "../base/random/threefry.ts";
import { makeReferenceExecutor } from "../engine/executors/reference/reference.ts";
import { makeRecursion, type Recursion } from "../eval/recursion.ts";
import { float32FromFloat16 } from "../formats/half.ts";
import { makeModel, modelConfigSchema, type RecursiveModel } from "../models/index.ts";
import { SMALL_MODELS } from "../models/testing/small-trm.ts";
import { TINY_SHAPE, tinyTrm, VARIANTS } from "../models/testing/tiny-trm.ts";
import { type ModelWeights, makeWeights } from "../models/weights.ts";
import { viewsOf } from "../nn/parameters.ts";
import { exportOnnx, type OnnxExportOptions } from "./export.ts";
import { decodeModel, encodeModel } from "./proto.ts";
import { openOnnxRecursion } from "./recursion.ts";

const STEPS = 3;
const ROWS = 3;
const executor = makeReferenceExecutor("float32");

const SHORT = { arch: "three-stream", latentLength: 3, reasoningPasses: 1, refinementPasses: 2 };

/** Every other architecture, and the ablations that change the graph of a step. */
const OTHERS = [
  ["HRM", { arch: "hrm", hCycles: 2, layers: 1, hLayers: 2, posEncodings: "learned" }],
  ["direct prediction, carried on", { arch: "direct", layers: 2, haltMaxSteps: 3 }],
  ["one state, tied head", { arch: "trm", hCycles: 2, lCycles: 2, latents: 0, tiedHead: true }],
  [
    "three latents, two networks",
    { arch: "trm", hCycles: 1, lCycles: 3, latents: 3, separateNetworks: true },
  ],
  ["three streams", { ...SHORT }],
  ["three streams, token mixing, puzzle vectors", { ...SHORT, mlpT: true, puzzleEmbNdim: 8 }],
].map(([name, settings]): [string, RecursiveModel] => [
  String(name),
  makeModel(
    modelConfigSchema.parse({ hiddenSize: 16, numHeads: 2, expansion: 1, ...Object(settings) }),
    TINY_SHAPE,
  ),
]);

const MODELS: [string, RecursiveModel][] = [
  ...VARIANTS.map(([name, settings]): [string, RecursiveModel] => [name, tinyTrm(settings)]),
  ["no puzzle vectors", tinyTrm({ puzzleEmbNdim: 0, puzzleEmbLen: 0 })],
  ...OTHERS,
  ...SMALL_MODELS.slice(0, 2).map(([name, model]): [string, RecursiveModel] => [`${name}, odd sizes`, model]),
];

const FORMS: readonly OnnxExportOptions[] = [
  { form: "step" },
  { form: "step", batch: 4, puzzle: "vectors" },
  { form: "solve", steps: STEPS },
  { form: "solve", steps: STEPS, loop: true },
  { form: "solve", steps: STEPS, loop: true, batch: 4, puzzle: "vectors" },
];

/** As initialised, but the heads and the puzzle vectors are not zero. */
function weightsOf(model: RecursiveModel): ModelWeights {
  const weights = makeWeights(model, 5);
  const random = stream(5, "heads and table");
  weights.table.forEach((_, i) => {
    weights.table[i] = random.truncatedNormal(1);
  });
  const head = viewsOf(weights.layout, weights.weights).get("q_head.weight");
  head?.forEach((_value, i) => {
    head[i] = random.truncatedNormal(0.3);
  });
  return weights;
}

function puzzlesOf({ shape }: RecursiveModel) {
  const random = stream(6, "puzzles");
  const inputs = Int32Array.from({ length: ROWS * shape.seqLen }, () => random.below(shape.vocabSize));
  return { rows: ROWS, inputs, identifiers: Int32Array.of(2, 0, 1) };
}

/** What a runner says after each step. */
async function answersOf(recursion: Recursion, model: RecursiveModel, steps = STEPS) {
  const { seqLen, vocabSize } = model.shape;
  const said = [];
  for await (const { step, results } of recursion.run(puzzlesOf(model), steps))
    said.push({
      step,
      logits: results.logits.slice(0, ROWS * seqLen * vocabSize),
      halting: results.qLogits.slice(0, 2 * ROWS),
      predictions: results.predictions.slice(0, ROWS * seqLen),
    });
  return said;
}

type Answers = Awaited<ReturnType<typeof answersOf>>;

function expectClose(found: Float32Array, expected: Float32Array, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  expect(Math.max(...found.map((value, i) => Math.abs(value - expected[i])))).toBeLessThan(
    tolerance * largest,
  );
}

async function exportedAnswers(model: RecursiveModel, weights: ModelWeights, options: OnnxExportOptions) {
  const bytes = encodeModel(exportOnnx(model, weights, options));
  const recursion = await openOnnxRecursion(bytes, {
    ...{ runtime: "onnxruntime-web" as const, batchSize: 8, table: weights.table },
  });
  const answers = await answersOf(recursion, model);
  await recursion.close();
  return answers;
}

const expectedOf = new Map<RecursiveModel, Answers>();
beforeAll(async () => {
  for (const [, model] of MODELS) {
    const engine = makeRecursion(executor, model, weightsOf(model), {
      ...{ batchSize: ROWS, logits: true, format: "float32" as const },
    });
    expectedOf.set(model, await answersOf(engine, model));
  }
}, 60_000);

test.each(MODELS)("%s: every form says what the engine says, after every step", async (_, model) => {
  const expected = expectedOf.get(model) ?? [];
  expect(expected.length).toBe(STEPS);
  const forms = model.hiddenSize === 8 ? FORMS : FORMS.filter(({ form, loop }) => form === "step" || loop);
  for (const options of forms) {
    const found = await exportedAnswers(model, weightsOf(model), options);
    expect(found.map(({ step }) => step)).toEqual([1, 2, 3]);
    found.forEach(({ logits, halting, predictions }, i) => {
      expectClose(logits, expected[i].logits, 1e-4);
      expectClose(halting, expected[i].halting, 1e-4);
      expect(predictions).toEqual(expected[i].predictions);
    });
  }
});

test("half precision weights take half the bytes and are computed with as they were rounded", async () => {
  const [, model] = SMALL_MODELS[1];
  const weights = weightsOf(model);
  const full = exportOnnx(model, weights, { form: "step" });
  const half = exportOnnx(model, weights, { form: "step", weights: "float16" });
  const bytesOf = (name: string) => (file: typeof full) =>
    file.graph.initializers.find((each) => each.name === name)?.bytes ?? new Uint8Array();
  const table = "embed_tokens.embedding_weight";
  expect(2 * bytesOf(table)(half).length).toBe(bytesOf(table)(full).length);
  expect(bytesOf("rope.cos")(half)).toEqual(bytesOf("rope.cos")(full));
  const stored = bytesOf(table)(half);
  const rounded = float32FromFloat16(new Uint16Array(stored.buffer, stored.byteOffset, stored.length / 2));
  const start = weights.layout.offsets.get(table) ?? 0;
  expectClose(rounded, weights.weights.slice(start, start + rounded.length), 2 ** -10);

  const plain = expectedOf.get(model) ?? [];
  for (const form of [{ form: "step" }, { form: "solve", steps: STEPS, loop: true }] as const) {
    const found = await exportedAnswers(model, weights, { ...form, weights: "float16" });
    expectClose(found[0].logits, plain[0].logits, 0.02);
    expect(found[0].logits).not.toEqual(plain[0].logits);
  }
});

test("nodes, inputs and outputs are named after the model", () => {
  const model = tinyTrm();
  const { graph, metadata } = exportOnnx(model, weightsOf(model), { form: "step" });
  expect(graph.inputs).toEqual([
    { name: "inputs", type: "int32", dims: ["batch", TINY_SHAPE.seqLen] },
    { name: "puzzle_identifiers", type: "int32", dims: ["batch"] },
    { name: "reset", type: "int32", dims: ["batch"] },
    { name: "z_H", type: "float32", dims: ["batch", 7, 8] },
    { name: "z_L", type: "float32", dims: ["batch", 7, 8] },
  ]);
  expect(graph.outputs.map(({ name }) => name)).toEqual([
    ...["logits", "preds", "q_halt", "q_continue", "z_H_next", "z_L_next"],
  ]);
  const secondCall = graph.nodes.filter(({ name }) => /layers\.1.*\.call2$/.test(name));
  expect(secondCall.map(({ name, op }) => [name.replace("cycle0.L_level.layers.1", "…"), op])).toEqual([
    ["….self_attn/qkv_proj.call2", "MatMul"],
    ["….self_attn/rope.call2", "Concat"],
    ["….self_attn/attention.call2", "Reshape"],
    ["….self_attn/o_proj.call2", "MatMul"],
    ["…/self_attn_norm.call2", "Div"],
    ["….mlp/gate_up_proj.call2", "MatMul"],
    ["….mlp/swiglu.call2", "Mul"],
    ["….mlp/down_proj.call2", "MatMul"],
    ["…/mlp_norm.call2", "Div"],
  ]);
  const names = [...graph.initializers, ...graph.inputs].map(({ name }) => name);
  const results = graph.nodes.flatMap(({ outputs }) => outputs);
  expect(new Set([...names, ...results]).size).toBe(names.length + results.length);
  expect(JSON.parse(metadata.get("whorl") ?? "")).toMatchObject({
    form: "step",
    steps: 4,
    puzzle: "identifiers",
  });
});

test("a solve computes what does not change once, and a loop holds its step once", () => {
  const model = tinyTrm();
  const unrolled = exportOnnx(model, weightsOf(model), { form: "solve", steps: 3 });
  const looped = exportOnnx(model, weightsOf(model), { form: "solve", steps: 3, loop: true });
  const named = (file: typeof unrolled, ending: string) =>
    file.graph.nodes.filter(({ name }) => name.endsWith(ending)).map(({ name }) => name);
  expect(named(unrolled, "/embed_tokens")).toEqual(["input/embed_tokens"]);
  expect(named(unrolled, "heads/lm_head")).toEqual([
    ...["step1/heads/lm_head", "step2/heads/lm_head", "step3/heads/lm_head"],
  ]);
  expect(looped.graph.nodes.filter(({ op }) => op === "MatMul")).toEqual([]);
  expect(looped.graph.outputs).toEqual(unrolled.graph.outputs);
  expect(unrolled.graph.outputs[0].dims).toEqual([3, "batch", TINY_SHAPE.seqLen, TINY_SHAPE.vocabSize]);
  expect(unrolled.graph.initializers.length).toBeLessThan(looped.graph.initializers.length + 10);
});

test("what is written is what is read", () => {
  const model = tinyTrm({ mlpT: true, posEncodings: "none" });
  const file = exportOnnx(model, weightsOf(model), {
    form: "solve",
    steps: 2,
    loop: true,
    weights: "float16",
  });
  const withAttributes = file.graph.nodes.map((node) => ({ attributes: {}, ...node }));
  const read = decodeModel(encodeModel(file), "here");
  expect(read.graph.nodes.length).toBe(withAttributes.length);
  expect(read.metadata).toEqual(file.metadata);
  expect(read.graph.initializers.map(({ bytes }) => Array.from(bytes))).toEqual(
    file.graph.initializers.map(({ bytes }) => Array.from(bytes)),
  );
  expect(encodeModel(read)).toEqual(encodeModel(file));
});

test.each([
  ["steps", { form: "solve", steps: 0 }],
  ["batch", { form: "step", batch: 1.5 }],
] as const)("%s that make no sense are refused", (what, options) => {
  const model = tinyTrm();
  expect(() => exportOnnx(model, weightsOf(model), options)).toThrow(`${what} must be a whole number from 1`);
});
