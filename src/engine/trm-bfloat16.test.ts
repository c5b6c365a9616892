// TRM's graphs in bfloat16, fused: planned, and on what computes in it, against the reference executor in bfloat16. Two
// right programs round at other places and part a little with every block, so whole tensors are compared by their norm.

import { describe, expect, test } from "vitest";
import type { RecursiveModel } from "../models/model.ts";
import { SMALL_MODELS, trmContents } from "../models/testing/small-trm.ts";
import type { Buffer } from "./executors/executor.ts";
import { makeReferenceExecutor } from "./executors/reference/reference.ts";
import { fuseGraph } from "./fuse.ts";
import type { NumberFormat } from "./number-format.ts";
import { bfloat16Backends } from "./testing/native.ts";
import { runGraph } from "./testing/sample.ts";
import { expectShadowAgrees } from "./testing/shadow-check.ts";

const ROWS = 5;
const trainingGraph = (model: RecursiveModel) => model.trainingGraph({ lossScale: 1 / ROWS, trace: true });

test.each(SMALL_MODELS)(
  "the bfloat16 plan of a training step of TRM with %s computes what the graph means",
  async (_, model) => {
    const graph = fuseGraph(trainingGraph(model));
    const given = trmContents(model, graph, 3, 5);
    await expectShadowAgrees(graph, given, { rows: 3, microBatch: 2, lanes: 2 }, "bfloat16");
  },
);

/** |a - b| of each tensor as a part of |b|; integers and counts, which jump, are left out. */
function distances(actual: Record<string, Buffer>, expected: Record<string, Buffer>): [string, number][] {
  const norm = (numbers: Iterable<number>) =>
    Math.sqrt(Array.from(numbers).reduce((sum, x) => sum + x * x, 0));
  const jumping = ["preds", "labelled", "correct", "exact", "q_halt_loss"];
  return Object.entries(expected)
    .filter(([name, wanted]) => !jumping.includes(name) && norm(wanted) > 0)
    .map(([name, wanted]) => {
      const difference = Array.from(wanted, (x, i) => x - actual[name][i]);
      return [name, norm(difference) / norm(wanted)];
    });
}

function onReference(model: RecursiveModel, format: NumberFormat): Promise<Record<string, Buffer>> {
  const graph = trainingGraph(model);
  const given = trmContents(model, graph, ROWS, 9);
  return runGraph(makeReferenceExecutor("float32"), graph, given, ROWS, undefined, format);
}

/** How far the gradients of these small models get from float32 by rounding alone; those of the halting head jump with `exact`. */
const ROUNDING = 0.15;

/** Of a bfloat16 number, relative. */
const ONE_ROUNDING = 2 ** -8;

test.each(SMALL_MODELS)("bfloat16 of TRM with %s is near float32, and not the same", async (_, model) => {
  const apart = distances(await onReference(model, "bfloat16"), await onReference(model, "float32"));
  const largest = Math.max(...apart.map(([, distance]) => distance));
  expect(largest).toBeGreaterThan(1e-3);
  expect(apart.filter(([, distance]) => !(distance < ROUNDING))).toEqual([]);
});

describe.each(bfloat16Backends)("on $backend $isa", (fast) => {
  const run = async (model: RecursiveModel, lanes: number, threads: number, microBatch: number) => {
    const graph = trainingGraph(model);
    const executor = await fast.make({ lanes, threads });
    return runGraph(executor, graph, trmContents(model, graph, ROWS, 9), ROWS, microBatch, "bfloat16");
  };

  test.skipIf(!fast.isThere).each(SMALL_MODELS)(
    "a bfloat16 training step of TRM with %s is as near to float32 as the reference's",
    async (_, model) => {
      const exact = await onReference(model, "float32");
      const allowed = new Map(distances(await onReference(model, "bfloat16"), exact));
      for (const [lanes, microBatch] of [
        [1, ROWS],
        [2, 3],
        [8, 2],
      ]) {
        const apart = distances(await run(model, lanes, 2, microBatch), exact);
        const isNear = ([name, distance]: [string, number]) =>
          distance < 1.5 * (allowed.get(name) ?? 0) + ONE_ROUNDING;
        expect(apart.filter((found) => !isNear(found))).toEqual([]);
      }
    },
  );

  test.skipIf(!fast.isThere).each(SMALL_MODELS)(
    "TRM with %s has the same bits again and on any number of threads",
    async (_, model) => {
      const once = await run(model, 3, 1, 2);
      for (const threads of [1, 2, 3]) expect(await run(model, 3, threads, 2)).toEqual(once);
    },
  );

  test.skipIf(!fast.isThere)(
    "packed weights are those of the run, or of the last one if promised",
    async () => {
      const [[, model]] = SMALL_MODELS;
      const graph = model.evaluationGraph({ logits: true });
      const given = trmContents(model, graph, ROWS, 9);
      const executor = await fast.make({ lanes: 2, threads: 2 });
      const program = executor.compile(graph, { microBatch: 2, format: "bfloat16" });
      const size = ROWS * model.tokens * model.hiddenSize;
      const weight = given["lm_head.weight"].slice();
      const logitsOf = async (sameWeights: boolean) => {
        const logits = new Float32Array(ROWS * model.shape.seqLen * model.shape.vocabSize);
        const bound = {
          ...given,
          ...{ z_H: new Uint16Array(size), z_L: new Uint16Array(size), "lm_head.weight": weight, logits },
          ...{ preds: new Int32Array(ROWS * model.shape.seqLen), q_logits: new Float32Array(2 * ROWS) },
        };
        await program.run(bound, { rows: ROWS, sameWeights });
        return logits;
      };
      const first = await logitsOf(false);
      weight.fill(0);
      expect(await logitsOf(true)).toEqual(first);
      expect((await logitsOf(false)).every((logit) => logit === 0)).toBe(true);
    },
  );
});
