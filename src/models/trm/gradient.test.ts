// The training graph's gradients against central differences in float64, for every weight and the puzzle vectors; and
// that only the last cycle carries gradient.

import { expect, test } from "vitest";
import { stream } from "../../base/random/threefry.ts";
import type { Buffer } from "../../engine/executors/executor.ts";
import { makeReferenceExecutor } from "../../engine/executors/reference/reference.ts";
import { runGraph } from "../../engine/testing/sample.ts";
import type { RecursiveModel } from "../model.ts";
import { bufferOf, drawContents, tinyTrm, VARIANTS } from "../testing/tiny-trm.ts";

const ROWS = 2;
const LOSS_SCALE = 1 / 7;
/** Balances the third derivative (step²) and cancellation (1e-16 / step). */
const STEP = 1e-5;
const executor = makeReferenceExecutor("float64");

function run(model: RecursiveModel, contents: Record<string, Buffer>) {
  return runGraph(executor, model.trainingGraph({ lossScale: LOSS_SCALE, trace: true }), contents, ROWS);
}

function draw(model: RecursiveModel) {
  return drawContents(model, model.trainingGraph({ lossScale: LOSS_SCALE, trace: true }), ROWS);
}

/** What the gradient is of: cross entropy and half the halting loss, over rows, over the global batch. */
async function lossOf(model: RecursiveModel, contents: Record<string, Buffer>): Promise<number> {
  const forward = model.evaluationGraph({ labels: true });
  const { lm_loss, q_halt_loss } = await runGraph(executor, forward, contents, ROWS);
  return (
    LOSS_SCALE * Array.from(lm_loss, (lm, row) => lm + 0.5 * q_halt_loss[row]).reduce((a, b) => a + b, 0)
  );
}

const gradientNames = (model: RecursiveModel) => [...model.parameters.map(({ name }) => name), "puzzle_rows"];

test.each(VARIANTS)("gradients of %s are slopes of the loss", async (_, settings) => {
  const model = tinyTrm(settings);
  const contents = draw(model);
  const found = await run(model, contents);
  for (const name of gradientNames(model)) {
    const gradient = bufferOf(found, `grad.${name}`);
    const numbers = bufferOf(contents, name);
    const random = stream(3, name);
    const entries = [largestEntry(gradient), random.below(numbers.length)];
    const scale = Math.abs(gradient[entries[0]]);
    expect(scale, name).toBeGreaterThan(1e-6);
    for (const at of entries) {
      const lossAt = async (shift: number) => {
        const moved = numbers.slice();
        moved[at] += shift;
        return lossOf(model, { ...contents, [name]: moved });
      };
      const slope = ((await lossAt(STEP)) - (await lossAt(-STEP))) / (2 * STEP);
      expect(Math.abs(gradient[at] - slope), `${name}[${at}]`).toBeLessThan(1e-6 * scale + 1e-10);
    }
  }
});

test.each(VARIANTS)("%s: only the last cycle carries gradient", async (_, settings) => {
  const [one, three] = [1, 3].map((hCycles) => tinyTrm({ ...settings, hCycles }));
  const contents = draw(three);
  const whole = await run(three, contents);
  // The same two cycles without gradient, then a step of one cycle from where they end.
  let carry: Record<string, Buffer> = contents;
  for (let cycle = 0; cycle < 2; cycle++) {
    const { z_H, z_L } = await run(one, carry);
    carry = { ...contents, z_H, z_L, reset: new Int32Array(ROWS) };
  }
  const last = await run(one, carry);
  const fromStart = await run(one, contents);
  for (const name of gradientNames(one)) {
    const expected = bufferOf(last, `grad.${name}`);
    const scale = Math.abs(expected[largestEntry(expected)]);
    expect(largestDifference(bufferOf(whole, `grad.${name}`), expected), name).toBeLessThan(1e-11 * scale);
    expect(largestDifference(bufferOf(fromStart, `grad.${name}`), expected), name).toBeGreaterThan(
      1e-5 * scale,
    );
  }
});

test("the unused halting output gets no gradient", async () => {
  const model = tinyTrm();
  const found = await run(model, draw(model));
  const weight = bufferOf(found, "grad.q_head.weight");
  expect(weight.subarray(0, 8).some((x) => x !== 0)).toBe(true);
  expect(Array.from(weight.subarray(8), Math.abs)).toEqual(new Array(8).fill(0));
  expect(Math.abs(bufferOf(found, "grad.q_head.bias")[1])).toBe(0);
});

test("with frozen weights the puzzle vectors' gradients are the only ones, and the same", async () => {
  const model = tinyTrm();
  const frozen = model.trainingGraph({ lossScale: LOSS_SCALE, trace: true, freezeWeights: true });
  expect(frozen.inputs.filter(({ storage }) => storage === "lane")).toEqual([]);
  expect([...frozen.outputs.keys()].filter((name) => name.startsWith("grad."))).toEqual(["grad.puzzle_rows"]);
  expect([...frozen.updates.keys()].map(({ name }) => name).sort()).toEqual(["z_H", "z_L"]);
  const contents = draw(model);
  const found = await runGraph(executor, frozen, contents, ROWS);
  const whole = await run(model, contents);
  expect(bufferOf(found, "grad.puzzle_rows")).toEqual(bufferOf(whole, "grad.puzzle_rows"));
});

test("gradients are sums over rows, scaled by the loss scale", async () => {
  const model = tinyTrm();
  const contents = draw(model);
  const scaled = await runGraph(executor, model.trainingGraph({ lossScale: 2 * LOSS_SCALE }), contents, ROWS);
  const name = "grad.lm_head.weight";
  const once = bufferOf(await run(model, contents), name);
  expect(
    largestDifference(
      bufferOf(scaled, name),
      once.map((x) => 2 * x),
    ),
  ).toBeLessThan(1e-15);
});

function largestEntry(numbers: Buffer): number {
  const sizes = Array.from(numbers, Math.abs);
  return sizes.indexOf(Math.max(...sizes));
}

function largestDifference(a: Buffer, b: Buffer): number {
  return Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i])));
}
