// TRM small enough to run on the judge in milliseconds, and inputs for its graphs. For tests only.

import { invariant } from "../../base/errors.ts";
import { stream } from "../../base/random/threefry.ts";
import type { Buffer } from "../../engine/executors/executor.ts";
import type { Graph } from "../../engine/graph.ts";
import { elementCount, resolveShape } from "../../engine/shape.ts";
import { initialize, layOut, viewsOf } from "../../nn/parameters.ts";
import type { RecursiveModel } from "../model.ts";
import { type TrmConfig, trmConfigSchema } from "../trm/config.ts";
import { makeTrm } from "../trm/model.ts";

export const TINY_SHAPE = { seqLen: 5, vocabSize: 6, numPuzzleIdentifiers: 4 };

/** Settings of the three ways to know positions, by name. */
export const VARIANTS: readonly (readonly [name: string, settings: Partial<TrmConfig>])[] = [
  ["attention with rope", { posEncodings: "rope" }],
  ["attention with learned positions", { posEncodings: "learned" }],
  ["token mixing", { mlpT: true, posEncodings: "none" }],
];

/** D 8, 2 heads, 2 prefix positions, 2 layers, one cycle of 2 + 1 calls, float32; `settings` go before these. */
export function tinyTrm(settings: Partial<TrmConfig> = {}): RecursiveModel {
  const sizes = { hiddenSize: 8, numHeads: 2, expansion: 1, puzzleEmbLen: 2, layers: 2 };
  const forwardDtype = "float32";
  const cycles = { hCycles: 1, lCycles: 2, haltMaxSteps: 4 };
  return makeTrm(trmConfigSchema.parse({ ...sizes, ...cycles, forwardDtype, ...settings }), TINY_SHAPE);
}

/**
 * Random contents in float64 for every input of a graph: weights as initialised but for the heads, which start at
 * zero and would hide their gradients; every second row starts afresh; some labels are ignored.
 */
export function drawContents(
  model: RecursiveModel,
  graph: Graph,
  rows: number,
  seed = 1,
): Record<string, Buffer> {
  const layout = layOut([...model.parameters, ...model.buffers]);
  const weights = viewsOf(layout, initialize(layout, seed));
  return Object.fromEntries(
    graph.inputs.map(({ name, shape, storage }): [string, Buffer] => {
      const random = stream(seed, "contents", name);
      const length = elementCount(resolveShape(shape, { rows, tokens: 0 }));
      const draw = (next: () => number) => Float64Array.from({ length }, next);
      const known = weights.get(name) ?? model.constants.get(name);
      if (name === "inputs" || name === "labels")
        return [name, Int32Array.from(draw(() => tokenFor(name, random.uniform(), model.shape.vocabSize)))];
      if (name === "reset") return [name, Int32Array.from({ length }, (_, row) => (row + 1) % 2)];
      if (name === "last") return [name, Int32Array.from({ length }, (_, row) => row % 2)];
      if (storage === "lane") return [name, new Float64Array(length)];
      if (known && !name.startsWith("q_head")) return [name, Float64Array.from(known)];
      return [name, draw(() => random.truncatedNormal(1))];
    }),
  );
}

function tokenFor(name: "inputs" | "labels", uniform: number, vocabulary: number): number {
  if (name === "inputs") return Math.floor(uniform * vocabulary);
  return uniform < 0.3 ? -100 : Math.floor(((uniform - 0.3) / 0.7) * vocabulary);
}

/** The buffer of a name, which must be there. */
export function bufferOf(buffers: Readonly<Record<string, Buffer>>, name: string): Buffer {
  invariant(Object.hasOwn(buffers, name), `no buffer named ${name}`);
  return buffers[name];
}

/** The part of a buffer that belongs to one row. */
export function rowOf(buffer: Buffer, row: number, rows: number): number[] {
  const size = buffer.length / rows;
  return Array.from(buffer.subarray(row * size, (row + 1) * size));
}
