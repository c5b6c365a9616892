import { expect, test } from "vitest";
import { truncatedNormalQuantile } from "./truncated-normal.ts";

test("quantiles equal the specification's check values", () => {
  expect(truncatedNormalQuantile(0.25)).toBeCloseTo(-0.7265726, 7);
  expect(truncatedNormalQuantile(0.9)).toBeCloseTo(1.346064, 6);
  expect(truncatedNormalQuantile(0.5)).toBe(0);
});

test("the ends are two widened standard deviations", () => {
  const widening = 1.1368472343385563;
  expect(truncatedNormalQuantile(1)).toBeCloseTo(2 * widening, 8);
  expect(truncatedNormalQuantile(0)).toBeCloseTo(-2 * widening, 8);
});

test("the distribution function of a quantile is the quantile", () => {
  // Simpson's rule on the density of the widened normal, from 0 to the value.
  const widening = 1.1368472343385563;
  const mass = 0.9544997361036416;
  const density = (x: number) =>
    Math.exp(-0.5 * (x / widening) ** 2) / (widening * Math.sqrt(2 * Math.PI) * mass);
  for (const quantile of [0.01, 0.1, 0.31, 0.5001, 0.77, 0.999]) {
    const end = truncatedNormalQuantile(quantile);
    const step = end / 2000;
    let area = density(0) + density(end);
    for (let i = 1; i < 2000; i++) area += density(i * step) * (i % 2 === 1 ? 4 : 2);
    expect(0.5 + (area * step) / 3).toBeCloseTo(quantile, 11);
  }
});
