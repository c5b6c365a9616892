// TRM's ablations as behaviour of one supervision step, where no published code is there to be compared with: two networks,
// one-step gradient and a continue loss together are HRM; a tied head; no halting.

import { expect, test } from "vitest";
import type { Buffer } from "../../engine/executors/executor.ts";
import { makeReferenceExecutor } from "../../engine/executors/reference/reference.ts";
import { runGraph } from "../../engine/testing/sample.ts";
import type { RecursiveModel } from "../model.ts";
import { tinyModel } from "../testing/tiny-models.ts";
import { bufferOf, drawContents, rowOf, TINY_SHAPE, tinyTrm, VARIANTS } from "../testing/tiny-trm.ts";

const ROWS = 4;
const executor = makeReferenceExecutor("float64");

function trainingGraph(model: RecursiveModel) {
  return model.trainingGraph({ lossScale: 1 / ROWS, trace: true });
}

function run(model: RecursiveModel, contents: Record<string, Buffer>) {
  return runGraph(executor, trainingGraph(model), contents, ROWS);
}

test.each(VARIANTS)(
  "with %s: two networks, one-step gradient and a continue loss make HRM, to the bit",
  async (_, mixing) => {
    const common = {
      ...{
        hiddenSize: 8,
        numHeads: 2,
        expansion: 1,
        puzzleEmbLen: 1,
        haltMaxSteps: 4,
        forwardDtype: "float32",
      },
      ...{ layers: 2, hCycles: 2, lCycles: 3, ...mixing },
    };
    const ablation = { separateNetworks: true, gradient: "one-step", noActContinue: false };
    const trm = tinyModel({ ...common, ...ablation, arch: "trm" });
    const hrm = tinyModel({ ...common, hLayers: 2, arch: "hrm" });
    expect(trm.parameters).toEqual(hrm.parameters);
    expect([trm.buffers, trm.carry, trm.constants]).toEqual([hrm.buffers, hrm.carry, hrm.constants]);
    expect(trm.effectiveDepth).toBe(hrm.effectiveDepth);
    for (const [halt, goOn] of [
      [1, 2],
      [-2, -3],
      [1, 1],
    ])
      expect(trm.wantsToHalt(halt, goOn)).toBe(hrm.wantsToHalt(halt, goOn));
    const contents = drawContents(hrm, trainingGraph(hrm), ROWS);
    expect(await run(trm, contents)).toEqual(await run(hrm, contents));
  },
);

test("the continue target: the halting logit at the last step, else the larger of both, after one more step", async () => {
  const model = tinyTrm({ noActContinue: false });
  const contents = drawContents(model, trainingGraph(model), ROWS);
  const found = await run(model, contents);
  const { z_H, z_L } = found;
  const next = await run(model, { ...contents, z_H, z_L, reset: new Int32Array(ROWS) });
  const last = bufferOf(contents, "last");
  expect(Array.from(last)).toEqual([0, 1, 0, 1]);
  for (let row = 0; row < ROWS; row++) {
    const [halt, goOn] = rowOf(bufferOf(next, "q_logits"), row, ROWS);
    const target = 1 / (1 + Math.exp(-(last[row] ? halt : Math.max(halt, goOn))));
    expect(found.target_q_continue[row]).toBeCloseTo(target, 12);
    const logit = rowOf(bufferOf(found, "q_logits"), row, ROWS)[1];
    const loss = Math.log1p(Math.exp(logit)) - target * logit;
    expect(found.q_continue_loss[row]).toBeCloseTo(loss, 10);
  }
  const single = tinyTrm({ noActContinue: false, haltMaxSteps: 1 });
  expect([...trainingGraph(single).outputs.keys()]).not.toContain("q_continue_loss");
});

test("a tied head: answer · tableᵀ, no table of its own, and the gradient of both uses", async () => {
  const [tied, own] = [tinyTrm({ tiedHead: true }), tinyTrm()];
  expect(own.parameters.filter(({ name }) => name !== "lm_head.weight")).toEqual(tied.parameters);
  const contents = drawContents(tied, trainingGraph(tied), ROWS);
  const found = await run(tied, contents);
  const table = bufferOf(contents, "embed_tokens.embedding_weight");
  const cells = rowOf(bufferOf(found, "z_H"), 1, ROWS).slice(2 * 8);
  const logits = Array.from({ length: TINY_SHAPE.seqLen * TINY_SHAPE.vocabSize }, (_, i) => {
    const line = rowOf(table, i % TINY_SHAPE.vocabSize, TINY_SHAPE.vocabSize);
    const cell = Math.floor(i / TINY_SHAPE.vocabSize);
    return line.reduce((sum, x, j) => sum + x * cells[cell * 8 + j], 0);
  });
  rowOf(bufferOf(found, "logits"), 1, ROWS).forEach((x, i) => {
    expect(x).toBeCloseTo(logits[i], 12);
  });
  const blank = { "lm_head.weight": table, "grad.lm_head.weight": new Float64Array(table.length) };
  const apart = await run(own, { ...contents, ...blank });
  const head = bufferOf(apart, "grad.lm_head.weight");
  const input = bufferOf(apart, "grad.embed_tokens.embedding_weight");
  bufferOf(found, "grad.embed_tokens.embedding_weight").forEach((x, i) => {
    expect(x).toBeCloseTo(head[i] + input[i], 12);
  });
});

test("without halting rows that ask to stop do so at evaluation only", () => {
  const model = tinyTrm({ halting: false });
  expect([model.haltsInTraining, model.wantsToHalt(9, -9), model.wantsToHalt(-9, 9)]).toEqual([
    false,
    true,
    false,
  ]);
  expect(tinyTrm().haltsInTraining).toBe(true);
});

test("latents: call i replaces latent i, all enter as their sum", async () => {
  const model = tinyTrm({ latents: 2, lCycles: 2, hCycles: 1 });
  expect([...model.carry.keys()]).toEqual(["z_H", "z_L1", "z_L2"]);
  expect(model.buffers.map(({ name }) => name)).toEqual(["H_init", "L1_init", "L2_init"]);
  const contents = { ...drawContents(model, trainingGraph(model), ROWS), reset: new Int32Array(ROWS) };
  const found = await run(model, contents);
  // Swapped, the first call reads the same sum; the second finds another latent beside what the first made.
  const [one, two] = [bufferOf(contents, "z_L1"), bufferOf(contents, "z_L2")];
  const swapped = await run(model, { ...contents, z_L1: two, z_L2: one });
  expect(swapped.z_L1).toEqual(found.z_L1);
  expect(swapped.z_L2).not.toEqual(found.z_L2);
});
