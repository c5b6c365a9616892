import { expect, test } from "vitest";
import { duration, flop, integer, mebibytes, percent } from "./numbers.ts";

test("shares", () => {
  expect([0, 1, 0.12345, 0.99999].map((share) => percent(share))).toEqual([
    "0.0 %",
    "100.0 %",
    "12.3 %",
    "100.0 %",
  ]);
  expect(percent(0.12345, 2)).toBe("12.35 %");
  expect(percent(Number.NaN)).toBe("–");
});

test("times", () => {
  expect([0, 0.4, 75, 89.4].map(duration)).toEqual(["0 s", "0 s", "75 s", "89 s"]);
  expect([90, 720, 5399].map(duration)).toEqual(["2 min", "12 min", "90 min"]);
  expect([5400, 11100, 7199, 86400].map(duration)).toEqual([
    "1 h 30 min",
    "3 h 05 min",
    "2 h 00 min",
    "24 h 00 min",
  ]);
  expect(duration(Number.POSITIVE_INFINITY)).toBe("–");
});

test("work, never in powers of ten", () => {
  expect([0, 7, 999].map(flop)).toEqual(["0.00 FLOP", "7.00 FLOP", "999 FLOP"]);
  expect([999.6, 1000, 42.7e9, 2.1e18].map(flop)).toEqual([
    "1.00 kFLOP",
    "1.00 kFLOP",
    "42.7 GFLOP",
    "2.10 EFLOP",
  ]);
  for (let exponent = 0; exponent < 20; exponent++)
    for (const first of [1, 9.994, 9.996, 9.9999]) expect(flop(first * 10 ** exponent)).not.toContain("e");
});

test("counts and sizes", () => {
  expect(integer(5028866)).toBe("5,028,866");
  expect([0, 1.5 * 2 ** 20, 10 * 2 ** 20, 2 ** 30].map(mebibytes)).toEqual([
    "0.0 MiB",
    "1.5 MiB",
    "10 MiB",
    "1024 MiB",
  ]);
});
