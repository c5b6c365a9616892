import { expect, test } from "vitest";
import { scheduleFactor } from "./schedule.ts";

const published = { warmupSteps: 2000, totalSteps: 65100, minRatio: 1 };

test("the rate rises in equal parts, the first update having one of them", () => {
  expect(scheduleFactor(1, published)).toBe(1 / 2000);
  expect(1e-4 * scheduleFactor(1, published)).toBeCloseTo(5e-8, 20);
  expect(scheduleFactor(1000, published)).toBe(0.5);
  expect(scheduleFactor(1999, published)).toBe(1999 / 2000);
});

test("with a ratio of 1 it then stays as it is, also beyond the last step", () => {
  for (const step of [2000, 2001, 30000, 65100, 70000]) expect(scheduleFactor(step, published)).toBe(1);
});

test("with a smaller ratio it falls along a cosine to exactly that ratio", () => {
  const schedule = { warmupSteps: 100, totalSteps: 1100, minRatio: 0.1 };
  expect(scheduleFactor(100, schedule)).toBe(1);
  expect(scheduleFactor(350, schedule)).toBeCloseTo(0.1 + 0.9 * 0.5 * (1 + Math.SQRT1_2), 12);
  expect(scheduleFactor(600, schedule)).toBeCloseTo(0.55, 12);
  expect(scheduleFactor(1100, schedule)).toBe(0.1);
  expect(scheduleFactor(1100, { ...schedule, minRatio: 0 })).toBe(0);
  for (let step = 101; step <= 1100; step++)
    expect(scheduleFactor(step, schedule)).toBeLessThan(scheduleFactor(step - 1, schedule));
});

test("no warm-up, and a warm-up as long as the training", () => {
  expect(scheduleFactor(1, { warmupSteps: 0, totalSteps: 10, minRatio: 1 })).toBe(1);
  const all = { warmupSteps: 10, totalSteps: 10, minRatio: 0 };
  expect([1, 9, 10].map((step) => scheduleFactor(step, all))).toEqual([0.1, 0.9, 1]);
});
