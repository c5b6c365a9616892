// The graphs that executors really run: TRM at small odd sizes, planned, counted, and on the executors of plans. What is
// checked op by op elsewhere is checked here as a whole.

import { Buffer as NodeBuffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import type { RecursiveModel } from "../models/model.ts";
import { SMALL_MODELS, trmContents } from "../models/testing/small-trm.ts";
import { trmConfigSchema } from "../models/trm/config.ts";
import { makeTrm } from "../models/trm/model.ts";
import type { Buffer } from "./executors/executor.ts";
import { makeReferenceExecutor } from "./executors/reference/reference.ts";
import { flopsPerRow } from "./flops.ts";
import { type FastBackend, fastBackends } from "./testing/native.ts";
import { runGraph } from "./testing/sample.ts";
import { expectShadowAgrees } from "./testing/shadow-check.ts";

const ROWS = 5;
const trainingGraph = (model: RecursiveModel) => model.trainingGraph({ lossScale: 1 / ROWS, trace: true });

test.each(SMALL_MODELS)(
  "the plan of a training step of TRM with %s computes what the graph means",
  async (_, model) => {
    const graph = trainingGraph(model);
    await expectShadowAgrees(graph, trmContents(model, graph, 3, 5), { rows: 3, microBatch: 2, lanes: 2 });
  },
);

test("FLOP of the Sudoku MLP setting are 42.7 G a row in training and 25.6 G forward", () => {
  const settings = { hiddenSize: 512, mlpT: true, posEncodings: "none" };
  const shape = { seqLen: 81, vocabSize: 11, numPuzzleIdentifiers: 1 };
  const model = makeTrm(trmConfigSchema.parse(settings), shape);
  // One pass of the network: two layers, each with an MLP over 97 positions (width 512) and one over 512 features
  // (width 1536), both of three matrices.
  const pass = 2 * 2 * (3 * 97 * 512 * 512 + 3 * 512 * 1536 * 97);
  const heads = 2 * 512 * (81 * 11 + 2);
  const forward = flopsPerRow(model.evaluationGraph());
  expect(forward).toBe(21 * pass + heads);
  expect(forward / 1e9).toBeCloseTo(25.6, 1);
  const training = flopsPerRow(model.trainingGraph({ lossScale: 1 }));
  expect(training).toBe((14 + 3 * 7) * pass + 3 * heads);
  expect(training / 1e9).toBeCloseTo(42.7, 1);
});

/**
 * Two float32 programs that sum in different orders differ by some 1e-6 of each tensor's largest entry after one
 * supervision step, gradients by two or three times that (the specification of TRM, section 14).
 */
const TOLERANCE = 1e-5;
/** Micro-batches only change where sums over rows are rounded. */
const REGROUPING_TOLERANCE = 1e-6;

function expectClose(actual: Record<string, Buffer>, expected: Record<string, Buffer>, tolerance: number) {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, wanted] of Object.entries(expected)) {
    const differences = Array.from(wanted, (x, i) => Math.abs(x - actual[name][i]));
    const largest = Math.max(...Array.from(wanted, Math.abs));
    expect(Math.max(...differences), name).toBeLessThanOrEqual(tolerance * largest);
  }
}

/** Compared as bytes: toEqual takes long for arrays of this size. */
function expectSameBits(actual: Record<string, Buffer>, expected: Record<string, Buffer>) {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  const bytes = ({ buffer, byteOffset, byteLength }: Buffer) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  for (const name of Object.keys(expected))
    expect(NodeBuffer.compare(bytes(actual[name]), bytes(expected[name])), name).toBe(0);
}

async function runFast(
  model: RecursiveModel,
  fast: FastBackend,
  lanes: number,
  threads: number,
  microBatch: number,
) {
  const graph = trainingGraph(model);
  const executor = await fast.make({ lanes, threads });
  return runGraph(executor, graph, trmContents(model, graph, ROWS, 9), ROWS, microBatch);
}

/** Made when first asked for, once a model. */
const references = new Map<RecursiveModel, Promise<Record<string, Buffer>>>();

function runReference(model: RecursiveModel): Promise<Record<string, Buffer>> {
  const graph = trainingGraph(model);
  const contents = Object.entries(trmContents(model, graph, ROWS, 9)).map(([name, numbers]) => [
    name,
    numbers instanceof Int32Array ? numbers : Float64Array.from(numbers),
  ]);
  const found =
    references.get(model) ??
    runGraph(makeReferenceExecutor("float64"), graph, Object.fromEntries(contents), ROWS);
  references.set(model, found);
  return found;
}

describe.each(fastBackends)("on $backend $isa", (fast) => {
  test.skipIf(!fast.isThere).each(SMALL_MODELS)(
    "a training step of TRM with %s is that of the reference",
    async (_, model) => {
      const expected = await runReference(model);
      for (const [lanes, microBatch] of [
        [1, ROWS],
        [2, 3],
        [3, 1],
        [8, 2],
      ])
        expectClose(await runFast(model, fast, lanes, 2, microBatch), expected, TOLERANCE);
    },
  );

  test.skipIf(!fast.isThere).each(SMALL_MODELS)(
    "TRM with %s has the same bits again and on any number of threads",
    async (_, model) => {
      const once = await runFast(model, fast, 3, 1, 2);
      for (const threads of [1, 2, 3]) expectSameBits(await runFast(model, fast, 3, threads, 2), once);
    },
  );

  test.skipIf(!fast.isThere).each(SMALL_MODELS)(
    "TRM with %s does not depend on micro-batches beyond rounding",
    async (_, model) => {
      const whole = await runFast(model, fast, 1, 1, ROWS);
      for (const microBatch of [1, 2, 5]) {
        const cut = await runFast(model, fast, 1, 1, microBatch);
        expectClose(cut, whole, REGROUPING_TOLERANCE);
      }
    },
  );
});
