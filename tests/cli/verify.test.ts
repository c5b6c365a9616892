// `whorl verify`: exported files against the engine, and what it says of those that do not agree.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registerVerify } from "../../src/cli/verify.ts";
import { exportOnnx } from "../../src/onnx/export.ts";
import { exportOnnxFile } from "../../src/onnx/export-file.ts";
import { encodeModel } from "../../src/onnx/proto.ts";
import { fakeModel, writeFakeModel } from "./fake-model.ts";
import { runCommand } from "./run-command.ts";

let folder: string;
let model: string;
let step: string;
let puzzles: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "whorl-verify-"));
  model = await writeFakeModel(join(folder, "four"), 4);
  step = join(folder, "step.onnx");
  await exportOnnxFile(model, step, { form: "step" });
  puzzles = join(folder, "puzzles.csv");
  const rows = ["1.3.34..2..34..1", ".2.4..1..1..4..1", "..3....221......"];
  writeFileSync(
    puzzles,
    ["source,question,answer,rating", ...rows.map((row) => `x,${row},1234341221434321,0`)].join("\n"),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function verify(file: string, ...words: string[]) {
  const before = process.exitCode;
  const runtime = ["--runtime", "onnxruntime-web", "--data", puzzles];
  const result = await runCommand(registerVerify, ["verify", file, ...runtime, ...words]);
  const exitCode = process.exitCode ?? result.exitCode;
  process.exitCode = before;
  return { ...result, exitCode: result.error === "" ? exitCode : result.exitCode };
}

test("a file agrees with the weights in it and with the model it was made from", async () => {
  const alone = await verify(step, "--json");
  expect(alone.error).toBe("");
  expect(JSON.parse(alone.stdout)).toMatchObject({
    ok: true,
    rows: 3,
    steps: 3,
    sameAnswers: 3,
    form: "step",
  });
  const beside = await verify(step, "--model", model, "--steps", "2", "--limit", "2");
  expect(beside.exitCode).toBe(0);
  expect(beside.stdout).toMatch(
    /^agrees with the engine: 2 of 2 answers are the same after 2 steps\nlogits differ by at most \S+, \S+ of the largest \(onnxruntime-web wasm 1\.\S+\)\na puzzle takes \S+ m?s there, \S+ m?s in the engine\n$/,
  );
});

test("a file of other weights does not agree with the model, and the node is named", async () => {
  const { config, model: same, weights } = await fakeModel(4);
  const numbers = weights.weights.slice();
  numbers[weights.layout.offsets.get("L_level.layers.0.mlp.down_proj.weight") ?? 0] += 0.5;
  const other = join(folder, "other.onnx");
  writeFileSync(
    other,
    encodeModel(exportOnnx(same, { ...weights, weights: numbers }, { form: "step", config })),
  );
  const found = await verify(other, "--model", model, "--locate");
  expect(found.exitCode).toBe(3);
  expect(found.stdout).toContain("does not agree with the engine");
  expect(found.stdout).toContain("first to differ: cycle0.L_level.layers.0.mlp/down_proj (linear)");
  expect((await verify(other)).stdout).toMatch(/^agrees with the engine/);
});

test("wrong words and files end in a message", async () => {
  expect((await verify(join(folder, "none.onnx"))).error).toContain("none.onnx");
  expect(await verify(step, "--runtime", "tensorflow")).toMatchObject({
    error: expect.stringContaining("--runtime takes onnxruntime-node or onnxruntime-web, not 'tensorflow'"),
    exitCode: 2,
  });
  expect((await verify(step, "--tolerance", "small")).exitCode).toBe(2);
  const half = join(folder, "half.onnx");
  writeFileSync(half, readFileSync(step).subarray(0, 1000));
  expect((await verify(half)).error).toContain("this is no ONNX file, or a damaged one");
});
