// What is WebAssembly's own: a memory that ends at 4 GiB and never shrinks. Its kernels are tested with the native ones.

import { expect, test } from "vitest";
import { invariant } from "../../../base/errors.ts";
import { Graph } from "../../graph.ts";
import { scale } from "../../ops/elementwise.ts";
import { linear } from "../../ops/linear.ts";
import { loadWasm } from "./instance.ts";
import { makeWasmExecutor } from "./wasm.ts";

/** y = 2 · x · wᵀ over `width` features, with an intermediate result of that width in the arena. */
function doublingGraph(width: number): Graph {
  const graph = new Graph();
  const x = graph.input("x", ["rows", width], { storage: "row" });
  const w = graph.input("w", [2, width], { storage: "whole" });
  graph.output("y", linear(graph, scale(graph, x, 2), w));
  return graph;
}

const bindings = (width: number) => ({
  x: new Float32Array(width).fill(1),
  w: new Float32Array(2 * width).fill(0.5),
  y: new Float32Array(2),
});

function memoryBytes(): number {
  const loaded = loadWasm();
  invariant("instance" in loaded, "no WebAssembly");
  return loaded.instance.memory.buffer.byteLength;
}

test("more than 4 GiB is an error that says so, and the next run works", async () => {
  const executor = await makeWasmExecutor({ threads: 1 });
  const width = 2 ** 20;
  const large = executor.compile(doublingGraph(width), { microBatch: 2048 });
  expect(large.arenaBytes).toBeGreaterThan(2 ** 32);
  await expect(large.run(bindings(width), { rows: 1 })).rejects.toMatchObject({
    code: "engine/wasm-memory",
    message: expect.stringMatching(/no room for another 8\d{3} MiB: its memory ends at 4 GiB/),
  });
  const bound = bindings(8);
  await executor.compile(doublingGraph(8)).run(bound, { rows: 1 });
  expect([...bound.y]).toEqual([8, 8]);
});

test("plans and runs give their memory back to the module", async () => {
  const executor = await makeWasmExecutor({ threads: 2, lanes: 2 });
  async function runMany(count: number): Promise<number> {
    for (let i = 0; i < count; i++) {
      const program = executor.compile(doublingGraph(8 + (i % 5)), { microBatch: 1 });
      await program.run(bindings(8 + (i % 5)), { rows: 1 });
      program.dispose();
    }
    return memoryBytes();
  }
  const before = await runMany(50);
  expect(await runMany(1000)).toBe(before); // a plan has some 700 bytes
});
