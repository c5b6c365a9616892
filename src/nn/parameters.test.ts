import { expect, test } from "vitest";
import { countParameters, initialize, layOut, type ParameterSpec, viewsOf } from "./parameters.ts";

const normal = (name: string, shape: number[], std: number): ParameterSpec => ({
  name,
  shape,
  initial: { kind: "truncatedNormal", std },
});
const bias: ParameterSpec = { name: "bias", shape: [3], initial: { kind: "constant", value: -5 } };

test("truncated normal weights have the deviation asked for and end at 2.2737 deviations", () => {
  const std = 1 / Math.sqrt(512);
  const layout = layOut([normal("w", [512, 512], std)]);
  const weights = initialize(layout, 0);
  const count = weights.length;
  const mean = weights.reduce((sum, x) => sum + x, 0) / count;
  const variance = weights.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count;
  // Five standard errors; the estimate of a deviation varies by less than std / √(2 n) for light tails.
  expect(Math.abs(mean)).toBeLessThan((5 * std) / Math.sqrt(count));
  expect(Math.abs(Math.sqrt(variance) - std)).toBeLessThan((5 * std) / Math.sqrt(2 * count));
  // PyTorch's own truncation would end at 2 deviations and have 0.88 of the deviation.
  const largest = weights.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  expect(largest / std).toBeLessThanOrEqual(2.2737);
  expect(largest / std).toBeGreaterThan(2.27);
  // Shape, not only moments: the quarter point is that of the specification.
  const below = weights.reduce((sum, x) => sum + (x < -0.7265726 * std ? 1 : 0), 0);
  expect(Math.abs(below / count - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / count));
});

test("a weight's numbers depend on seed and name, not on what stands before it", () => {
  const specs = [normal("a", [5, 7], 0.1), bias, normal("b", [33], 2)];
  const drawn = (order: ParameterSpec[], seed: number) => {
    const layout = layOut(order);
    return viewsOf(layout, initialize(layout, seed));
  };
  const first = drawn(specs, 4);
  const second = drawn([...specs.toReversed(), normal("c", [100], 1)], 4);
  for (const { name } of specs) expect(second.get(name), name).toEqual(first.get(name));
  expect(drawn(specs, 4)).toEqual(first);
  expect(drawn(specs, 5).get("a")).not.toEqual(first.get("a"));
  const twins = drawn([normal("x", [8], 1), normal("y", [8], 1)], 4);
  expect(twins.get("x")).not.toEqual(twins.get("y"));
});

test("weights start at multiples of 16 elements, gaps are zero and not counted", () => {
  const specs = [bias, normal("a", [5, 7], 0.1), normal("b", [16], 1), normal("c", [1], 1)];
  const layout = layOut(specs);
  expect([...layout.offsets]).toEqual([
    ["bias", 0],
    ["a", 16],
    ["b", 64],
    ["c", 80],
  ]);
  expect(layout.length).toBe(96);
  expect(countParameters(specs)).toBe(3 + 35 + 16 + 1);
  const flat = initialize(layout, 1);
  expect(Array.from(flat.subarray(0, 4))).toEqual([-5, -5, -5, 0]);
  for (const view of viewsOf(layout, flat).values()) view.fill(0);
  expect(flat.every((x) => x === 0)).toBe(true);
});
