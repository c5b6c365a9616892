// TRM at small odd sizes, for the executors of plans, and inputs for its graphs. For tests only; tiny-trm.ts is smaller yet.

import { stream } from "../../base/random/threefry.ts";
import type { Buffer } from "../../engine/executors/executor.ts";
import type { Graph } from "../../engine/graph.ts";
import { elementCount, resolveShape } from "../../engine/shape.ts";
import { initialize, layOut, viewsOf } from "../../nn/parameters.ts";
import type { RecursiveModel } from "../model.ts";
import { trmConfigSchema } from "../trm/config.ts";
import { makeTrm } from "../trm/model.ts";

const COMMON = { hCycles: 2, lCycles: 2, layers: 1, expansion: 1, haltMaxSteps: 4 };
const SHAPE = { seqLen: 7, vocabSize: 5, numPuzzleIdentifiers: 3 };

/** Token mixing over 10 positions and 18 features; attention over 9 positions with heads of size 6. */
export const SMALL_MODELS: readonly (readonly [name: string, model: RecursiveModel])[] = [
  [
    "token mixing",
    makeTrm(
      trmConfigSchema.parse({
        ...COMMON,
        ...{ hiddenSize: 18, mlpT: true, posEncodings: "none", puzzleEmbLen: 3, puzzleEmbNdim: 20 },
      }),
      SHAPE,
    ),
  ],
  [
    "attention with rope",
    makeTrm(trmConfigSchema.parse({ ...COMMON, hiddenSize: 18, numHeads: 3, puzzleEmbLen: 2 }), SHAPE),
  ],
  [
    "attention with learned positions, softmax",
    makeTrm(
      trmConfigSchema.parse({
        ...{ ...COMMON, hiddenSize: 18, numHeads: 3, posEncodings: "learned", loss: "softmax_cross_entropy" },
        ...{ puzzleEmbNdim: 0, puzzleEmbLen: 0 },
      }),
      SHAPE,
    ),
  ],
];

const initialWeights = new Map(
  SMALL_MODELS.map(([, model]) => {
    const layout = layOut([...model.parameters, ...model.buffers]);
    return [model, viewsOf(layout, initialize(layout, 3))] as const;
  }),
);

/** Weights as initialised, random carry (NaN where the row starts afresh), labels some of which are ignored. */
export function trmContents(
  model: RecursiveModel,
  graph: Graph,
  rows: number,
  seed: number,
): Record<string, Buffer> {
  const weights = initialWeights.get(model);
  const reset = Int32Array.from({ length: rows }, (_, row) => (row % 2 === 0 ? 1 : 0));
  return Object.fromEntries(
    graph.inputs.map(({ name, shape, storage }) => {
      const random = stream(seed, name);
      const length = elementCount(resolveShape(shape, { rows, tokens: 0 }));
      const known = weights?.get(name) ?? model.constants.get(name);
      if (known) return [name, known];
      if (storage === "lane") return [name, new Float32Array(length)];
      if (name === "reset") return [name, reset];
      if (name === "inputs")
        return [name, Int32Array.from({ length }, () => random.below(model.shape.vocabSize))];
      if (name === "labels")
        return [name, Int32Array.from({ length }, () => (random.uniform() < 0.3 ? -100 : random.below(5)))];
      const isCarry = model.carry.has(name);
      return [
        name,
        Float32Array.from({ length }, (_, i) =>
          isCarry && reset[Math.floor((i * rows) / length)] ? Number.NaN : random.truncatedNormal(1),
        ),
      ];
    }),
  );
}
