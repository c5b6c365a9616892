import { expect, test } from "vitest";
import { summarizeComparison } from "./summary.ts";
import { madeUpComparison, madeUpRecord } from "./testing/made-up.ts";

const recordsOf = (accuracies: Readonly<Record<string, readonly number[]>>) =>
  Object.entries(accuracies).flatMap(([name, values]) =>
    values.map((value, seed) => madeUpRecord(name, seed, value)),
  );

const summarize = (accuracies: Readonly<Record<string, readonly number[]>>) =>
  summarizeComparison(madeUpComparison(Object.keys(accuracies), [0, 1, 2, 3, 4]), recordsOf(accuracies));

test("an entry is told apart by its differences seed by seed, not by the spread of the seeds", () => {
  const [base, better, worse, same] = summarize({
    base: [0.3, 0.5, 0.7, 0.9],
    better: [0.35, 0.56, 0.75, 0.94],
    worse: [0.2, 0.41, 0.6, 0.79],
    same: [0.6, 0.3, 0.8, 0.7],
  });
  expect(base.difference).toBeUndefined();
  expect(base.exactAccuracy).toMatchObject({ mean: 0.6, min: 0.3, max: 0.9 });
  expect(better.difference).toMatchObject({ baseline: "base", seeds: 4, verdict: "higher" });
  expect(better.difference?.mean).toBeCloseTo(0.05, 12);
  expect(worse.difference?.verdict).toBe("lower");
  expect(same.difference?.verdict).toBe("not told apart");
});

test("many entries make each of them harder to tell apart", () => {
  const clear = [0.31, 0.53, 0.72, 0.95];
  const alone = summarize({ base: [0.3, 0.5, 0.7, 0.9], clear });
  const noise = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`noise ${i}`, [0.5, 0.3, 0.9, 0.7]]));
  const among = summarize({ base: [0.3, 0.5, 0.7, 0.9], clear, ...noise });
  expect(alone[1].difference?.adjustedP).toBe(alone[1].difference?.p);
  expect(among[1].difference?.adjustedP).toBeCloseTo(10 * (alone[1].difference?.p ?? 0), 12);
});

test("differences all alike are not certain: one puzzle of spread is assumed", () => {
  const [, one, many] = summarize({
    base: [0.5, 0.5, 0.5],
    one: [0.5 + 1 / 300, 0.5 + 1 / 300, 0.5 + 1 / 300],
    many: [1, 1, 1],
  });
  expect(one.difference).toMatchObject({ verdict: "not told apart" });
  expect(many.difference).toMatchObject({ verdict: "higher" });
});

test("two seeds are not judged; unpaired seeds do not count; unfinished entries are left out", () => {
  const comparison = madeUpComparison(["base", "other", "open"], [0, 1, 2]);
  const records = [
    ...[0, 1, 2].map((seed) => madeUpRecord("base", seed, 0.5)),
    ...[1, 2].map((seed) => madeUpRecord("other", seed, 0.9)),
  ];
  const [, other, ...more] = summarizeComparison(comparison, records);
  expect(more).toEqual([]);
  expect(other.difference).toMatchObject({ seeds: 2, interval95: null, p: null, verdict: "not judged" });
  const withoutBaseline = summarizeComparison(comparison, records.slice(3));
  expect(withoutBaseline.map(({ difference }) => difference)).toEqual([undefined]);
});
