// The traps of spec/tutorial-trm.md section 2 as behaviour of one supervision step in float64.

import { expect, test } from "vitest";
import type { Buffer } from "../../engine/executors/executor.ts";
import { makeReferenceExecutor } from "../../engine/executors/reference/reference.ts";
import { runGraph } from "../../engine/testing/sample.ts";
import type { RecursiveModel } from "../model.ts";
import { tinyModel } from "../testing/tiny-models.ts";
import { bufferOf, drawContents, rowOf, TINY_SHAPE } from "../testing/tiny-trm.ts";
import { threeStreamConfigSchema } from "./config.ts";

const ROWS = 4;
const D = 8;
const executor = makeReferenceExecutor("float64");

const VARIANTS = [
  ["attention", {}],
  ["token mixing", { mlpT: true }],
  ["puzzle vectors", { puzzleEmbNdim: 6 }],
] as const;

function tiny(settings: Readonly<Record<string, unknown>> = {}): RecursiveModel {
  return tinyModel({
    ...{ arch: "three-stream", hiddenSize: D, numHeads: 2, expansion: 2, layers: 1, latentLength: 3 },
    ...{ reasoningPasses: 2, refinementPasses: 2, haltMaxSteps: 4, ...settings },
  });
}

const trainingGraph = (model: RecursiveModel) => model.trainingGraph({ lossScale: 1 / ROWS, trace: true });

function draw(model: RecursiveModel) {
  return drawContents(model, trainingGraph(model), ROWS);
}

function run(model: RecursiveModel, contents: Record<string, Buffer>) {
  return runGraph(executor, trainingGraph(model), contents, ROWS);
}

function cellsOf(logits: Buffer, row: number): number[][] {
  const numbers = rowOf(logits, row, ROWS);
  const { seqLen, vocabSize } = TINY_SHAPE;
  return Array.from({ length: seqLen }, (_, cell) => numbers.slice(cell * vocabSize, (cell + 1) * vocabSize));
}

test.each(VARIANTS)(
  "%s: only with mixing silenced is a cell's answer its own affair",
  async (_, settings) => {
    const model = tiny(settings);
    for (const isSilent of [true, false]) {
      const contents = draw(model);
      if (isSilent)
        for (const [name, numbers] of Object.entries(contents))
          if (/^layers.*\.(attn\.out_proj|mix\.down_proj)/.test(name)) numbers.fill(0);
      const before = await run(model, contents);
      const inputs = bufferOf(contents, "inputs").slice();
      inputs[2] = (inputs[2] + 1) % TINY_SHAPE.vocabSize; // cell 2 of row 0, which starts afresh
      const after = await run(model, { ...contents, inputs });
      const changed = cellsOf(after.logits, 0).flatMap((cell, i) =>
        cell.join() === cellsOf(before.logits, 0)[i].join() ? [] : [i],
      );
      expect(changed).toEqual(isSilent ? [2] : [0, 1, 2, 3, 4]);
      for (const row of [1, 2, 3]) expect(cellsOf(after.logits, row)).toEqual(cellsOf(before.logits, row));
    }
  },
);

test.each(VARIANTS)("%s: labels reach the losses and nothing else", async (_, settings) => {
  const model = tiny(settings);
  const contents = draw(model);
  const given = await run(model, contents);
  const other = await run(model, { ...contents, labels: bufferOf(contents, "labels").toReversed() });
  for (const name of ["logits", "preds", "q_logits", "y", "z"]) expect(other[name]).toEqual(given[name]);
  expect(other.lm_loss).not.toEqual(given.lm_loss);
});

test.each(VARIANTS)(
  "%s: what a slot held before its new puzzle never shows, not even NaN",
  async (_, settings) => {
    const model = tiny(settings);
    const contents = draw(model);
    const expected = await run(model, contents);
    const reset = bufferOf(contents, "reset");
    expect(Array.from(reset)).toEqual([1, 0, 1, 0]);
    const carry = (change: (x: number, isFresh: boolean) => number) =>
      Object.fromEntries(
        Array.from(model.carry.keys(), (name): [string, Buffer] => {
          const numbers = bufferOf(contents, name);
          return [
            name,
            numbers.map((x, i) => change(x, reset[Math.floor((i * ROWS) / numbers.length)] === 1)),
          ];
        }),
      );
    const spoiled = carry((x, isFresh) => (isFresh ? Number.NaN : x));
    expect(await run(model, { ...contents, ...spoiled })).toEqual(expected);
    const moved = await run(model, { ...contents, ...carry((x) => -x) });
    expect(rowOf(moved.logits, 0, ROWS)).toEqual(rowOf(expected.logits, 0, ROWS));
    expect(rowOf(moved.logits, 1, ROWS)).not.toEqual(rowOf(expected.logits, 1, ROWS));
  },
);

test("a row starts from its question as the answer and from the learned scratch tokens", async () => {
  const model = tiny();
  const contents = draw(model);
  const fresh = await run(model, { ...contents, reset: new Int32Array(ROWS).fill(1) });
  const embedded = Float64Array.from({ length: ROWS * TINY_SHAPE.seqLen * D }, (_, i) => {
    const [at, j] = [Math.floor(i / D), i % D];
    const token = bufferOf(contents, "embed_tokens.embedding_weight")[
      bufferOf(contents, "inputs")[at] * D + j
    ];
    const position = bufferOf(contents, "embed_pos.embedding_weight")[(at % TINY_SHAPE.seqLen) * D + j];
    return token + position + bufferOf(contents, "embed_stream.answer")[j];
  });
  const z = Float64Array.from({ length: ROWS * 3 * D }, (_, i) => bufferOf(contents, "z_init")[i % (3 * D)]);
  const given = await run(model, { ...contents, reset: new Int32Array(ROWS), y: embedded, z });
  for (const name of ["logits", "q_logits", "y", "z"]) expect(given[name]).toEqual(fresh[name]);
});

test("heads: answer · tableᵀ, halting from the mean answer, the continue logit 0", async () => {
  const model = tiny();
  const contents = draw(model);
  const found = await run(model, contents);
  const y = rowOf(bufferOf(found, "y"), 1, ROWS);
  const table = bufferOf(contents, "embed_tokens.embedding_weight");
  cellsOf(found.logits, 1).forEach((logits, cell) => {
    logits.forEach((logit, token) => {
      const line = rowOf(table, token, TINY_SHAPE.vocabSize);
      expect(logit).toBeCloseTo(
        line.reduce((sum, x, j) => sum + x * y[cell * D + j], 0),
        12,
      );
    });
  });
  const head = bufferOf(contents, "q_head.weight");
  const mean = y.reduce((sum, x, i) => sum + (x * head[i % D]) / TINY_SHAPE.seqLen, 0);
  const [halt, goOn] = rowOf(bufferOf(found, "q_logits"), 1, ROWS);
  expect(halt).toBeCloseTo(mean + bufferOf(contents, "q_head.bias")[0], 6); // the pool's weights are float32
  expect(goOn).toBe(0);
});

test("rising weights scale each row's gradient, not its measures", async () => {
  const [equal, rising] = [tiny(), tiny({ supervision: "rising" })];
  expect([equal.weighsSteps, rising.weighsSteps]).toEqual([false, true]);
  const contents = draw(equal);
  const plain = await run(equal, contents);
  const double = await run(rising, { ...contents, loss_weight: new Float64Array(ROWS).fill(2) });
  expect(double.lm_loss).toEqual(plain.lm_loss);
  const [once, twice] = [plain, double].map((found) => bufferOf(found, "grad.z_init"));
  once.forEach((x, i) => {
    expect(twice[i]).toBeCloseTo(2 * x, 14);
  });
});

test("settings that do not fit together are refused", () => {
  const problems = (settings: Record<string, unknown>) => {
    const { error } = threeStreamConfigSchema.safeParse({ arch: "three-stream", ...settings });
    return error?.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`) ?? [];
  };
  expect(problems({ hiddenSize: 10 })).toEqual(["numHeads: a divisor of hiddenSize, which is 10"]);
  expect(problems({ hiddenSize: 10, mlpT: true })).toEqual([]);
  expect(problems({ puzzleEmbNdim: 300 })).toEqual([
    "puzzleEmbNdim: at most hiddenSize, which is 256: it fills one token",
  ]);
});
