// Every architecture through the same commands: trained, evaluated, asked to solve, exported to ONNX and compared, to a
// PyTorch file and back. Two steps of training: what they answer does not matter, that every command takes them does.

import { join } from "node:path";
import { expect, test } from "vitest";
import { registerEval } from "../../src/cli/eval.ts";
import { registerExport } from "../../src/cli/export.ts";
import { registerImport } from "../../src/cli/import.ts";
import { registerParams } from "../../src/cli/params.ts";
import { registerSolve } from "../../src/cli/solve.ts";
import { registerTrain } from "../../src/cli/train.ts";
import { registerVerify } from "../../src/cli/verify.ts";
import { temporaryFolder } from "../temporary-files.ts";
import { runCommand } from "./run-command.ts";

const folder = temporaryFolder();
const boards = ["data.size=4", "data.generate.clues=6"];
const few = [
  ...["data.generate.train=20", "data.generate.validation=2", "data.generate.test=4", "train.steps=2"],
  ...["train.globalBatchSize=4", "train.quickEval.everySteps=0"],
];

const ARCHITECTURES: readonly (readonly [name: string, words: readonly string[]])[] = [
  ["trm", ["sudoku-4x4", "model.latents=2", "model.lCycles=2"]],
  ["hrm", ["sudoku-4x4", "model.arch=hrm", "model.layers=1", "model.hLayers=1"]],
  ["direct", ["sudoku-6x6-direct", "model.layers=2"]],
  ["three-stream", ["sudoku-6x6-three-stream"]],
];

async function told(register: Parameters<typeof runCommand>[0], ...words: string[]) {
  const { stdout, error } = await runCommand(register, [...words, "--json"]);
  expect(error).toBe("");
  return JSON.parse(stdout);
}

test.each(ARCHITECTURES)("%s", async (name, words) => {
  const at = (ending: string) => join(folder, `${name}${ending}`);
  const trained = await told(registerTrain, "train", ...words, ...boards, ...few, "--out", at(""));
  expect(trained).toMatchObject({ step: 2, stopped: "finished" });

  const params = await told(registerParams, "params", at(""));
  expect(trained.flops).toBe(2 * 4 * params.flopsPerExampleStep);

  const evaluated = await told(registerEval, "eval", at(""), "--steps", "3");
  expect(evaluated).toMatchObject({ puzzles: 4, halting: { histogram: expect.any(Array) } });
  expect(evaluated.bySteps.length).toBe(3);

  const [solved] = await told(registerSolve, "solve", at(""), "1.3.34..2..34..1");
  expect(solved.answer).toHaveLength(16);

  const onnx = at(".onnx");
  const exported = await told(registerExport, "export", at(""), "--to", "onnx", "--out", onnx);
  expect(exported.parameters).toBeGreaterThanOrEqual(params.network);
  const runtime = ["--runtime", "onnxruntime-web", "--steps", "2", "--limit", "3"];
  expect(await told(registerVerify, "verify", onnx, ...runtime)).toMatchObject({ ok: true, sameAnswers: 3 });

  await told(registerExport, "export", at(""), "--to", "torch", "--out", at(".pt"));
  const imported = await told(registerImport, "import", at(".pt"), "--out", at(".safetensors"));
  expect(imported.parameters).toBe(params.network);
});
