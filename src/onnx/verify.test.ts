import { expect, test } from "vitest";
import { stream } from "../base/random/threefry.ts";
import { makeReferenceExecutor } from "../engine/executors/reference/reference.ts";
import { tinyTrm } from "../models/testing/tiny-trm.ts";
import { makeWeights } from "../models/weights.ts";
import { exportOnnx, type OnnxExportOptions } from "./export.ts";
import { encodeModel } from "./proto.ts";
import { verifyOnnx } from "./verify.ts";

const model = tinyTrm();
const weights = makeWeights(model, 9);
const random = stream(9, "puzzles");
weights.table.forEach((_, i) => {
  weights.table[i] = random.truncatedNormal(1);
});
const ROWS = 5;
const puzzles = {
  rows: ROWS,
  inputs: Int32Array.from({ length: ROWS * model.shape.seqLen }, () => random.below(6)),
  identifiers: Int32Array.from({ length: ROWS }, () => random.below(4)),
};
const options = {
  ...{ executor: makeReferenceExecutor("float32"), runtime: "onnxruntime-web" as const, batchSize: 2 },
};

const fileOf = (given: OnnxExportOptions, of = weights) => encodeModel(exportOnnx(model, of, given));

/** Weights of which one number is another. */
function spoiled(name: string): typeof weights {
  const numbers = weights.weights.slice();
  numbers[(weights.layout.offsets.get(name) ?? 0) + 1] += 0.5;
  return { ...weights, weights: numbers };
}

test.each([
  [{ form: "step" }],
  [{ form: "step", batch: 3 }],
  [{ form: "solve", steps: 3, loop: true }],
  [{ form: "step", weights: "float16" }],
  [{ form: "step", weights: "float16", puzzle: "vectors" }],
] as const)("an exported file agrees with the engine: %j", async (given) => {
  const found = await verifyOnnx(fileOf(given), { model, weights }, puzzles, options);
  const steps = "steps" in given ? given.steps : model.haltMaxSteps;
  expect(found).toMatchObject({ ok: true, rows: ROWS, sameAnswers: ROWS, form: given.form, steps });
  expect(found.provider).toMatch(/^onnxruntime-web wasm \d/);
  expect(found.maxAbsDiff).toBeLessThan(1e-4);
  expect(found.maxAbsDiff).toBe(Math.max(...found.maxAbsDiffBySteps));
  expect(found.maxAbsDiffBySteps.length).toBe(steps);
});

test.each([
  ["L_level.layers.1.mlp.down_proj.weight", "cycle0.L_level.layers.1.mlp/down_proj", "linear"],
  ["L_level.layers.0.self_attn.qkv_proj.weight", "cycle0.L_level.layers.0.self_attn/qkv_proj", "linear"],
  ["lm_head.weight", "heads/lm_head", "linear"],
  ["q_head.bias", "heads/bias", "addBroadcast"],
])("a file with another %s does not agree, and the node is named", async (name, node, op) => {
  const bytes = fileOf({ form: "step" }, spoiled(name));
  const found = await verifyOnnx(bytes, { model, weights }, puzzles, { ...options, locate: true });
  expect(found.ok).toBe(false);
  expect(found.maxAbsDiff).toBeGreaterThan(1e-3);
  expect(found.firstDifference).toMatchObject({ node, op, step: 1 });
  expect(found.firstDifference?.maxRelDiff).toBeGreaterThan(1e-3);
});

test("a difference that shows later is found at its step", async () => {
  const other = { ...weights, buffers: new Map(weights.buffers) };
  const file = exportOnnx(model, other, { form: "step", batch: 2 });
  // The carry of the second position gets lost on its way out: the first step does not show it.
  const nodes = file.graph.nodes.map((node) =>
    node.name === "z_L_next" ? { ...node, op: "Mul", inputs: [...node.inputs, "constant/lost"] } : node,
  );
  const lost = { name: "constant/lost", type: "float32" as const, dims: [], bytes: new Uint8Array(4) };
  const graph = { ...file.graph, nodes, initializers: [...file.graph.initializers, lost] };
  const found = await verifyOnnx(encodeModel({ ...file, graph }), { model, weights }, puzzles, {
    ...{ ...options, locate: true, tolerance: 1e-4 },
  });
  expect(found.ok).toBe(false);
  expect(found.maxAbsDiffBySteps[0]).toBeLessThan(1e-4);
  expect(found.maxAbsDiffBySteps[1]).toBeGreaterThan(1e-4);
  expect(found.firstDifference).toBeUndefined(); // each node does the right thing with what it is given
});

test("a solve can be compared but not looked into", async () => {
  const bytes = fileOf({ form: "solve", steps: 2, loop: true }, spoiled("lm_head.weight"));
  const found = await verifyOnnx(bytes, { model, weights }, puzzles, options);
  expect(found.ok).toBe(false);
  await expect(verifyOnnx(bytes, { model, weights }, puzzles, { ...options, locate: true })).rejects.toThrow(
    "only a file of the step form can be looked into node by node",
  );
  await expect(verifyOnnx(bytes, { model, weights }, puzzles, { ...options, steps: 3 })).rejects.toThrow(
    "the file solves in 2 steps, 3 are asked for",
  );
});
