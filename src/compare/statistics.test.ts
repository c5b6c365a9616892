import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { holm, intervalOf, pValueOf, spreadOf, tInside, tQuantile95 } from "./statistics.ts";

test("Student's t agrees with the tables", () => {
  // Two-sided 5 % points for 1, 2, 3, 4, 5, 9, 10, 30 degrees of freedom.
  const table = { 1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 10: 2.228, 30: 2.042 };
  for (const [degrees, t] of Object.entries(table)) expect(tQuantile95(Number(degrees))).toBeCloseTo(t, 3);
  expect(1 - tInside(2.306, 8)).toBeCloseTo(0.05, 4);
  expect(1 - tInside(3.355, 8)).toBeCloseTo(0.01, 4);
});

test("p is below 0.05 exactly when the 95 % interval leaves 0 out", () => {
  const values = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 9 });
  fc.assert(
    fc.property(values, (given) => {
      const { mean, deviation } = spreadOf(given);
      fc.pre(deviation !== null && deviation > 1e-6);
      const [low, high] = intervalOf(mean, deviation, given.length) ?? [0, 0];
      const p = pValueOf(mean, deviation ?? 0, given.length);
      fc.pre(Math.abs(p - 0.05) > 1e-6);
      expect(p < 0.05).toBe(low > 0 || high < 0);
    }),
  );
});

describe("spread", () => {
  test("of one value and of three", () => {
    expect(spreadOf([0.5])).toMatchObject({ mean: 0.5, deviation: null, interval95: null });
    expect(spreadOf([1, 3]).interval95).toBeNull();
    const { mean, deviation, min, max, interval95 } = spreadOf([1, 2, 6]);
    expect([mean, min, max]).toEqual([3, 1, 6]);
    expect(deviation).toBeCloseTo(Math.sqrt(7), 12);
    expect(interval95?.[1]).toBeCloseTo(3 + (4.3027 * Math.sqrt(7)) / Math.sqrt(3), 3);
  });

  test("moves with the values and ignores their order", () => {
    const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(values, fc.double({ min: -1, max: 1, noNaN: true }), (given, shift) => {
        const [a, b] = [spreadOf(given), spreadOf(given.toReversed().map((value) => value + shift))];
        expect(b.mean).toBeCloseTo(a.mean + shift, 9);
        expect(b.deviation ?? 0).toBeCloseTo(a.deviation ?? 0, 9);
      }),
    );
  });
});

test("Holm's correction", () => {
  expect(holm([])).toEqual([]);
  expect(holm([0.04, 0.01, 0.03])).toEqual([0.06, 0.03, 0.06]);
  const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(pValues, (given) => {
      const adjusted = holm(given);
      const least = Math.min(...given);
      expect(Math.min(...adjusted)).toBeCloseTo(Math.min(1, given.length * least), 12); // Bonferroni for the first
      given.forEach((p, i) => {
        expect(adjusted[i]).toBeGreaterThanOrEqual(p);
        expect(adjusted[i]).toBeLessThanOrEqual(1);
        // The order stays.
        given.forEach((other, j) => {
          if (p < other) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j]);
        });
      });
    }),
  );
});
