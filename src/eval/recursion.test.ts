import { expect, test } from "vitest";
import { chooseExecutor } from "../engine/executors/choose.ts";
import { tinyModel } from "../models/testing/tiny-models.ts";
import { TINY_SHAPE, tinyTrm } from "../models/testing/tiny-trm.ts";
import { makeWeights } from "../models/weights.ts";
import { viewsOf } from "../nn/parameters.ts";
import { makeRecursion } from "./recursion.ts";

const model = tinyTrm();
const weights = makeWeights(model, 0);
weights.table.forEach((_, i) => {
  weights.table[i] = ((5 * i) % 7) - 3;
});
const inputs = Int32Array.from({ length: 3 * TINY_SHAPE.seqLen }, (_, i) => (i * i) % TINY_SHAPE.vocabSize);
const puzzles = { rows: 3, inputs, identifiers: Int32Array.of(2, 0, 2) };

async function runner(batchSize: number, options: { labels?: boolean } = {}) {
  const { executor } = await chooseExecutor("reference");
  return makeRecursion(executor, model, weights, { batchSize, logits: true, ...options });
}

type Runner = Awaited<ReturnType<typeof runner>>;

/** Logits after each step, of the rows in use. */
async function logitsOf(recursion: Runner, batch: Parameters<Runner["run"]>[0], steps: number) {
  const found: number[][] = [];
  const used = batch.rows * TINY_SHAPE.seqLen * TINY_SHAPE.vocabSize;
  for await (const { step, results } of recursion.run(batch, steps)) {
    expect(step).toBe(found.length + 1);
    found.push(Array.from(results.logits.subarray(0, used)));
  }
  return found;
}

test("steps build on each other, and every run starts afresh", async () => {
  const recursion = await runner(3);
  const first = await logitsOf(recursion, puzzles, 3);
  expect(first.length).toBe(3);
  expect(first[1]).not.toEqual(first[0]);
  expect(first[2]).not.toEqual(first[1]);
  const other = { ...puzzles, inputs: inputs.toReversed() };
  expect(await logitsOf(recursion, other, 2)).not.toEqual(first.slice(0, 2));
  expect(await logitsOf(recursion, puzzles, 2)).toEqual(first.slice(0, 2));
});

test("a batch that is not full gives the same rows", async () => {
  const whole = await logitsOf(await runner(3), puzzles, 2);
  const large = await logitsOf(await runner(8), puzzles, 2);
  expect(large).toEqual(whole);
  const one = { rows: 1, inputs: inputs.slice(5, 10), identifiers: Int32Array.of(0) };
  const size = TINY_SHAPE.seqLen * TINY_SHAPE.vocabSize;
  expect(await logitsOf(await runner(3), one, 2)).toEqual(
    whole.map((logits) => logits.slice(size, 2 * size)),
  );
});

test("a row gets the vector of its identifier, read from the table", async () => {
  const recursion = await runner(3);
  const given = await logitsOf(recursion, puzzles, 1);
  const swapped = await logitsOf(recursion, { ...puzzles, identifiers: Int32Array.of(2, 1, 2) }, 1);
  const size = TINY_SHAPE.seqLen * TINY_SHAPE.vocabSize;
  expect(swapped[0].slice(0, size)).toEqual(given[0].slice(0, size));
  expect(swapped[0].slice(size, 2 * size)).not.toEqual(given[0].slice(size, 2 * size));
});

test("no row stops early, however sure the model is", async () => {
  const sure = makeWeights(model, 0);
  const bias = sure.layout.offsets.get("q_head.bias") ?? 0;
  sure.weights[bias] = 50;
  const { executor } = await chooseExecutor("reference");
  const recursion = makeRecursion(executor, model, sure, { batchSize: 3, logits: true });
  const logits = await logitsOf(recursion, puzzles, 4);
  expect(logits[3]).not.toEqual(logits[2]);
  for await (const { results } of recursion.run(puzzles, 1)) expect(results.qLogits[0]).toBe(50);
});

/** Its two states have other sizes. */
const streams = tinyModel({
  ...{ arch: "three-stream", hiddenSize: 8, numHeads: 2, expansion: 1, layers: 1, puzzleEmbNdim: 8 },
  ...{ latentLength: 3, reasoningPasses: 1, refinementPasses: 1 },
});

test.each([
  ["reference", "trm", model],
  ["auto", "trm", model],
  ["reference", "three streams", streams],
  ["auto", "three streams", streams],
] as const)("rows that ask to halt leave, the others keep their bits (%s, %s)", async (backend, _, model) => {
  const { executor } = await chooseExecutor(backend);
  const rows = 40;
  const batch = {
    rows,
    inputs: Int32Array.from(
      { length: rows * TINY_SHAPE.seqLen },
      (_, i) => (i * i + 3 * i) % TINY_SHAPE.vocabSize,
    ),
    labels: Int32Array.from({ length: rows * TINY_SHAPE.seqLen }, (_, i) => (7 * i) % TINY_SHAPE.vocabSize),
    identifiers: Int32Array.from({ length: rows }, (_, i) => i % 3),
  };
  const given = structuredClone(batch);
  const saying = makeWeights(model, 0);
  saying.table.forEach((_value, i) => {
    saying.table[i] = ((3 * i) % 7) / 4 - 0.5;
  });
  const head = viewsOf(saying.layout, saying.weights).get("q_head.weight");
  head?.forEach((_value, i) => {
    head[i] = ((7 * i) % 5) - 2;
  });
  const recursion = makeRecursion(executor, model, saying, { batchSize: rows, labels: true });
  const saidOf = async (halt?: (haltLogit: number) => boolean) => {
    const said: Map<number, unknown>[] = [];
    for await (const { results, places = [] } of recursion.run(batch, 4, halt)) {
      const { qLogits, predictions, lmLoss, correct } = results;
      const S = TINY_SHAPE.seqLen;
      const rowAt = (i: number) => [
        qLogits[2 * i],
        qLogits[2 * i + 1],
        lmLoss[i],
        correct[i],
        ...predictions.slice(i * S, (i + 1) * S),
      ];
      said.push(new Map(places.map((place, i) => [place, rowAt(i)])));
    }
    return said;
  };
  const full = await saidOf();
  const logits = full.map((step) => Array.from(step.values(), (row) => Number((row as number[])[0])));
  const limit = logits[0].toSorted((a, b) => a - b)[rows / 2]; // half of them leave after the first step
  const halted = await saidOf((logit) => logit >= limit);
  let here = Array.from({ length: rows }, (_, place) => place);
  for (const [step, said] of halted.entries()) {
    expect([...said]).toEqual(here.map((place) => [place, full[step].get(place)]));
    here = here.filter((place) => logits[step][place] < limit);
  }
  expect(halted[1].size).toBeGreaterThan(0);
  expect(halted[1].size).toBeLessThanOrEqual(rows / 2);
  expect(batch).toEqual(given);
  expect((await saidOf(() => true)).length).toBe(1);
});

test("with labels there are measures of every row", async () => {
  const recursion = await runner(3, { labels: true });
  const labels = new Int32Array(15).fill(-100);
  labels.fill(1, 0, 3);
  for await (const { results } of recursion.run({ ...puzzles, labels }, 1)) {
    expect(Array.from(results.labelled)).toEqual([3, 0, 0]);
    expect(Array.from(results.exact.subarray(1))).toEqual([1, 1]);
    expect(results.lmLoss[0]).toBeGreaterThan(0);
    const right = [0, 1, 2].filter((cell) => results.predictions[cell] === 1).length;
    expect(results.correct[0]).toBe(right);
  }
});
