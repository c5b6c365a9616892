// The executors of plans as their users see them: what they refuse, how lanes are laid out, and that they keep no memory.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Graph } from "../graph.ts";
import { linear, linearGradWeightOp } from "../ops/linear.ts";
import { addon, fastBackends, isas } from "../testing/native.ts";
import { buildRecipe, drawContents, smoothRecipes } from "../testing/random-graph.ts";
import { runGraph } from "../testing/sample.ts";
import type { Bindings } from "./executor.ts";
import { makeNativeExecutor } from "./native/native.ts";
import { makeReferenceExecutor } from "./reference/reference.ts";
import { makeWasmExecutor } from "./wasm/wasm.ts";

/** y = x · wᵀ [rows, 4 -> 3], and sum += yᵀ · x. */
function productGraph(): Graph {
  const graph = new Graph();
  const x = graph.input("x", ["rows", 4], { storage: "row" });
  const w = graph.input("w", [3, 4], { storage: "whole" });
  const sum = graph.input("sum", [3, 4], { storage: "lane" });
  const y = linear(graph, x, w);
  graph.output("y", y);
  graph.update(sum, graph.apply(linearGradWeightOp, [y, x, sum], {})[0]);
  return graph;
}

const bindings = (rows: number, lanes: number) => ({
  x: Float32Array.from({ length: 4 * rows }, (_, i) => (i % 4 === 0 ? 1 : 0)),
  w: Float32Array.of(1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0),
  sum: new Float32Array(12 * lanes),
  y: new Float32Array(3 * rows),
});

async function problemOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return "no problem";
  } catch (error) {
    return String(error);
  }
}

/** Ten ops in a row and back, in float32; wrong memory gives errors of the size of the numbers themselves. */
const CHAIN_TOLERANCE = 1e-4;

/** Plans are freed with their handles, by the garbage collector. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  for (let i = 0; i < 3; i++) {
    if (typeof collect === "function") collect();
    await new Promise((resolve) => setImmediate(resolve)); // finalizers run between tasks
  }
}

describe.each(fastBackends)("on $backend $isa", ({ backend, isThere, make }) => {
  test.skipIf(!isThere)("bindings that are missing, too short or of another width are refused", async () => {
    const executor = await make({ lanes: 2 });
    const program = executor.compile(productGraph(), { microBatch: 2 });
    const rows = 5;
    const good = bindings(rows, 2);
    const problem = (change: Record<string, Float32Array | undefined>) =>
      problemOf(() => program.run({ ...good, ...change } as Bindings, { rows })); // `as`: undefined is the point
    expect(await problem({ w: undefined })).toMatchInlineSnapshot(`"ToolError: nothing is bound to 'w'"`);
    expect(await problem({ x: good.x.subarray(1) })).toMatchInlineSnapshot(
      `"ToolError: 'x' is bound to 76 bytes, 80 are needed"`,
    );
    expect(await problem({ w: good.w.subarray(1) })).toMatchInlineSnapshot(
      `"ToolError: 'w' is bound to 44 bytes, 48 are needed"`,
    );
    expect(await problem({ y: good.y.subarray(1) })).toMatchInlineSnapshot(
      `"ToolError: 'y' is bound to 56 bytes, 60 are needed"`,
    );
    expect(await problem({ sum: good.sum.subarray(1) })).toMatchInlineSnapshot(
      `"ToolError: 'sum' is bound to 92 bytes, 96 are needed"`,
    );
    const wide = { ...good, x: Float64Array.from(good.x) };
    expect(await problemOf(() => program.run(wide, { rows }))).toMatchInlineSnapshot(
      `"ToolError: 'x' holds float in float32 and is bound to a Float64Array"`,
    );
    expect(await problemOf(() => program.run(good, { rows: rows + 1 }))).toContain("'x' is bound to");
    expect(good.y.every((y) => y === 0)).toBe(true); // nothing ran
    expect(await problem({})).toBe("no problem");
  });

  test.skipIf(!isThere)(
    "micro-batch i belongs to lane i modulo lanes; copies may lie apart, in larger arrays",
    async () => {
      const executor = await make({ lanes: 3, threads: 2 });
      const program = executor.compile(productGraph(), { microBatch: 2 });
      const rows = 9; // micro-batches of 2, 2, 2, 2, 1 rows: lanes 0, 1, 2, 0, 1
      const stride = 20;
      const sums = new Float32Array(3 * stride).fill(100);
      const bound = {
        ...bindings(rows, 3),
        sum: { data: sums.subarray(5, 2 * stride + 17), laneStride: stride },
      };
      await program.run(bound, { rows });
      const expected = new Float32Array(3 * stride).fill(100);
      for (const [lane, count] of [4, 3, 2].entries())
        for (let n = 0; n < 3; n++) expected[5 + lane * stride + 4 * n] += count * (n + 1);
      expect(sums).toEqual(expected);
      expect(bound.y).toEqual(Float32Array.from({ length: 3 * rows }, (_, i) => 1 + (i % 3)));
    },
  );

  test.skipIf(!isThere)("random graphs compute what they mean", async () => {
    const executor = await make({ lanes: 2, threads: 2 });
    await fc.assert(
      fc.asyncProperty(smoothRecipes, async (recipe) => {
        const { rows, microBatch, seed } = recipe;
        const graph = buildRecipe(recipe);
        const given = drawContents(graph, rows, seed);
        const expected = await runGraph(makeReferenceExecutor("float32"), graph, given, rows);
        const actual = await runGraph(executor, graph, given, rows, microBatch);
        for (const [name, wanted] of Object.entries(expected)) {
          const largest = Math.max(1, ...Array.from(wanted, Math.abs));
          const differences = Array.from(wanted, (x, i) => Math.abs(x - actual[name][i]));
          expect(Math.max(...differences), name).toBeLessThanOrEqual(CHAIN_TOLERANCE * largest);
        }
      }),
      { numRuns: 100, seed: 31 },
    );
  });

  test.skipIf(!isThere)("lanes without work leave their sums alone; no rows are no work", async () => {
    const executor = await make({ lanes: 4, threads: 2 });
    const program = executor.compile(productGraph(), { microBatch: 8 });
    const bound = bindings(3, 4);
    bound.sum.fill(7);
    await program.run(bound, { rows: 0 });
    expect(bound.sum.every((x) => x === 7)).toBe(true);
    await program.run(bound, { rows: 3 });
    expect(bound.sum[0]).toBe(10);
    expect(bound.sum.subarray(12).every((x) => x === 7)).toBe(true);
  });

  test.skipIf(!isThere)("runs that are started together do not disturb each other", async () => {
    const executor = await make({ lanes: 2, threads: 2 });
    const program = executor.compile(productGraph(), { microBatch: 3 });
    const all = Array.from({ length: 8 }, (_, i) => bindings(10 + i, 2));
    await Promise.all(all.map((bound, i) => program.run(bound, { rows: 10 + i })));
    for (const [i, bound] of all.entries()) {
      expect(bound.sum[0] + bound.sum[12]).toBe(10 + i);
      expect(bound.y.every((y, at) => y === 1 + (at % 3))).toBe(true);
    }
  });

  test.skipIf(!isThere)(
    "memory after 2N runs is that after N, with programs compiled and disposed of between",
    async () => {
      const executor = await make({ lanes: 2, threads: 2 });
      async function runMany(count: number): Promise<number> {
        for (let i = 0; i < count; i++) {
          const program = executor.compile(productGraph(), { microBatch: 1 + (i % 4) });
          await program.run(bindings(6, 2), { rows: 6 });
          program.dispose();
        }
        await collectGarbage();
        return executor.liveBytes();
      }
      const afterFirst = await runMany(20);
      expect(afterFirst).toBeGreaterThan(0);
      expect(await runMany(20)).toBe(afterFirst);
      if (backend !== "native") return;
      addon?.trim();
      expect(executor.liveBytes()).toBeLessThan(afterFirst);
    },
  );

  test.skipIf(!isThere)("programs that nobody disposed of are freed, too", async () => {
    const executor = await make({ lanes: 2, threads: 2 });
    const runOnce = async () => {
      await executor.compile(productGraph(), { microBatch: 2 }).run(bindings(6, 2), { rows: 6 });
    };
    await runOnce();
    await collectGarbage();
    const before = executor.liveBytes();
    for (let i = 0; i < 5; i++) await runOnce();
    await collectGarbage();
    expect(executor.liveBytes()).toBe(before);
  });

  test.skipIf(!isThere)("the same bits again, and on any number of threads", async () => {
    const [recipe] = fc.sample(smoothRecipes, { numRuns: 1, seed: 5 });
    const graph = buildRecipe({ ...recipe, rows: 23 });
    const given = drawContents(graph, 23, 1);
    const on = async (threads: number) => runGraph(await make({ threads, lanes: 4 }), graph, given, 23, 2);
    const expected = await on(1);
    for (const threads of [1, 2, 3]) expect(await on(threads)).toEqual(expected);
  });
});

test.skipIf(!addon)("an unknown instruction set is refused", async () => {
  await expect(makeNativeExecutor({ isa: "avx9000" })).rejects.toMatchObject({
    code: "engine/unknown-isa",
    hint: `this processor and build have: ${isas.join(", ")}`,
  });
});

test("WebAssembly has one instruction set", async () => {
  await expect(makeWasmExecutor({ isa: "avx2" })).rejects.toMatchObject({
    code: "engine/unknown-isa",
    hint: "the WebAssembly backend has: simd128",
  });
});
