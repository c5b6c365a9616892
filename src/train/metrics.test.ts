import { expect, test } from "vitest";
import { addMetrics, sumMetrics, zeroMetrics } from "./metrics.ts";

const rows = {
  qLogits: Float32Array.of(0, 9, -1, 9, 2, 9, -3, 9, 5, 9),
  lmLoss: Float32Array.of(1, 2, 4, 8, 0),
  qHaltLoss: Float32Array.of(0.5, 0.25, 1, 2, 4),
  qContinueLoss: Float32Array.of(0, 0, 3, 0, 1),
  labelled: Float32Array.of(4, 4, 4, 4, 0),
  correct: Float32Array.of(4, 3, 1, 4, 0),
  exact: Float32Array.of(1, 0, 0, 1, 1),
};
const steps = Int32Array.of(3, 16, 5, 2, 1);

test("losses are summed over all rows, the rest over rows that halted and have labels", () => {
  const all = { halted: Int32Array.of(1, 1, 1, 1, 1), steps };
  expect(sumMetrics(rows, all)).toEqual({
    ...{ loss: 15 + 0.5 * (7.75 + 4), lm_loss: 15, q_halt_loss: 7.75, q_continue_loss: 4 },
    // The halting logit is right in rows 0 (0 counts as yes) and 1, wrong in 2 and 3; row 4 has no labels.
    ...{ count: 4, accuracy: 1 + 0.75 + 0.25 + 1, exact_accuracy: 2, q_halt_accuracy: 2, steps: 26 },
  });
  const some = { halted: Int32Array.of(0, 1, 0, 0, 1), steps };
  expect(sumMetrics(rows, some)).toEqual({
    ...{ loss: 15 + 0.5 * (7.75 + 4), lm_loss: 15, q_halt_loss: 7.75, q_continue_loss: 4 },
    ...{ count: 1, accuracy: 0.75, exact_accuracy: 0, q_halt_accuracy: 1, steps: 16 },
  });
});

test("a step in which nobody halts counts nobody", () => {
  const { count, accuracy, steps: sum } = sumMetrics(rows, { halted: new Int32Array(5), steps });
  expect([count, accuracy, sum]).toEqual([0, 0, 0]);
});

test("sums add up", () => {
  const total = zeroMetrics();
  const once = sumMetrics(rows, { halted: Int32Array.of(1, 1, 1, 1, 1), steps });
  addMetrics(total, once);
  addMetrics(total, once);
  expect(total).toEqual(Object.fromEntries(Object.entries(once).map(([name, sum]) => [name, 2 * sum])));
});
