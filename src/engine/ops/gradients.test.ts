// The gradient rule of every op against finite differences in float64, on property-based shapes.

import fc from "fast-check";
import { expect, test } from "vitest";
import { compareGradients } from "../testing/gradient-check.ts";
import { OP_CASES } from "../testing/op-cases.ts";

/**
 * Finite differences are good to about 1e-10 here (gradient-check.ts); a thousand times that still leaves a wrong rule
 * no room, and allows for the unlucky sample.
 */
const TOLERANCE = 1e-7;
const size = fc.integer({ min: 1, max: 3 });
const runs = { numRuns: 12, seed: 7 };

const withRule = OP_CASES.filter(({ op }) => op.gradient).map((each) => ({ ...each, name: each.op.name }));

test.each(withRule)("gradient of $name", async ({ op, samples, differentiable = [] }) => {
  let largest = 0;
  await fc.assert(
    fc.asyncProperty(samples(size), async (sample) => {
      for (const { input, actual, expected } of await compareGradients(op, sample)) {
        // Inputs that the rule treats as constants have gradient 0 whatever the differences say.
        const wanted = differentiable.includes(input) ? expected : expected.map(() => 0);
        expect(actual.length).toBe(wanted.length);
        actual.forEach((slope, i) => {
          largest = Math.max(largest, Math.abs(slope));
          expect(Math.abs(slope - wanted[i])).toBeLessThanOrEqual(TOLERANCE * (1 + Math.abs(wanted[i])));
        });
      }
    }),
    runs,
  );
  expect(largest).toBeGreaterThan(0.1); // the samples did have something to differentiate
});

const withoutRule = OP_CASES.filter(({ op }) => ["stopGradient", "selectRows"].includes(op.name)).map(
  (each) => ({ ...each, name: each.op.name }),
);

test.each(withoutRule)("$name lets no gradient through", async ({ op, samples }) => {
  await fc.assert(
    fc.asyncProperty(samples(size), async (sample) => {
      for (const { actual } of await compareGradients(op, sample))
        expect(actual.every((slope) => slope === 0)).toBe(true);
    }),
    runs,
  );
});
