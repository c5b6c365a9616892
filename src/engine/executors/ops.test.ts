// Every op's kernel on every instruction set and in WebAssembly, in every number format, against the reference evaluation
// in float64: ragged shapes, short last micro-batches and lanes. The tolerance is the op's (testing/op-cases.ts).

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DType } from "../graph.ts";
import { isBfloat16, type NumberFormat } from "../number-format.ts";
import { addRmsNormOp } from "../ops/add-rms-norm.ts";
import { attentionGradOp, attentionOp } from "../ops/attention.ts";
import { featureMlpGradOp, featureMlpOp, tokenMlpGradOp, tokenMlpOp } from "../ops/mlp.ts";
import { bfloat16Backends, type FastBackend, fastBackends } from "../testing/native.ts";
import { OP_CASES, type OpCase } from "../testing/op-cases.ts";
import { buildSample, drawInputs, exposeResults, runGraph, type Sample } from "../testing/sample.ts";
import { makeReferenceExecutor } from "./reference/reference.ts";

/** Mostly small, beyond the widest vector (16) and the tiles of products now and then. */
const size = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 2, arbitrary: fc.integer({ min: 6, max: 37 }) },
);

/** Two numbers that are equal but for float32 rounding, rounded to bfloat16, are neighbours at most: so far apart. */
const BFLOAT16_STEP = 2 ** -7;
/**
 * Kernels that also round inside: the sum before the norm (as the reference does), the weights of attention and the
 * hidden layer of an MLP before they are multiplied again. Sums that cancel show it, so a result is held to its typical
 * size: all of it to this part in the root mean square, each number to eight times that.
 */
const ROUNDS_INSIDE = 2 ** -6;
const WORST = 8;
const roundInside = [
  addRmsNormOp,
  attentionOp,
  attentionGradOp,
  featureMlpOp,
  featureMlpGradOp,
  tokenMlpOp,
  tokenMlpGradOp,
].map(({ name }) => name);

const casesIn = ({ format }: FastBackend) =>
  OP_CASES.filter(({ op, isFused }) => op.name !== "stopGradient" && (format === "bfloat16" || !isFused)).map(
    (each): [string, OpCase] => [each.op.name, each],
  );

async function resultsOn(fast: FastBackend, each: OpCase, sample: Sample, run?: { microBatch: number }) {
  const { format } = fast;
  const built = buildSample(each.op, sample);
  exposeResults(each.op, built);
  const executor = run ? await fast.make({ threads: 2, lanes: 2 }) : makeReferenceExecutor("float64");
  const given = drawInputs(sample, run ? "float32" : "float64");
  const found = await runGraph(executor, built.graph, given, sample.rows, run?.microBatch, format);
  const updated = [...built.graph.updates].map(([{ name }, value]) => [name, value] as const);
  return [...built.graph.outputs, ...updated].map(([name, { dtype }]) => ({
    ...{ name, dtype, numbers: found[name] },
  }));
}

const typicalOf = (numbers: ArrayLike<number>) =>
  Math.sqrt(Array.from(numbers, (x) => x * x).reduce((sum, square) => sum + square, 0) / numbers.length);

/** How far from the evaluation a number of a result may be. */
function allowance(
  { op, tolerance }: OpCase,
  dtype: DType,
  format: NumberFormat,
  wanted: ArrayLike<number>,
): (x: number) => number {
  const step = isBfloat16(dtype, format) && tolerance > 0 ? BFLOAT16_STEP : 0;
  const isRough = format === "bfloat16" && roundInside.includes(op.name);
  const inside = isRough ? WORST * ROUNDS_INSIDE * typicalOf(wanted) : 0;
  return (x) => step * Math.abs(x) + tolerance * (1 + Math.abs(x)) + inside;
}

describe.each([...fastBackends, ...bfloat16Backends])("on $backend $isa in $format", (fast) => {
  test.skipIf(!fast.isThere).each(casesIn(fast))("%s", async (_, each) => {
    await fc.assert(
      fc.asyncProperty(each.samples(size), fc.integer({ min: 1, max: 40 }), async (sample, microBatch) => {
        const expected = await resultsOn(fast, each, sample);
        const actual = await resultsOn(fast, each, sample, { microBatch });
        expect(actual.length).toBe(expected.length);
        actual.forEach(({ name, dtype, numbers }, i) => {
          const wanted = expected[i].numbers;
          const allowed = allowance(each, dtype, fast.format, wanted);
          const wrong = Array.from(numbers).findIndex(
            (x, at) => !(Math.abs(x - wanted[at]) <= allowed(wanted[at])),
          );
          if (fast.format === "bfloat16" && roundInside.includes(each.op.name)) {
            const differences = Array.from(wanted, (x, at) => x - numbers[at]);
            expect(typicalOf(differences), name).toBeLessThanOrEqual(ROUNDS_INSIDE * typicalOf(wanted));
          }
          if (wrong >= 0) expect.fail(`${name}[${wrong}] is ${numbers[wrong]}, expected ${wanted[wrong]}`);
        });
      }),
      { numRuns: 15, seed: 23 },
    );
  });
});
