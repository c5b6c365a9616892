import { expect, test } from "vitest";
import { wilsonInterval } from "./wilson.ts";

test("agrees with published values", () => {
  // Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  const cases: [number, number, number, number][] = [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ];
  for (const [successes, trials, low, high] of cases) {
    const [a, b] = wilsonInterval(successes, trials);
    expect(a).toBeCloseTo(low, 4);
    expect(b).toBeCloseTo(high, 4);
  }
});

test("nothing tried, nothing known", () => {
  expect(wilsonInterval(0, 0)).toEqual([0, 1]);
});
