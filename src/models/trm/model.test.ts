// The published sizes, and the traps of spec/trm.md section 17 as behaviour of one supervision step in float64.

import { describe, expect, test } from "vitest";
import type { Buffer } from "../../engine/executors/executor.ts";
import { makeReferenceExecutor } from "../../engine/executors/reference/reference.ts";
import { flopsPerRow } from "../../engine/flops.ts";
import { runGraph } from "../../engine/testing/sample.ts";
import { countParameters } from "../../nn/parameters.ts";
import type { RecursiveModel } from "../model.ts";
import { bufferOf, drawContents, rowOf, TINY_SHAPE, tinyTrm, VARIANTS } from "../testing/tiny-trm.ts";
import { type TrmConfig, trmConfigSchema } from "./config.ts";
import { makeTrm } from "./model.ts";

const SHAPES = {
  sudoku: { seqLen: 81, vocabSize: 11, numPuzzleIdentifiers: 1 },
  maze: { seqLen: 900, vocabSize: 6, numPuzzleIdentifiers: 1 },
  arc: { seqLen: 900, vocabSize: 12, numPuzzleIdentifiers: 876406 },
};

function published(task: keyof typeof SHAPES, settings: Partial<TrmConfig> = {}): RecursiveModel {
  return makeTrm(trmConfigSchema.parse(settings), SHAPES[task]);
}

const MIXING = { mlpT: true, posEncodings: "none" } as const;
const executor = makeReferenceExecutor("float64");

/** One supervision step on given inputs: outputs and the new carry. */
function step(model: RecursiveModel, contents: Record<string, Buffer>, rows: number) {
  return runGraph(executor, model.evaluationGraph({ logits: true }), contents, rows);
}

function drawStep(model: RecursiveModel, rows: number, seed?: number) {
  return drawContents(model, model.evaluationGraph({ logits: true }), rows, seed);
}

describe("published sizes", () => {
  test.each([
    ["sudoku", true, 5_028_866],
    ["sudoku", false, 6_828_034],
    ["maze", false, 6_822_914],
    ["maze", true, 18_795_522],
    ["arc", false, 6_829_058],
    ["arc", true, 18_801_666],
  ] as const)("weights for %s, token mixing %s: %d", (task, mixes, weights) => {
    expect(countParameters(published(task, mixes ? MIXING : {}).parameters)).toBe(weights);
  });

  // The paper's table of recursions. Its row T = 1, n = 2 says 7; T (n + 1) · layers is 6.
  test.each([
    [3, 6, 2, 42],
    [3, 3, 4, 48],
    [2, 2, 2, 12],
    [2, 4, 2, 20],
    [4, 8, 2, 72],
    [3, 12, 2, 78],
    [6, 6, 2, 84],
    [6, 12, 2, 156],
  ])("T = %d, n = %d, %d layers: effective depth %d", (hCycles, lCycles, layers, depth) => {
    expect(published("sudoku", { hCycles, lCycles, layers }).effectiveDepth).toBe(depth);
  });

  test.each([
    ["sudoku", MIXING, 0.61, 33, 0.41],
    ["sudoku", {}, 0.68, 37, 0.46],
    ["maze", { lCycles: 4 }, 7.96, 306, 3.8],
  ] as const)(
    "%s %j: %d G multiply-adds a call, %d TFLOP a step of 768 rows, %d TFLOP to evaluate a row",
    (task, settings, callGiga, stepTera, evaluationTera) => {
      const model = published(task, settings);
      const forward = flopsPerRow(model.evaluationGraph());
      const lCycles = "lCycles" in settings ? settings.lCycles : 6;
      const heads = 2 * 512 * (model.shape.seqLen * model.shape.vocabSize + 2);
      expect((forward - heads) / (3 * (lCycles + 1)) / 2e9).toBeCloseTo(callGiga, 2);
      const training = flopsPerRow(model.trainingGraph({ lossScale: 1 / 768 }));
      expect(Math.round((768 * training) / 1e12)).toBe(stepTera);
      expect((16 * forward) / 1e12).toBeCloseTo(evaluationTera, evaluationTera < 1 ? 2 : 1);
    },
  );

  test("positions include the prefix, whose length may follow from the puzzle vector", () => {
    expect(published("sudoku").tokens).toBe(97);
    expect(published("sudoku", { puzzleEmbNdim: 700, puzzleEmbLen: 0 }).tokens).toBe(83);
    expect(published("sudoku", { puzzleEmbNdim: 0, puzzleEmbLen: 0 }).tokens).toBe(81);
    const { constants } = published("sudoku");
    expect(constants.get("rope.cos")?.length).toBe(97 * 64);
  });

  test("a positive halting logit asks to stop, whatever the other output says", () => {
    const { wantsToHalt } = published("sudoku");
    expect([wantsToHalt(0, -9), wantsToHalt(1e-9, 9), wantsToHalt(-1e-9, -9)]).toEqual([false, true, false]);
  });
});

describe("the input", () => {
  /** e, the value that every call of the network is given anew. */
  async function inputOf(model: RecursiveModel, contents: Record<string, Buffer>, rows: number) {
    const graph = model.evaluationGraph({ logits: true });
    const last = graph.nodes.findLast(({ scope }) => scope === "input");
    graph.output("e", last?.outputs[0] ?? graph.inputs[0]);
    return bufferOf(await runGraph(executor, graph, contents, rows), "e");
  }

  test.each([
    [8, 2],
    [11, 2],
    [5, 3],
  ])(
    "a puzzle vector of %d fills the first prefix positions, times √D, zeros after",
    async (ndim, length) => {
      const model = tinyTrm({ puzzleEmbNdim: ndim, puzzleEmbLen: length });
      const contents = drawStep(model, 3);
      const e = await inputOf(model, contents, 3);
      for (let row = 0; row < 3; row++) {
        const found = rowOf(e, row, 3);
        const vector = rowOf(bufferOf(contents, "puzzle_rows"), row, 3);
        const expected = Array.from({ length: length * 8 }, (_, i) => (vector[i] ?? 0) * Math.sqrt(8));
        expect(found.slice(0, length * 8)).toEqual(expected);
        const tokens = rowOf(bufferOf(contents, "inputs"), row, 3);
        const table = bufferOf(contents, "embed_tokens.embedding_weight");
        const cells = tokens.flatMap((token) => rowOf(table, token, TINY_SHAPE.vocabSize));
        expect(found.slice(length * 8)).toEqual(cells.map((x) => x * Math.sqrt(8)));
      }
    },
  );

  test("learned positions are added everywhere, then both are shrunk by √½", async () => {
    const model = tinyTrm({ posEncodings: "learned" });
    const contents = drawStep(model, 1);
    const positions = Array.from(bufferOf(contents, "embed_pos.embedding_weight"));
    const plain = await inputOf(
      model,
      { ...contents, "embed_pos.embedding_weight": new Float64Array(56) },
      1,
    );
    const e = await inputOf(model, contents, 1);
    positions.forEach((x, i) => {
      expect(e[i]).toBeCloseTo(plain[i] + Math.SQRT1_2 * Math.sqrt(8) * x, 12);
    });
    expect(plain[0]).toBeCloseTo(Math.SQRT1_2 * Math.sqrt(8) * bufferOf(contents, "puzzle_rows")[0], 12);
  });
});

test.each(VARIANTS)(
  "heads of %s: halting logits from position 0, answers from behind the prefix",
  async (_, settings) => {
    const model = tinyTrm(settings);
    const contents = drawStep(model, 2);
    const found = await step(model, contents, 2);
    for (let row = 0; row < 2; row++) {
      const y = rowOf(bufferOf(found, "z_H"), row, 2);
      const position = (at: number) => y.slice(at * 8, (at + 1) * 8);
      const bias = bufferOf(contents, "q_head.bias");
      const q = [0, 1].map(
        (i) => dot(rowOf(bufferOf(contents, "q_head.weight"), i, 2), position(0)) + bias[i],
      );
      expectClose(rowOf(bufferOf(found, "q_logits"), row, 2), q);
      const head = bufferOf(contents, "lm_head.weight");
      const logits = Array.from({ length: 30 }, (_, i) =>
        dot(rowOf(head, i % 6, 6), position(2 + Math.floor(i / 6))),
      );
      expectClose(rowOf(bufferOf(found, "logits"), row, 2), logits);
    }
  },
);

test.each(VARIANTS)("rows of %s know nothing of each other", async (_, settings) => {
  const model = tinyTrm(settings);
  const contents = drawStep(model, 4);
  const together = await step(model, contents, 4);
  const inputs = model.evaluationGraph().inputs.filter(({ storage }) => storage === "row");
  const pick = (rows: number[]) => ({
    ...contents,
    ...Object.fromEntries(
      inputs.map(({ name }) => {
        const numbers = rows.flatMap((row) => rowOf(bufferOf(contents, name), row, 4));
        return [
          name,
          contents[name] instanceof Int32Array ? Int32Array.from(numbers) : Float64Array.from(numbers),
        ];
      }),
    ),
  });
  for (const order of [[2, 0, 3, 1], [1], [3, 3]]) {
    const picked = await step(model, pick(order), order.length);
    for (const name of Object.keys(together))
      order.forEach((row, i) => {
        expect(rowOf(picked[name], i, order.length), name).toEqual(rowOf(together[name], row, 4));
      });
  }
});

test.each(VARIANTS)(
  "what a slot of %s held before its new puzzle never shows, not even NaN",
  async (_, settings) => {
    const model = tinyTrm(settings);
    const graph = () => model.trainingGraph({ lossScale: 0.25, trace: true });
    const contents = drawContents(model, graph(), 4);
    const expected = await runGraph(executor, graph(), contents, 4);
    const reset = bufferOf(contents, "reset");
    expect(Array.from(reset)).toEqual([1, 0, 1, 0]);
    const spoiled = Object.fromEntries(
      Array.from(model.carry.keys(), (name) => {
        const numbers = bufferOf(contents, name);
        const size = numbers.length / 4;
        return [name, numbers.map((x, i) => (reset[Math.floor(i / size)] ? Number.NaN : x))];
      }),
    );
    expect(await runGraph(executor, graph(), { ...contents, ...spoiled }, 4)).toEqual(expected);
    // A row that goes on does use its state.
    const carry = Object.fromEntries(
      Array.from(model.carry.keys(), (name) => [name, bufferOf(contents, name).map((x) => x + 1)]),
    );
    const moved = await runGraph(executor, graph(), { ...contents, ...carry }, 4);
    expect(rowOf(moved.logits, 0, 4)).toEqual(rowOf(expected.logits, 0, 4));
    expect(rowOf(moved.logits, 1, 4)).not.toEqual(rowOf(expected.logits, 1, 4));
  },
);

test("with silent MLPs a call only adds and norms: token mixing over positions, then features", async () => {
  for (const [mlpT, silenced] of [
    [true, "mlp_t.down_proj"],
    [false, "self_attn.o_proj"],
  ] as const) {
    const model = tinyTrm({ mlpT, posEncodings: "none", layers: 1, lCycles: 1, rmsNormEps: 1e-5 });
    const contents = drawStep(model, 2);
    for (const name of Object.keys(contents))
      if (name.endsWith(`${silenced}.weight`) || name.endsWith("mlp.down_proj.weight"))
        contents[name].fill(0);
    contents.reset.fill(0);
    contents.puzzle_rows.fill(0);
    contents["embed_tokens.embedding_weight"].fill(0);
    const found = await step(model, contents, 2);
    for (let row = 0; row < 2; row++) {
      const [y, z] = ["z_H", "z_L"].map((name) => rowOf(bufferOf(contents, name), row, 2));
      const call = (h: number[]) => rms(mlpT ? rms(h, "positions") : rms(h, "features"), "features");
      const nextZ = call(z.map((x, i) => x + y[i]));
      expectClose(rowOf(bufferOf(found, "z_L"), row, 2), nextZ);
      expectClose(rowOf(bufferOf(found, "z_H"), row, 2), call(y.map((x, i) => x + nextZ[i])));
    }
  }
});

test("attention tells cells apart by positions only, token mixing by itself", async () => {
  /** Whether swapping two cells of the question swaps their answers and changes nothing else. */
  const isBlind = async (settings: Partial<TrmConfig>) => {
    const model = tinyTrm(settings);
    const contents = drawStep(model, 1);
    contents.inputs.set([1, 4, 2, 3, 0]);
    const before = await step(model, contents, 1);
    contents.inputs.set([4, 1, 2, 3, 0]);
    const after = await step(model, contents, 1);
    const cells = [1, 0, 2, 3, 4].flatMap((cell) => rowOf(before.logits, cell, 5));
    return cells.every((x, i) => Math.abs(x - after.logits[i]) < 1e-9);
  };
  expect(await isBlind({ posEncodings: "none" })).toBe(true);
  for (const [, settings] of VARIANTS) expect(await isBlind(settings)).toBe(false);
});

test("labels reach the losses and nothing else; a row without any counts as solved", async () => {
  const model = tinyTrm();
  const graph = () => model.trainingGraph({ lossScale: 1, trace: true });
  const contents = drawContents(model, graph(), 2);
  const labels = Int32Array.of(1, 2, -100, 3, 4, -100, -100, -100, -100, -100);
  const given = await runGraph(executor, graph(), { ...contents, labels }, 2);
  const other = await runGraph(executor, graph(), { ...contents, labels: labels.toReversed() }, 2);
  for (const name of ["logits", "preds", "q_logits", "z_H", "z_L"]) expect(other[name]).toEqual(given[name]);
  expect([given.labelled[1], given.exact[1], given.lm_loss[1]]).toEqual([0, 1, 0]);
  expect(Array.from(given.labelled)).toEqual([4, 0]);
  expect(other.lm_loss[0]).toBe(0);
  expect(other.lm_loss[0]).not.toBe(given.lm_loss[0]);
});

test("cycles, not calls, are what a supervision step repeats: T of one cycle are one of T", async () => {
  const contents = drawStep(tinyTrm(), 2);
  const whole = await step(tinyTrm({ hCycles: 3 }), contents, 2);
  let carry: Record<string, Buffer> = contents;
  for (let cycle = 0; cycle < 3; cycle++) {
    const { z_H, z_L, logits } = await step(tinyTrm(), carry, 2);
    carry = { ...contents, reset: new Int32Array(2), z_H, z_L, logits };
  }
  for (const name of ["z_H", "z_L", "logits"]) expectClose(Array.from(carry[name]), Array.from(whole[name]));
});

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

/** RMS norm of [7, 8], without weight. */
function rms(x: readonly number[], over: "positions" | "features"): number[] {
  const group = (i: number) => (over === "positions" ? i % 8 : Math.floor(i / 8));
  return x.map((value, i) => {
    const members = x.filter((_, j) => group(j) === group(i));
    return value / Math.sqrt(dot(members, members) / members.length + 1e-5);
  });
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  expect(Math.max(...actual.map((x, i) => Math.abs(x - expected[i])))).toBeLessThan(1e-12);
}
