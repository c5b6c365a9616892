import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { writeFakeModel } from "../../tests/cli/fake-model.ts";
import { exportOnnx } from "../onnx/export.ts";
import { encodeModel } from "../onnx/proto.ts";
import { openModel } from "../runs/open-model.ts";
import { loadModel } from "./load-model.ts";
import type { SolverStep } from "./solver.ts";

const PUZZLE = "1.3..4..2..1.3..";

let folder: string;
let weights: string;
let onnx: Uint8Array;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "whorl-embed-"));
  weights = await writeFakeModel(join(folder, "four"), 4);
  const opened = await openModel(weights);
  onnx = encodeModel(exportOnnx(opened.model, opened.weights, { form: "step", config: opened.config }));
});

async function all(steps: AsyncIterable<SolverStep>): Promise<SolverStep[]> {
  const found: SolverStep[] = [];
  for await (const step of steps) found.push(step);
  return found;
}

test("a weights file, an ONNX file, its bytes and ONNX Runtime answer alike, in text and in tokens", async () => {
  const path = join(folder, "four.onnx");
  writeFileSync(path, onnx);
  const model = await loadModel(weights);
  const expected = await all(model.solve(PUZZLE));
  expect(model).toMatchObject({ title: "sudoku 4×4", steps: 3, runsOn: expect.stringMatching(/^reference/) });
  expect(expected.map(({ step, done }) => [step, done])).toEqual([
    [1, false],
    [2, false],
    [3, true],
  ]);
  for (const { tokens, board, haltProbability, valid, problem } of expected) {
    expect(board).toBe(Array.from(tokens, (token) => (token < 2 ? "." : token - 1)).join(""));
    expect(haltProbability).toBeGreaterThan(0);
    expect([valid, typeof problem]).toEqual([false, "string"]);
  }
  const tokens = Array.from(PUZZLE, (cell) => (cell === "." ? 1 : Number(cell) + 1));
  for (const [source, options] of [
    [path, {}],
    [onnx, {}],
    [onnx, { runtime: "onnxruntime-web" }],
  ] as const) {
    const other = await loadModel(source, options);
    const found = await all(other.solve(tokens));
    expect(found.map(({ board }) => board)).toEqual(expected.map(({ board }) => board));
    expect(found.map((step) => step.haltProbability)).toEqual(
      expected.map((step) => expect.closeTo(step.haltProbability, 4)),
    );
    await other.close();
  }
});

test("puzzles under way at once do not disturb each other", async () => {
  const model = await loadModel(weights);
  const [first, second] = [PUZZLE, "................"];
  const alone = [await all(model.solve(first)), await all(model.solve(second))];
  const [a, b] = [model.solve(first), model.solve(second)];
  const together: SolverStep[][] = [[], []];
  for (let step = 0; step < 3; step++)
    for (const [i, solve] of [a, b].entries()) together[i].push((await solve.next()).value as SolverStep);
  expect(together).toEqual(alone);
});

test("a solve ends when its signal is aborted, at the first sure step, or after as many steps as asked", async () => {
  const model = await loadModel(weights);
  const abort = new AbortController();
  const seen: number[] = [];
  const aborted = (async () => {
    for await (const { step } of model.solve(PUZZLE, { signal: abort.signal, steps: 1000 })) {
      seen.push(step);
      if (step === 2) abort.abort();
    }
  })();
  await expect(aborted).rejects.toMatchObject({ name: "AbortError" });
  expect(seen).toEqual([1, 2]);
  await expect(all(model.solve(PUZZLE, { signal: AbortSignal.abort() }))).rejects.toMatchObject({
    name: "AbortError",
  });
  expect((await all(model.solve(PUZZLE, { steps: 5 }))).length).toBe(5);
  const halted = await all(model.solve(PUZZLE, { halt: true, steps: 5 }));
  const sure = (await all(model.solve(PUZZLE, { steps: 5 }))).findIndex((step) => step.haltProbability > 0.5);
  expect(halted.length).toBe(sure < 0 ? 5 : sure + 1);
  expect(halted.at(-1)?.done).toBe(true);
});

test("what cannot be is refused in words", async () => {
  const model = await loadModel(weights);
  const refused = (...words: Parameters<typeof model.solve>) => expect(all(model.solve(...words))).rejects;
  await refused("11..............").toThrow("the givens contradict each other: two 1s in row 1");
  await refused("1".padEnd(36, ".")).toThrow("the Sudoku is 6 × 6, the model solves 4 × 4");
  await refused([1, 2]).toThrow("the puzzle has 2 tokens");
  await refused(new Array(16).fill(9)).toThrow("token 1 of the puzzle is 9");
  await refused(PUZZLE, { steps: 0 }).toThrow("steps must be a whole number from 1, not 0");
  await refused(PUZZLE, { identifier: 3 }).toThrow("identifier must be a whole number from 0 to 0, not 3");
  await expect(loadModel(join(folder, "nothing"))).rejects.toThrow("there is no");
  await expect(loadModel(weights, { runtime: "onnxruntime-web" })).rejects.toThrow(
    "ONNX Runtime runs ONNX files",
  );
});
