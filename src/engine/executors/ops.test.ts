// Every op's kernel on every instruction set, and in WebAssembly, against the reference evaluation in float64: ragged shapes, short last
// micro-batches and lanes. The tolerance is the op's (testing/op-cases.ts).

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FastBackend, fastBackends } from "../testing/native.ts";
import { OP_CASES, type OpCase } from "../testing/op-cases.ts";
import {
  buildSample,
  drawInputs,
  exposeResults,
  outputBuffers,
  runGraph,
  type Sample,
} from "../testing/sample.ts";
import { makeReferenceExecutor } from "./reference/reference.ts";

/** Mostly small, beyond the widest vector (16) and the tiles of products now and then. */
const size = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 2, arbitrary: fc.integer({ min: 6, max: 37 }) },
);

const cases = OP_CASES.filter(({ op }) => op.name !== "stopGradient").map((each): [string, OpCase] => [
  each.op.name,
  each,
]);

async function resultsOn(fast: FastBackend | undefined, each: OpCase, sample: Sample, microBatch: number) {
  const built = buildSample(each.op, sample);
  exposeResults(each.op, built);
  const executor = (await fast?.make({ threads: 2, lanes: 2 })) ?? makeReferenceExecutor("float64");
  const given = drawInputs(sample, fast ? "float32" : "float64");
  const found = await runGraph(executor, built.graph, given, sample.rows, microBatch);
  const names = [...built.graph.updates.keys()].map(({ name }) => name);
  return [...Object.keys(outputBuffers(built.graph, sample.rows, "float32")), ...names].map(
    (name) => [name, found[name]] as const,
  );
}

describe.each(fastBackends)("on $backend $isa", (fast) => {
  test.skipIf(!fast.isThere).each(cases)("%s", async (_, each) => {
    await fc.assert(
      fc.asyncProperty(each.samples(size), fc.integer({ min: 1, max: 40 }), async (sample, microBatch) => {
        const expected = await resultsOn(undefined, each, sample, microBatch);
        const actual = await resultsOn(fast, each, sample, microBatch);
        expect(actual.length).toBe(expected.length);
        actual.forEach(([name, numbers], i) => {
          const wanted = expected[i][1];
          const allowed = (x: number) => each.tolerance * (1 + Math.abs(x));
          const wrong = Array.from(numbers).findIndex(
            (x, at) => !(Math.abs(x - wanted[at]) <= allowed(wanted[at])),
          );
          if (wrong >= 0) expect.fail(`${name}[${wrong}] is ${numbers[wrong]}, expected ${wanted[wrong]}`);
        });
      }),
      { numRuns: 15, seed: 23 },
    );
  });
});
