// A tiny untrained model as a weights file with its configuration beside it, for commands that want one.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { invariant } from "../../src/base/errors.ts";
import { formatConfig } from "../../src/config/load.ts";
import { whorlConfigSchema } from "../../src/config/schema.ts";
import { writeSafetensors } from "../../src/formats/safetensors.ts";
import { makeModel } from "../../src/models/index.ts";
import { makeWeights, toStateDict } from "../../src/models/weights.ts";
import { viewsOf } from "../../src/nn/parameters.ts";
import { puzzleShapeOf } from "../../src/tasks/index.ts";

/** A size of Sudoku, or another `data` section. */
export type FakeData = 4 | 6 | 9 | Readonly<Record<string, unknown>>;

export function fakeConfig(data: FakeData) {
  return whorlConfigSchema.parse({
    model: {
      hiddenSize: 8,
      numHeads: 2,
      mlpT: true,
      posEncodings: "none",
      puzzleEmbNdim: 0,
      puzzleEmbLen: 0,
      layers: 1,
      hCycles: 1,
      lCycles: 1,
      haltMaxSteps: 3,
      forwardDtype: "float32",
    },
    data: typeof data === "number" ? { size: data } : data,
    engine: { backend: "reference" },
  });
}

export async function fakeModel(data: FakeData, seed = 0) {
  const config = fakeConfig(data);
  const model = makeModel(config.model, await puzzleShapeOf(config.data));
  const weights = makeWeights(model, seed);
  // It starts as zeros: then all puzzles would get the same halting logit.
  const qHead = viewsOf(weights.layout, weights.weights).get("q_head.weight");
  invariant(qHead, "no halting head");
  qHead.forEach((_, i) => {
    qHead[i] = ((7 * i) % 5) - 2;
  });
  return { config, model, weights };
}

/** The path of the weights. */
export async function writeFakeModel(folder: string, data: FakeData): Promise<string> {
  const { config, model, weights } = await fakeModel(data);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.yaml"), formatConfig(config));
  const path = join(folder, "weights.safetensors");
  await writeSafetensors(path, toStateDict(model, weights));
  return path;
}
