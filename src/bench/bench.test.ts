// What a measurement and a profile say, on a case of milliseconds. Times themselves are nobody's promise.

import { describe, expect, test } from "vitest";
import { makeNativeExecutor } from "../engine/executors/native/native.ts";
import { makeReferenceExecutor } from "../engine/executors/reference/reference.ts";
import { flopsPerRow } from "../engine/flops.ts";
import { addon } from "../engine/testing/native.ts";
import { makeModel } from "../models/index.ts";
import { benchCases, findCases } from "./cases.ts";
import { measureCase } from "./measure.ts";
import { type ProfileGrouping, profileCase } from "./profile.ts";
import { BENCH_MODES } from "./workload.ts";

const [tiny] = findCases(["tiny"]);
const expected: Record<ProfileGrouping, string[]> = {
  kernel: ["linear", "linearGradWeight", "attentionGrad", "addRmsNorm", "waiting, dispatch"],
  scope: [
    ...["forward", "backward"].flatMap((pass) => [
      `${pass} L_level.layers.0`,
      `${pass} L_level.layers.0.mlp`,
      `${pass} L_level.layers.0.self_attn`,
      `${pass} between layers`,
      `${pass} heads`,
      `${pass} input`,
      `${pass} loss`,
    ]),
    "waiting, dispatch",
  ],
};
const native = describe.skipIf(addon === undefined);

test("the cases are those of the design, and every one builds its graphs", async () => {
  const listed = benchCases().filter(({ hidden }) => !hidden);
  const sizes = await Promise.all(
    listed.map(async ({ name, batch, load }) => {
      const { model, shape } = await load();
      const { tokens, hiddenSize, effectiveDepth, trainingGraph } = makeModel(model, shape);
      const gflops = flopsPerRow(trainingGraph({ lossScale: 1 })) / 1e9;
      return `${name}: batch ${batch}, ${tokens} × ${hiddenSize}, depth ${effectiveDepth}, ${gflops.toPrecision(4)} GFLOP`;
    }),
  );
  expect(sizes.join("\n")).toMatchInlineSnapshot(`
    "sudoku-mlp: batch 64, 97 × 512, depth 42, 42.72 GFLOP
    sudoku-attention: batch 64, 97 × 512, depth 42, 47.63 GFLOP
    maze: batch 8, 916 × 512, depth 30, 398.1 GFLOP
    arc: batch 8, 916 × 512, depth 30, 398.1 GFLOP
    narrow-81: batch 64, 81 × 128, depth 42, 3.209 GFLOP
    narrow-729: batch 16, 729 × 128, depth 42, 45.81 GFLOP
    sudoku-6x6: batch 64, 36 × 32, depth 6, 0.04252 GFLOP"
  `);
});

test("cases are found by name, all of them by `all`, a mistyped one is told the nearest", () => {
  expect(findCases(["arc", "maze"]).map(({ name }) => name)).toEqual(["arc", "maze"]);
  expect(findCases(["all"]).map(({ name }) => name)).not.toContain("tiny");
  expect(findCases([]).map(({ name }) => name)).toEqual(["sudoku-mlp", "sudoku-6x6"]);
  expect(() => findCases(["narow-81"])).toThrow("unknown case narow-81");
});

test("an executor without a peak is refused", async () => {
  await expect(measureCase(makeReferenceExecutor(), tiny, "train", { seconds: 0.01 })).rejects.toThrow(
    "the reference backend has no peak",
  );
});

native("on the native executor", () => {
  test.each(BENCH_MODES)("a measurement in mode %s agrees with itself", async (mode) => {
    const executor = await makeNativeExecutor({ threads: 2 });
    const result = await measureCase(executor, tiny, mode, { seconds: 0.02, batch: 6, microBatch: 2 });
    const { model, shape } = await tiny.load();
    const { trainingGraph, evaluationGraph } = makeModel(model, shape);
    const flops = flopsPerRow(mode === "train" ? trainingGraph({ lossScale: 1 }) : evaluationGraph());
    const batch = mode === "latency" ? 1 : 6;
    expect(result).toMatchObject({ case: "tiny", mode, dtype: "float32", backend: "native", threads: 2 });
    expect(result).toMatchObject({
      batch,
      microBatch: 2,
      isa: executor.description.isa,
      supervisionSteps: 3,
    });
    expect(result.exStepsPerSecond).toBeCloseTo(batch / result.seconds.median, 6);
    expect(result.tflops).toBeCloseTo((result.exStepsPerSecond * flops) / 1e12, 12);
    expect(result.fractionOfPeak).toBeCloseTo(result.tflops / result.peakTflops, 12);
    const { median, min, max } = result.seconds;
    expect(min).toBeGreaterThan(0);
    expect([min, median, max]).toEqual([min, median, max].sort((a, b) => a - b));
    expect(result.repetitions).toBeGreaterThanOrEqual(3);
    expect(result.examplesMeasured % (batch * result.repetitions)).toBe(0);
    expect(result.arenaMiB).toBeGreaterThan(0);
    expect(result.peakRssMiB).toBeGreaterThan(result.arenaMiB);
    expect(result.secondsPerPuzzle).toBe(mode === "latency" ? 3 * median : undefined);
  });

  test.each<ProfileGrouping>(["kernel", "scope"])("the rows of a profile by %s add up", async (by) => {
    const profile = await profileCase((onTiming) => makeNativeExecutor({ threads: 2, onTiming }), tiny, {
      seconds: 0.02,
      batch: 6,
      microBatch: 2,
      by,
    });
    const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
    expect(total(profile.rows.map((row) => row.milliseconds))).toBeCloseTo(profile.stepMilliseconds, 6);
    expect(total(profile.rows.map(({ share }) => share))).toBeCloseTo(1, 9);
    expect(profile.rows.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
    expect(profile.steps).toBeGreaterThanOrEqual(2);
    // All FLOP of the graph are somewhere in the rows.
    const { model, shape } = await tiny.load();
    const flops = 6 * flopsPerRow(makeModel(model, shape).trainingGraph({ lossScale: 1 }));
    const counted = profile.rows.map((row) => (row.gflopsPerSecond ?? 0) * row.milliseconds * 1e6);
    expect(total(counted) / flops).toBeCloseTo(1, 9);
    const graphRows = profile.rows.filter(({ kind }) => kind === "graph").map(({ name }) => name);
    expect(graphRows).toEqual(expect.arrayContaining(expected[by]));
    const stepRows = profile.rows.filter(({ kind }) => kind === "step").map(({ name }) => name);
    expect(stepRows.toSorted()).toEqual([
      "clearing gradient sums",
      "gathering puzzle vectors",
      "halting",
      "metrics",
      "optimizer",
      "puzzle table",
      "rest of the step",
      "taking fresh rows",
    ]);
  });
});
