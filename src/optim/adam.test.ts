// AdamATan2 and the average as the training runs them, on every executor. The op alone: engine/ops/known-values.test.ts.

import { describe, expect, test } from "vitest";
import { stream } from "../base/random/threefry.ts";
import { chooseExecutor } from "../engine/executors/choose.ts";
import { fastBackends } from "../engine/testing/native.ts";
import { makeAdam } from "./adam.ts";

/** The check of spec/trm.md 8.2. */
const SETTINGS = { learningRate: 1e-3, weightDecay: 0.1, beta1: 0.9, beta2: 0.95 };
const GRADIENTS = [0.5, 0.5, -0.25];
const EXPECTED = [0.9989033135, 0.9978152024, 0.997198755];

const backends = [{ backend: "reference", isa: undefined, isThere: true }, ...fastBackends] as const;

for (const { backend, isa, isThere } of backends)
  describe.skipIf(!isThere)(`on ${backend} ${isa ?? ""}`, () => {
    const executorOf = async () => (await chooseExecutor(backend, { isa, threads: 2, lanes: 3 })).executor;

    test("three steps by hand, with moments, on more weights than one piece of work", async () => {
      const length = 16384 + 37;
      const executor = await executorOf();
      const { lanes } = executor.description;
      const optimizer = makeAdam(executor, length);
      const state = {
        weights: new Float32Array(length).fill(1),
        firstMoment: new Float32Array(length),
        secondMoment: new Float32Array(length),
      };
      for (const [i, gradient] of GRADIENTS.entries()) {
        // The lanes' gradients are summed: all but the last hold one too much, which the last takes back.
        const gradientLanes = new Float32Array(lanes * length).fill(1);
        gradientLanes.fill(gradient - (lanes - 1), (lanes - 1) * length);
        await optimizer.update(state, gradientLanes, i + 1, SETTINGS);
        expect(largestDistance(state.weights, EXPECTED[i])).toBeLessThan(1.5e-7);
      }
      expect(largestDistance(state.firstMoment, 0.0605)).toBeLessThan(2e-8);
      expect(largestDistance(state.secondMoment, 0.02628125)).toBeLessThan(2e-8);
    });

    test("without gradient there is decay alone, and atan2(0, 0) is 0", async () => {
      const optimizer = makeAdam(await executorOf(), 5);
      const state = {
        weights: Float32Array.of(0, 1, -1, 100, 1e-3),
        firstMoment: new Float32Array(5),
        secondMoment: new Float32Array(5),
      };
      const before = state.weights.slice();
      await optimizer.update(state, new Float32Array(15), 1, { ...SETTINGS, weightDecay: 1 });
      state.weights.forEach((x, i) => {
        expect(Math.abs(x - before[i] * 0.999)).toBeLessThanOrEqual(1e-7 * Math.abs(before[i]));
      });
      expect(Array.from(state.firstMoment)).toEqual([0, 0, 0, 0, 0]);
    });

    test("the first step moves 0.99669 of the rate, a constant gradient π/4 of it in the long run", async () => {
      const optimizer = makeAdam(await executorOf(), 2);
      const state = {
        weights: new Float32Array(2),
        firstMoment: new Float32Array(2),
        secondMoment: new Float32Array(2),
      };
      const moves: number[] = [];
      const gradientLanes = new Float32Array(6);
      gradientLanes.set([3, -3]);
      for (let t = 1; t <= 400; t++) {
        const before = state.weights[0];
        await optimizer.update(state, gradientLanes, t, { ...SETTINGS, weightDecay: 0 });
        moves.push(before - state.weights[0]);
        expect(state.weights[1]).toBe(-state.weights[0]);
      }
      expect(moves[0] / 1e-3).toBeCloseTo(0.99669, 5);
      expect(moves[399] / 1e-3).toBeCloseTo(Math.PI / 4, 3);
    });

    test("the average follows the updated weights, uncorrected", async () => {
      const length = 40;
      const optimizer = makeAdam(await executorOf(), length, { emaRate: 0.75 });
      const random = stream(1, "weights");
      const draw = () => Float32Array.from({ length }, () => random.truncatedNormal(1));
      const state = {
        weights: draw(),
        firstMoment: new Float32Array(length),
        secondMoment: new Float32Array(length),
        average: draw(),
      };
      const before = state.average.slice();
      const gradientLanes = new Float32Array(3 * length);
      gradientLanes.set(draw());
      await optimizer.update(state, gradientLanes, 1, SETTINGS);
      const expected = before.map((x, i) => 0.75 * x + 0.25 * state.weights[i]);
      expect(Math.max(...expected.map((x, i) => Math.abs(x - state.average[i])))).toBeLessThan(2e-7);
    });

    test("AdamW moves as torch.optim.AdamW does, after gradients beyond the largest norm were scaled down", async () => {
      const executor = await executorOf();
      const { lanes } = executor.description;
      const optimizer = makeAdam(executor, 2, { rule: "adamw" });
      const state = {
        weights: Float32Array.of(1, -1),
        firstMoment: new Float32Array(2),
        secondMoment: new Float32Array(2),
      };
      const settings = { learningRate: 1e-3, weightDecay: 0.1, beta1: 0.9, beta2: 0.999, clipNorm: 1 };
      const inLastLane = (...gradient: number[]) => {
        const all = new Float32Array(2 * lanes);
        all.set(gradient, 2 * (lanes - 1));
        return all;
      };
      // A norm of 0.5 is kept, one of 5 brought to 1.
      await optimizer.update(state, inLastLane(0.5, 0), 1, settings);
      expect(state.weights[0]).toBeCloseTo(1 - 1e-4 - 1e-3, 6);
      expect(state.weights[1]).toBeCloseTo(-1 + 1e-4, 6);
      await optimizer.update(state, inLastLane(3, 4), 2, settings);
      const root = Math.sqrt((0.999 * 2.5e-4 + 3.6e-4) / (1 - 0.999 ** 2));
      const slope = (0.9 * 0.05 + 0.1 * 0.6) / 0.19 / (root + 1e-8);
      expect(state.weights[0]).toBeCloseTo(0.9989 * (1 - 1e-4) - 1e-3 * slope, 6);
      expect(state.secondMoment[1] / (0.001 * 0.64)).toBeCloseTo(1, 4); // 1 - β₂ is that of float32
    });
  });

function largestDistance(numbers: Float32Array, from: number): number {
  return numbers.reduce((most, x) => Math.max(most, Math.abs(x - from)), 0);
}
